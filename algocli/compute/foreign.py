"""Code of others, run within this program: where it is found, and where what it prints goes, never among results."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TextIO

_lock = Lock()
# For each block that is open, the stdout that it met: the first is put back when the last one is left, since blocks of
# several threads end in any order.
_met: list[TextIO] = []


@contextmanager
def printing_aside() -> Iterator[None]:
    """Send what is printed within a `with` block, or a function so decorated, to stderr."""
    with _lock:
        _met.append(sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _lock:
            last = _met.pop()
            if not _met:
                sys.stdout = last


@contextmanager
def in_reach(folder: Path, *, first: bool = False) -> Iterator[None]:
    """Let modules of a folder be found within a `with` block, after those of packages, or `first`."""
    here = str(folder)
    is_added = first or here not in sys.path
    if is_added:
        sys.path.insert(0 if first else len(sys.path), here)
    # A file that was written since a folder was last listed would not be found.
    importlib.invalidate_caches()
    try:
        yield
    finally:
        # One that was there before keeps its place: packages that it goes before would go before it from now on. What
        # is imported may have put folders of its own before this one, or taken it out.
        if is_added:
            with suppress(ValueError):
                sys.path.remove(here)
