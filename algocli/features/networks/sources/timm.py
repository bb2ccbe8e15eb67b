"""timm's networks, by name, where that is installed."""

from __future__ import annotations

import importlib
from contextlib import nullcontext
from typing import Any

from algocli.compute.choices import did_you_mean
from algocli.errors import UsageError, install_hint
from algocli.features.networks.network import (
    Network,
    NetworkRequest,
    choose_transform,
    impatient,
    no_entry,
    out_of_reach,
    undrawn,
)
from algocli.features.networks.preprocessing import of_config
from algocli.features.networks.weights import PRETRAINED

PREFIX = "timm/"


def build(request: NetworkRequest) -> Network:
    """Build a network of timm.

    Raises
    ------
    UsageError
        If timm is not installed, has no such network, or no such pretrained weights of it.
    DataError
        If the pretrained weights cannot be downloaded.
    """
    timm = _timm()
    architecture, _, tag = request.name.partition(".")
    if not timm.is_model(architecture):
        raise UsageError(f"timm has no network '{architecture}'{did_you_mean(architecture, timm.list_models())}")
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
    try:
        with impatient():
            return timm.create_model(name, pretrained=pretrained)
    # The hub that most weights lie on has errors of its own, which are none of urllib's.
    except Exception as error:
        if not pretrained:
            raise
        raise out_of_reach(
            f"the pretrained weights of timm/{name}", error, "pass a checkpoint: weights=FILE (or weights='random')"
        ) from error


def _timm() -> Any:
    """Import timm, which is an extra."""
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise UsageError("timm's networks need timm, which is not installed", hint=install_hint("timm")) from error


def _is_of(name: str, architecture: str) -> bool:
    return name.partition(".")[0] == architecture
