"""timm's networks, by name, where that is installed."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from algocli.errors import UsageError, install_hint
from algocli.features.networks.compiler import put_off
from algocli.features.networks.hub import fetch_file, silenced
from algocli.features.networks.network import (
    Network,
    NetworkRequest,
    Offer,
    choose_transform,
    file_or_fetched,
    impatient,
    no_entry,
    out_of_reach,
    undrawn,
)
from algocli.features.networks.readiness import place_of
from algocli.features.networks.stated import of_config
from algocli.features.networks.tokens import (
    Grid,
    ReadTokens,
    Shape,
    Tokens,
    check_patches,
    in_sequence,
    is_inside,
    is_kind,
    on_grid,
)
from algocli.features.networks.weights import PRETRAINED

PREFIX = "timm/"
NONE = "timm has no network"
# Transformers whose class tokens come first, then their registers, then the patches, row by row.
_SEQUENCES = (
    "timm.models.vision_transformer.VisionTransformer",
    "timm.models.deit.VisionTransformerDistilled",
    "timm.models.vision_transformer_relpos.VisionTransformerRelPos",
    "timm.models.eva.Eva",
    "timm.models.beit.Beit",
)
_FLEXIBLE = "timm.models.naflexvit.NaFlexVit"
_SWINS = ("timm.models.swin_transformer.SwinTransformer", "timm.models.swin_transformer_v2.SwinTransformerV2")
_MAXVIT = "timm.models.maxxvit.MaxxVit"
# What within a block of a Swin has every patch at its place: its attention rolls them and cuts them into windows.
_IN_PLACE = re.compile(
    r"layers(\.\d+(\.downsample(\.(norm|reduction))?|\.blocks(\.\d+"
    r"(\.((norm1|norm2|mlp|drop_path1|drop_path2)(\..*)?|add|add_1|reshape|reshape_1))?)?)?)?"
)


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
    architecture, tag = _named(timm, request)
    name = f"{architecture}.{tag}" if tag else architecture
    # Before a network is built that would have none.
    if request.entry:
        fetch(request)
    with nullcontext() if request.is_drawn else undrawn():
        module = _create(timm, name, pretrained=bool(request.entry))
    config = timm.data.resolve_model_data_config(module)
    asks_for = of_config(config)
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
        restate=lambda side: of_config({**config, "input_size": (config["input_size"][0], side, side)}),
    )


def fetch(request: NetworkRequest) -> list[Path]:
    """Return the file of a network's weights, fetched if it was not before.

    Raises
    ------
    UsageError, DataError
        As `build`.
    """
    timm = _timm()
    architecture, tag = _named(timm, request)
    name = f"{architecture}.{tag}" if tag else architecture
    config = timm.models.get_pretrained_cfg(name)
    if not config.hf_hub_id:
        _create(timm, name, pretrained=True)
        return [place_of(config.url)]
    # As timm looks for them: it takes tensors alone before what a pickle may hold beside them.
    files = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    return [fetch_file(f"{PREFIX}{name}", config.hf_hub_id, files)]


def read_tokens(module: Any, side: int) -> ReadTokens | None:
    """Return what tells the tokens of one of timm's transformers."""
    if is_kind(module, _FLEXIBLE):
        embeds = module.embeds
        return _prefixed(module, embeds.dynamic_feat_size((side, side)), "embeds.proj")
    if is_kind(module, *_SEQUENCES):
        embed = module.patch_embed
        is_dynamic = getattr(module, "dynamic_img_size", False)
        grid = embed.dynamic_feat_size((side, side)) if is_dynamic else embed.grid_size
        return _prefixed(module, tuple(grid), "patch_embed")
    if is_kind(module, *_SWINS):
        return lambda layer, shape: _read_swin(module, layer, shape)
    if is_kind(module, _MAXVIT):
        return _read_maxvit
    return None


def resize(module: Any, side: int) -> bool:
    """Let a transformer of timm's take images of another side, its positions interpolated, as `img_size` does it.

    Raises
    ------
    UsageError
        If the images cannot be cut into its patches.
    """
    # Stages and blocks have the former, too.
    if not (hasattr(module, "set_input_size") and hasattr(module, "forward_features")):
        return False
    patch = getattr(getattr(module, "patch_embed", None), "patch_size", None)
    if patch is not None:
        check_patches(side, max(patch))
    # Windows would grow with the images.
    kept = {"window_size": module._ref_window_sizes} if is_kind(module, *_SWINS) else {}
    module.set_input_size(img_size=(side, side), **kept)
    return True


def _prefixed(module: Any, grid: Grid, embedding: str) -> ReadTokens:
    n_special, n_registers = module.num_prefix_tokens, getattr(module, "num_reg_tokens", None)
    if n_registers is None:
        # Those of Eva's kind, DINOv3 among them, keep no count of their registers.
        registers = getattr(module, "reg_token", None)
        n_registers = 0 if registers is None else registers.shape[1]
    n_class = n_special - n_registers
    return in_sequence(grid, range(n_class), range(n_class, n_special), embedding=embedding)


def _read_swin(module: Any, layer: str, shape: Shape) -> Tokens | None:
    if is_inside(layer, "patch_embed"):
        grid = tuple(module.patch_embed.grid_size)
        return on_grid(shape, "yxc", grid) or on_grid(shape, "cyx", grid)
    if layer == "norm":
        return on_grid(shape, "yxc", tuple(module.layers[-1].output_resolution))
    if not _IN_PLACE.fullmatch(layer):
        return None
    stage = int(layer.split(".")[1]) if "." in layer else -1
    grid = tuple(module.layers[stage].output_resolution)
    # Between attention and the end of a block they stand in one row.
    return on_grid(shape, "yxc", grid) or in_sequence(grid)(layer, shape)


def _read_maxvit(layer: str, shape: Shape) -> Tokens | None:
    """Return the tokens of the stem, of a stage, of a block or of its convolutions: maps of channels."""
    is_map = re.fullmatch(r"stem|stages(\.\d+(\.blocks(\.\d+(\.conv)?)?)?)?", layer) and len(shape) == 3
    return on_grid(shape, "cyx", (shape[1], shape[2])) if is_map else None


def _named(timm: Any, request: NetworkRequest) -> tuple[str, str]:
    """Return a network's name, and that of its weights, which may be empty."""
    architecture, _, tag = request.name.partition(".")
    if request.entry not in (None, PRETRAINED):
        tag = str(request.entry)
    tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}*") if _is_of(name, architecture)]
    if tag and tag not in tags:
        raise no_entry(f"timm/{architecture}", tag, tags)
    if request.entry and not tags:
        raise UsageError(f"timm has no pretrained weights of {architecture}", hint="use weights='random', or a file")
    return architecture, tag


def _create(timm: Any, name: str, *, pretrained: bool) -> Any:
    if not pretrained:
        return timm.create_model(name, pretrained=False)
    try:
        # What lies on the hub has been fetched: only what does not is still asked for.
        with silenced(), impatient():
            return timm.create_model(name, pretrained=True)
    # The hub's client has errors of its own, which are none of urllib's.
    except Exception as error:
        model = f"{PREFIX}{name}"
        raise out_of_reach(f"the pretrained weights of {model}", error, file_or_fetched(model)) from error


def _timm() -> Any:
    """Import timm, which is an extra."""
    try:
        with put_off():
            return importlib.import_module("timm")
    except ImportError as error:
        raise UsageError("timm's networks need timm, which is not installed", hint=install_hint("timm")) from error


def _is_of(name: str, architecture: str) -> bool:
    return name.partition(".")[0] == architecture
