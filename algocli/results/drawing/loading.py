"""Loads matplotlib whatever its user's settings are: a notebook's, which are meant for the notebook, or broken ones."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch


def load_matplotlib() -> None:
    """See that matplotlib can be imported; to be called before anything of it is.

    A backend that is not installed (MPLBACKEND, as notebooks hand it on to what they start) and a matplotlibrc that is
    no text make its import fail, though nothing here opens a window, and `styled` has settings of its own.
    """
    if "matplotlib" in sys.modules:
        return
    try:
        importlib.import_module("matplotlib")
    except (ValueError, OSError):
        _load_as_it_comes()


def _load_as_it_comes() -> None:
    """Import matplotlib with the settings that come with it, and none of its user's."""
    # What had been imported of it before it failed.
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        del sys.modules[name]
    spec = find_spec("matplotlib")
    home = str(Path(spec.origin).parent / "mpl-data") if spec is not None and spec.origin else ""
    exists = os.path.exists
    with (
        patch.dict(os.environ, {"MPLBACKEND": "agg", "MATPLOTLIBRC": home}),
        # It looks into the current folder first.
        patch("os.path.exists", lambda path: path != "matplotlibrc" and exists(path)),
    ):
        importlib.import_module("matplotlib")
