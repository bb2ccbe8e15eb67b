"""Networks by name: torchvision's classifiers, and timm's where that is installed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from algocli.compute.choices import did_you_mean
from algocli.compute.extras import install_hint
from algocli.errors import UsageError
from algocli.features.networks.building import Network, Request, choose_transform, impatient, out_of_reach, undrawn
from algocli.features.networks.preprocessing import TUTORIAL
from algocli.features.networks.stated import of_config, of_preset
from algocli.features.networks.weights import PRETRAINED

if TYPE_CHECKING:
    import torch

# The pretrained weights of these two expect another normalisation, which `transform_input` makes from ImageNet's and
# which torchvision switches on only where it loads the weights itself. Without `init_weights` it warns.
_ARGUMENTS = {name: {"transform_input": True, "init_weights": True} for name in ("googlenet", "inception_v3")}


def from_torchvision(request: Request) -> Network:
    """Build a classifier of torchvision.

    Raises
    ------
    UsageError
        If there is no such classifier, or no such pretrained weights of it.
    """
    from algocli.features.networks.torchvision_import import torchvision

    model, names = request.name, torchvision.models.list_models(module=torchvision.models)
    if model not in names:
        raise UsageError(f"torchvision has no classifier '{model}'{did_you_mean(model, names)}")
    entry = _entry(model, request.entry or PRETRAINED)
    own = of_preset(entry.transforms())
    transform = choose_transform(model, request.transform, own)
    arguments: dict[str, Any] = dict(_ARGUMENTS.get(model, {}))
    # A vision transformer is built for images of one size.
    if model.startswith("vit_") and transform.size != TUTORIAL.size:
        arguments["image_size"] = transform.size
    if model.startswith("vit_") and request.entry and transform.size != own.size:
        raise UsageError(
            f"{entry} of {model} take images of {own.size} x {own.size}", hint="leave out --transform tutorial"
        )
    with nullcontext() if request.is_drawn else undrawn():
        module = torchvision.models.get_model(model, weights=None, **arguments)
    return Network(
        model,
        module,
        f"torchvision/{model}",
        transform,
        own,
        arguments,
        (lambda: _pretrained_state(model, entry)) if request.entry else request.read_file if request.is_file else None,
        f"{model}'s pretrained weights" if request.entry else request.weights,
    )


def from_timm(request: Request) -> Network:
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
        raise _no_entry(f"timm/{architecture}", tag, tags)
    if request.entry and not tags:
        raise UsageError(f"timm has no pretrained weights of {architecture}", hint="use --weights random, or a file")
    name = f"{architecture}.{tag}" if tag else architecture
    with nullcontext() if request.is_drawn else undrawn():
        module = _create(timm, name, pretrained=bool(request.entry))
    own = of_config(timm.data.resolve_model_data_config(module))
    return Network(
        f"timm/{architecture}",
        module,
        f"timm/{architecture}",
        choose_transform(f"timm/{name}", request.transform, own),
        own,
        read_weights=request.read_file if request.is_file else None,
        weights_source=request.weights,
        # A tag in the name says which of several weights: '--weights TAG' asks for them too.
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
            f"the pretrained weights of timm/{name}", error, "pass a checkpoint: --weights FILE (or --weights random)"
        ) from error


def _timm() -> Any:
    """Import timm, which is an extra."""
    try:
        return importlib.import_module("timm")
    except ImportError as error:
        raise UsageError("timm's networks need timm, which is not installed", hint=install_hint("timm")) from error


def _entry(model: str, name: str) -> Any:
    """Return the entry of torchvision's table of weights that has this name."""
    from algocli.features.networks.torchvision_import import torchvision

    entries = torchvision.models.get_model_weights(model)
    if name == PRETRAINED:
        return entries.DEFAULT
    if name not in entries.__members__:
        raise _no_entry(model, name, list(entries.__members__))
    return entries[name]


def _no_entry(model: str, name: str, names: list[str]) -> UsageError:
    listed = ", ".join(["pretrained", *names, "random", "random:SEED"])
    return UsageError(
        f"{model} has no weights '{name}'{did_you_mean(name, [*names, 'pretrained', 'random'])}",
        hint=f"use {listed} or a file",
    )


def _is_of(name: str, architecture: str) -> bool:
    return name.partition(".")[0] == architecture


def _pretrained_state(model: str, entry: Any) -> Mapping[str, torch.Tensor]:
    try:
        with impatient():
            return dict(entry.get_state_dict(progress=False, check_hash=True))
    except (URLError, OSError, RuntimeError) as error:
        raise out_of_reach(
            f"the pretrained weights of {model}",
            error,
            f"fetch {entry.url} elsewhere and pass it: --weights FILE (or --weights random for a test)",
        ) from error
