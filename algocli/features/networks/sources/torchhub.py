"""Networks of a repository's hubconf.py, on GitHub or on this disk."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

from algocli.errors import UsageError
from algocli.features.networks.code import as_network, call, refused
from algocli.features.networks.network import Network, Request, impatient, out_of_reach

PREFIX = "torchhub:"


def build(request: Request) -> Network:
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


def _load_from_hub(model: str, name: str, where: Mapping[str, Any], request: Request) -> Any:
    import torch

    # It has no types.
    hub: Any = torch.hub
    try:
        with impatient():
            return call(functools.partial(hub.load, model=name, verbose=False, **where), request)
    except (URLError, ConnectionError, TimeoutError) as error:
        raise out_of_reach(model, error, "repeat the command where there is a network, or name a local copy") from error
    # It is someone else's code: whatever it raises is told with what it was asked for.
    except Exception as error:
        raise refused(model, error) from error
