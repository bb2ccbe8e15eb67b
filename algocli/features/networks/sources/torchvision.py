"""torchvision's classifiers, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from algocli.errors import UsageError
from algocli.features.networks.network import (
    Network,
    NetworkRequest,
    Offer,
    choose_transform,
    fetch_elsewhere,
    impatient,
    no_entry,
    out_of_reach,
    undrawn,
)
from algocli.features.networks.preprocessing import TUTORIAL
from algocli.features.networks.readiness import place_of
from algocli.features.networks.stated import of_preset
from algocli.features.networks.tokens import (
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

if TYPE_CHECKING:
    import torch

PREFIX = "torchvision/"
NONE = "torchvision has no classifier"
# The pretrained weights of these two expect another normalisation, which `transform_input` makes from ImageNet's and
# which torchvision switches on only where it loads the weights itself. Without `init_weights` it warns.
_ARGUMENTS = {name: {"transform_input": True, "init_weights": True} for name in ("googlenet", "inception_v3")}


def has(name: str) -> bool:
    """Say whether there is a classifier of that name."""
    return name in _names()


def offered() -> Iterator[Offer]:
    """Yield all, with their sizes."""
    from algocli.features.networks.torchvision_import import torchvision

    for name in _names():
        entries = torchvision.models.get_model_weights(name)
        usual = entries.DEFAULT
        size = of_preset(usual.transforms()).size
        yield Offer(name, size, usual.meta["num_params"], tuple(entry.name for entry in entries))


def build(request: NetworkRequest) -> Network:
    """Build a classifier of torchvision.

    Raises
    ------
    UsageError
        If there are no such pretrained weights of it.
    """
    from algocli.features.networks.torchvision_import import torchvision

    model = request.name
    entry = _entry(model, request.entry or PRETRAINED)
    asks_for = of_preset(entry.transforms())
    transform = choose_transform(model, request.transform, asks_for)
    arguments: dict[str, Any] = dict(_ARGUMENTS.get(model, {}))
    # A vision transformer is built for images of one size.
    if model.startswith("vit_") and transform.size != TUTORIAL.size:
        arguments["image_size"] = transform.size
    if model.startswith("vit_") and request.entry and transform.size != asks_for.size:
        raise UsageError(
            f"{entry} of {model} take images of {asks_for.size} x {asks_for.size}",
            hint="leave out transform='tutorial'",
        )
    with nullcontext() if request.is_drawn else undrawn():
        module = torchvision.models.get_model(model, weights=None, **arguments)
    return Network(
        model,
        module,
        f"torchvision/{model}",
        transform,
        asks_for,
        arguments,
        (lambda: _pretrained_state(model, entry)) if request.entry else None,
        f"{model}'s pretrained weights",
    )


def fetch(request: NetworkRequest) -> list[Path]:
    """Return the file of a classifier's weights, fetched if it was not before.

    Raises
    ------
    UsageError, DataError
        As `build`, and where they are loaded.
    """
    entry = _entry(request.name, request.entry or PRETRAINED)
    _pretrained_state(request.name, entry)
    return [place_of(entry.url)]


def read_tokens(module: Any, side: int) -> ReadTokens | None:
    """Return what tells the tokens of one of torchvision's transformers."""
    if is_kind(module, "torchvision.models.vision_transformer.VisionTransformer"):
        n_side = module.image_size // module.patch_size
        return in_sequence((n_side, n_side), (0,), embedding="conv_proj")
    if is_kind(module, "torchvision.models.swin_transformer.SwinTransformer"):
        return _read_swin
    if is_kind(module, "torchvision.models.maxvit.MaxVit"):
        return _read_maxvit
    return None


def resize(module: Any, side: int) -> bool:
    """Let a vision transformer of torchvision's take images of another side, its positions interpolated.

    Raises
    ------
    UsageError
        If the images cannot be cut into its patches.
    """
    from algocli.features.networks.torchvision_import import torchvision

    if not isinstance(module, torchvision.models.VisionTransformer):
        return False
    import torch

    check_patches(side, module.patch_size)
    positions = {"encoder.pos_embedding": module.encoder.pos_embedding.detach()}
    resized = torchvision.models.vision_transformer.interpolate_embeddings(side, module.patch_size, positions)
    module.encoder.pos_embedding = torch.nn.Parameter(resized["encoder.pos_embedding"])
    module.image_size, module.seq_length = side, module.encoder.pos_embedding.shape[1]
    return True


def _read_swin(layer: str, shape: Shape) -> Tokens | None:
    """Return the tokens of a layer that has rows x columns x channels, as all have but the first and the last."""
    is_first = layer == "features.0.0"
    if len(shape) != 3 or not (is_inside(layer, "features") or layer in ("norm", "permute")):
        return None
    grid = shape[1:] if is_first or layer == "permute" else shape[:2]
    return Tokens("cyx" if is_first or layer == "permute" else "yxc", (grid[0], grid[1]))


def _read_maxvit(layer: str, shape: Shape) -> Tokens | None:
    """Return the tokens of the stem, of a block, of a layer or of its convolutions: maps of channels."""
    parts = r"stem|blocks(\.\d+(\.layers(\.\d+(\.layers(\.(MBconv|(window|grid)_attention))?)?)?)?)?"
    is_map = re.fullmatch(parts, layer) and len(shape) == 3
    return on_grid(shape, "cyx", (shape[1], shape[2])) if is_map else None


def _names() -> list[str]:
    from algocli.features.networks.torchvision_import import torchvision

    return list(torchvision.models.list_models(module=torchvision.models))


def _entry(model: str, name: str) -> Any:
    """Return the entry of torchvision's table of weights that has this name."""
    from algocli.features.networks.torchvision_import import torchvision

    entries = torchvision.models.get_model_weights(model)
    if name == PRETRAINED:
        return entries.DEFAULT
    if name not in entries.__members__:
        raise no_entry(model, name, list(entries.__members__))
    return entries[name]


def _pretrained_state(model: str, entry: Any) -> Mapping[str, torch.Tensor]:
    try:
        with impatient():
            return dict(entry.get_state_dict(progress=False, check_hash=True))
    except (URLError, OSError, RuntimeError) as error:
        raise out_of_reach(
            f"the pretrained weights of {model}",
            error,
            f"fetch {entry.url} elsewhere and pass it: weights=FILE; or {fetch_elsewhere(model)}",
        ) from error
