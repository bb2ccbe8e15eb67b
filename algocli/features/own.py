"""Networks that no list names: from a repository's hubconf.py, or from a Python module of one's own."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

from algocli.compute.choices import did_you_mean
from algocli.errors import UsageError
from algocli.features.networks import Network, Request, choose_transform, impatient, out_of_reach
from algocli.features.stated import stated_transform
from algocli.features.weights import PRETRAINED


def from_hub(request: Request) -> Network:
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
            hint="if you trust it, say so with --trust-remote-code",
        )
    folder = Path(place).expanduser()
    if is_local and not (folder / "hubconf.py").is_file():
        raise UsageError(f"{folder} holds no hubconf.py")
    where = {"repo_or_dir": str(folder), "source": "local"} if is_local else {"repo_or_dir": place, "trust_repo": True}
    # Where a copy lies is no part of what it is.
    architecture = f"torchhub:{folder.resolve().name}:{name}" if is_local else model
    return _own(model, architecture, _load_from_hub(model, name, where, request), request)


def from_python(request: Request) -> Network:
    """Build what a callable of a Python module returns; modules in the current folder are found too.

    Raises
    ------
    UsageError
        If there is no such module or callable, or it gives no network.
    """
    model = f"python:{request.name}"
    module_name, _, name = request.name.partition(":")
    if not module_name or not name:
        raise UsageError(f"{model} is not written as python:MODULE:CALLABLE")
    with _current_folder():
        try:
            module = importlib.import_module(module_name)
            found = getattr(module, name, None)
            network = _call(found, request) if callable(found) and not _is_network(found) else found
        # It is the user's own code: whatever it raises is told with the place it was raised for.
        except Exception as error:
            raise _refused(model, error) from error
    if found is None:
        raise UsageError(f"{module_name} has no callable '{name}'{did_you_mean(name, vars(module))}")
    return _own(model, model, network, request)


def _own(model: str, architecture: str, network: Any, request: Request) -> Network:
    if not _is_network(network):
        raise UsageError(f"{model} gives {type(network).__name__}; a torch.nn.Module was expected")
    own = stated_transform(network)
    transform = choose_transform(model, request.transform, own)
    if request.entry not in (None, PRETRAINED):
        raise UsageError(
            f"{model} has no weights '{request.weights}'", hint="use pretrained (what it comes with), random or a file"
        )
    read = request.read_file if request.is_file else None
    return Network(
        model,
        network,
        architecture,
        transform,
        own,
        read_weights=read,
        weights_source=request.weights,
        is_own=True,
    )


def _load_from_hub(model: str, name: str, where: Mapping[str, Any], request: Request) -> Any:
    import torch

    # It has no types.
    hub: Any = torch.hub
    _forget_repositories()
    try:
        with impatient():
            return _call(functools.partial(hub.load, model=name, verbose=False, **where), request)
    except (URLError, ConnectionError, TimeoutError) as error:
        raise out_of_reach(model, error, "repeat the command where there is a network, or name a local copy") from error
    # It is someone else's code: whatever it raises is told with what it was asked for.
    except Exception as error:
        raise _refused(model, error) from error


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


def _call(build: Callable[..., Any], request: Request) -> Any:
    """Call with `pretrained`, as most such functions have it, or without where one does not."""
    try:
        return build(pretrained=bool(request.entry))
    except TypeError as error:
        if "unexpected keyword argument 'pretrained'" not in str(error):
            raise
    return build()


def _is_network(value: Any) -> bool:
    import torch

    return isinstance(value, torch.nn.Module)


def _refused(model: str, error: Exception) -> UsageError:
    first = (str(error).strip().splitlines() or [""])[0]
    return UsageError(f"{model} cannot be built: {type(error).__name__}: {first}")


@contextmanager
def _current_folder() -> Iterator[None]:
    """Let modules of the current folder be imported, as `python -m` does."""
    sys.path.insert(0, str(Path.cwd()))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.pop(0)
