"""timm's networks, by name, where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

from algocli.errors import UsageError, install_hint
from algocli.features.networks.network import (
    Network,
    NetworkRequest,
    Offer,
    choose_transform,
    impatient,
    no_entry,
    out_of_reach,
    undrawn,
)
from algocli.features.networks.readiness import unreachable
from algocli.features.networks.stated import of_config
from algocli.features.networks.weights import PRETRAINED

PREFIX = "timm/"
NONE = "timm has no network"


def has(name: str) -> bool:
    """Say whether there is a network of that name, which may go on with that of its weights after a dot.

    Raises
    ------
    UsageError
        If timm is not installed.
    """
    return bool(_timm().is_model(name.partition(".")[0]))


def offered() -> Iterator[Offer]:
    """Yield all, with their sizes but for the number of parameters, which only building one tells."""
    timm, tags = _timm(), defaultdict[str, list[str]](list)
    for name in timm.list_pretrained():
        architecture, _, tag = name.partition(".")
        tags[architecture].append(tag)
    for name in timm.list_models():
        config = timm.models.get_pretrained_cfg(name)
        size = None if config is None else config.input_size[-1]
        yield Offer(f"{PREFIX}{name}", size, None, tuple(filter(None, tags[name])))


def count_parameters(model: str) -> int | None:
    """Build a network without its numbers to count them; None where it cannot be built so."""
    import torch

    with torch.device("meta"), suppress(Exception):
        module = _create(_timm(), model.removeprefix(PREFIX), pretrained=False)
        return sum(int(parameter.numel()) for parameter in module.parameters())
    return None


def is_installed() -> bool:
    """Say whether timm is here."""
    return importlib.util.find_spec("timm") is not None


def build(request: NetworkRequest) -> Network:
    """Build a network of timm.

    Raises
    ------
    UsageError
        If timm is not installed, or has no such pretrained weights of it.
    DataError
        If the pretrained weights cannot be downloaded.
    """
    timm = _timm()
    architecture, _, tag = request.name.partition(".")
    if request.entry not in (None, PRETRAINED):
        tag = str(request.entry)
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}*") if _is_of(name, architecture)]
    if tag and tag not in tags:
        raise no_entry(f"timm/{architecture}", tag, tags)
    if request.entry and not tags:
        raise UsageError(f"timm has no pretrained weights of {architecture}", hint="use weights='random', or a file")
    name = f"{architecture}.{tag}" if tag else architecture
    with nullcontext() if request.is_drawn else undrawn():
        module = _create(timm, name, pretrained=bool(request.entry))
    asks_for = of_config(timm.data.resolve_model_data_config(module))
    return Network(
        f"timm/{architecture}",
        module,
        f"timm/{architecture}",
        choose_transform(f"timm/{name}", request.transform, asks_for),
        asks_for,
        # A tag in the name says which of several weights: weights='TAG' asks for them too.
        weights=tag if request.entry else "",
        tracing={
            "leaf_modules": timm.layers.get_notrace_modules(),
            "autowrap_functions": timm.layers.get_notrace_functions(),
        },
    )


def _create(timm: Any, name: str, *, pretrained: bool) -> Any:
    if not pretrained:
        return timm.create_model(name, pretrained=False)
    with _hub() as silent:
        try:
            with impatient():
                return timm.create_model(name, pretrained=True)
        # The hub that most weights lie on has errors of its own, which are none of urllib's.
        except Exception as error:
            # Kept from asking, it says no more than that it has no such file.
            why = OSError(silent) if silent and isinstance(error, FileNotFoundError) else error
            raise out_of_reach(
                f"the pretrained weights of timm/{name}", why, "pass a checkpoint: weights=FILE (or weights='random')"
            ) from error


@contextmanager
def _hub() -> Iterator[str | None]:
    """Keep the hub's client to what it has fetched before where the hub does not answer: it would ask a dozen times.

    Yields
    ------
    Why the hub is not asked, None where it is.
    """
    constants: Any = importlib.import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    silent = "HF_HUB_OFFLINE is set" if before else unreachable([constants.ENDPOINT])[constants.ENDPOINT]
    # Whom to trust over HTTPS the client decides by itself.
    if silent is not None and "certificate" in silent:
        silent = None
    constants.HF_HUB_OFFLINE = silent is not None
    try:
        yield silent if silent is None or before else f"{constants.ENDPOINT} is out of reach ({silent})"
    finally:
        constants.HF_HUB_OFFLINE = before


def _timm() -> Any:
    """Import timm, which is an extra."""
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise UsageError("timm's networks need timm, which is not installed", hint=install_hint("timm")) from error


def _is_of(name: str, architecture: str) -> bool:
    return name.partition(".")[0] == architecture
