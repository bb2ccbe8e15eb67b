"""Networks of a repository's hubconf.py, on GitHub or on this disk."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

from algocli.errors import UsageError
from algocli.features.networks.network import (
    Network,
    NetworkRequest,
    as_network,
    call,
    impatient,
    out_of_reach,
    refused,
)

PREFIX = "torchhub:"


def build(request: NetworkRequest) -> Network:
    """Build what a repository's hubconf.py offers under a name.

    Raises
    ------
    UsageError
        If running its code was not allowed, or it offers no such network.
    DataError
        If it cannot be downloaded.
    """
    model = f"torchhub:{request.name}"
    place, _, name = request.name.rpartition(":")
    is_local = place.startswith(("/", ".", "~"))
    if not place or not name or not (is_local or "/" in place):
        raise UsageError(f"{model} is not written as torchhub:OWNER/REPO:NAME or torchhub:OWNER/REPO:BRANCH:NAME")
    if not request.trust_remote_code:
        raise UsageError(
            f"{model} runs code from {place} on this machine",
            hint="if you trust it, say so with trust_remote_code=True",
        )
    folder = Path(place).expanduser()
    if is_local and not (folder / "hubconf.py").is_file():
        raise UsageError(f"{folder} holds no hubconf.py")
    where = {"repo_or_dir": str(folder), "source": "local"} if is_local else {"repo_or_dir": place, "trust_repo": True}
    # Where a copy lies is no part of what it is.
    architecture = f"torchhub:{folder.resolve().name}:{name}" if is_local else model
    return as_network(model, architecture, _load_from_hub(model, name, where, request), request)


def _load_from_hub(model: str, name: str, where: Mapping[str, Any], request: NetworkRequest) -> Any:
    import torch

    # It has no types.
    hub: Any = torch.hub
    _forget_repositories()
    try:
        with impatient():
            return call(functools.partial(hub.load, model=name, verbose=False, **where), request)
    except (URLError, ConnectionError, TimeoutError) as error:
        raise out_of_reach(model, error, "repeat the command where there is a network, or name a local copy") from error
    # It is someone else's code: whatever it raises is told with what it was asked for.
    except Exception as error:
        raise refused(model, error) from error


def _forget_repositories() -> None:
    """Let a repository import modules of its own, whatever another one (or it, before it changed) calls the same.

    Torch leaves what it imported: of two repositories with a models.py the second would be built of the first one's.
    What lies where Python looks for modules anyway stays.
    """
    stay = {Path(place or ".").resolve() for place in sys.path}
    for name, module in list(sys.modules.items()):
        # Some modules of torch answer to any attribute.
        spec = vars(module).get("__spec__")
        place = next(iter(getattr(spec, "submodule_search_locations", None) or [getattr(spec, "origin", None)]), None)
        # A module a.b lies two levels below what a was imported from.
        above = Path(place).resolve().parents if isinstance(place, str) else []
        home = above[name.count(".")] if len(above) > name.count(".") else None
        if home is not None and home not in stay and (home / "hubconf.py").is_file():
            del sys.modules[name]
    importlib.invalidate_caches()
