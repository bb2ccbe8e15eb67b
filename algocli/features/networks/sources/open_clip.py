"""Image towers of open_clip's networks, by architecture and weights: open_clip:ViT-B-32/laion2b_s34b_b79k."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from algocli.compute.remarks import list_some
from algocli.errors import UsageError, install_hint
from algocli.features.networks.checkpoints import read_state
from algocli.features.networks.compiler import put_off
from algocli.features.networks.folders import read_settings
from algocli.features.networks.hub import reaching, silenced
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
from algocli.features.networks.preprocessing import INTERPOLATIONS, Transform
from algocli.features.networks.tokens import ReadTokens, check_patches, in_sequence, is_kind
from algocli.features.networks.weights import PRETRAINED

if TYPE_CHECKING:
    import torch

PREFIX = "open_clip:"
NONE = "open_clip has no architecture"
_TOWER = "open_clip.transformer.VisionTransformer"
# What a folder of the hub holds beside the weights.
CONFIG = "open_clip_config.json"
_SHOWN = 6
# Under this name a whole network has its image tower.
_VISUAL = "visual."


def has(name: str) -> bool:
    """Say whether there is an architecture of that name, which may go on with that of its weights after a slash.

    Raises
    ------
    UsageError
        If open_clip is not installed.
    """
    return name.partition("/")[0] in imported().list_models()


def offered() -> Iterator[Offer]:
    """Yield all, with the size of their images and the names of their weights."""
    library = imported()
    for name in library.list_models():
        size = library.get_model_config(name)["vision_cfg"].get("image_size")
        side = size if isinstance(size, int) else None
        yield Offer(f"{PREFIX}{name}", side, None, tuple(library.list_pretrained_tags_by_model(name)), "/")


def build(request: NetworkRequest) -> Network:
    """Build the image tower of a network.

    Raises
    ------
    UsageError
        If open_clip is not installed, or it is not said which of several weights are meant.
    """
    library = imported()
    architecture, tag = named(library, request)
    model = f"{PREFIX}{architecture}"
    config, told, quick = settings_of(library, architecture, tag, request)
    # Before a network is built that would have none.
    file = download(f"{model}/{tag}", told) if request.entry else None
    vision = dict(config["vision_cfg"])
    # What timm's part of it would fetch is in the weights.
    vision.pop("timm_model_pretrained", None)
    with nullcontext() if request.is_drawn else undrawn():
        module = importlib.import_module("open_clip.model")._build_vision_tower(config["embed_dim"], vision, quick)
    asks_for = _asks_for(library, vision, told)
    name = f"{model}/{tag}" if tag else model
    return Network(
        name,
        module,
        f"open_clip/{architecture}",
        choose_transform(name, request.transform, asks_for),
        asks_for,
        {"quick_gelu": quick, "embed_dim": config["embed_dim"], "vision": vision},
        None if file is None else (lambda: _visual_of(read_state(file))),
        f"{name}'s pretrained weights",
        weights=tag if request.entry else "",
    )


def fetch(request: NetworkRequest) -> list[Path]:
    """Return the file of a network's weights, fetched if it was not before.

    Raises
    ------
    UsageError, DataError
        As `build`.
    """
    library = imported()
    architecture, tag = named(library, request)
    return [download(f"{PREFIX}{architecture}/{tag}", library.get_pretrained_cfg(architecture, tag))]


def read_tokens(module: Any, side: int) -> ReadTokens | None:
    """Return what tells the tokens of an image tower of open_clip's own; those of timm's are told by that."""
    if not is_kind(module, _TOWER):
        return None
    return in_sequence(tuple(module.grid_size), (0,), embedding="conv1")


def resize(module: Any, side: int) -> bool:
    """Let an image tower take images of another side, its positions interpolated as open_clip does it.

    Raises
    ------
    UsageError
        If the images cannot be cut into its patches.
    """
    if not is_kind(module, _TOWER):
        return False
    import torch

    patch = module.patch_size[0]
    check_patches(side, patch)
    grid = (side // patch, side // patch)
    positions = {"visual.positional_embedding": module.positional_embedding.detach()}
    whole = SimpleNamespace(visual=SimpleNamespace(grid_size=grid))
    importlib.import_module("open_clip.model").resize_pos_embed(positions, whole)
    module.positional_embedding = torch.nn.Parameter(positions["visual.positional_embedding"])
    module.image_size, module.grid_size = (side, side), grid
    return True


def named(library: Any, request: NetworkRequest) -> tuple[str, str]:
    """Return the architecture and the name of its weights, which may be empty where they are drawn or a file.

    Raises
    ------
    UsageError
        If there are no such weights, or it is not said which of several are meant.
    """
    architecture, _, tag = request.name.partition("/")
    tags = library.list_pretrained_tags_by_model(architecture)
    if request.entry not in (None, PRETRAINED):
        tag = str(request.entry)
    # As the library takes them.
    tag = tag.lower().replace("-", "_")
    model = f"{PREFIX}{architecture}"
    if tag and tag not in tags:
        raise no_entry(model, tag, tags)
    if request.entry and not tag:
        if not tags:
            raise UsageError(f"open_clip has no weights of {architecture}", hint="use weights='random', or a file")
        raise UsageError(
            f"{model} has weights of several names: {list_some(tags, _SHOWN)}", hint=f"name some: {model}/{tags[0]}"
        )
    return architecture, tag


def settings_of(
    library: Any, architecture: str, tag: str, request: NetworkRequest
) -> tuple[dict[str, Any], dict[str, Any], bool]:
    """Return what a network is built from, what its weights tell of their images, and whether GELUs are the quick ones.

    Raises
    ------
    DataError
        If a folder's own settings are damaged.
    """
    config: dict[str, Any] = library.get_model_config(architecture)
    told = library.get_pretrained_cfg(architecture, tag) if tag else _agreed(library, architecture)
    if request.is_file and (Path(request.weights) / CONFIG).is_file():
        settings = read_settings(Path(request.weights) / CONFIG)
        config, told = settings.get("model_cfg", config), settings.get("preprocess_cfg", told)
    # Weights go by the activation that they were trained with, whatever the architecture's usual one is.
    return config, told, bool(told.get("quick_gelu", config.get("quick_gelu", False)))


def _agreed(library: Any, architecture: str) -> dict[str, Any]:
    """Return what all weights of an architecture tell alike of their images."""
    tags = library.list_pretrained_tags_by_model(architecture)
    first, *others = [library.get_pretrained_cfg(architecture, tag) for tag in tags] or [{}]
    names = {"mean", "std", "interpolation", "resize_mode"} & first.keys()
    return {name: first[name] for name in names if all(other.get(name) == first[name] for other in others)}


def _asks_for(library: Any, vision: Mapping[str, Any], told: Mapping[str, Any]) -> Transform | None:
    """Return how images are prepared, as weights tell it or as the library does it; None where that is not followed."""
    usual = importlib.import_module("open_clip.transform").PreprocessCfg()
    size = told.get("size", vision.get("image_size", usual.size))
    sides = {*size} if isinstance(size, (list, tuple)) else {size}
    mode = told.get("resize_mode", usual.resize_mode)
    interpolation = told.get("interpolation", usual.interpolation)
    if len(sides) > 1 or mode not in ("shortest", "squash") or interpolation not in INTERPOLATIONS:
        return None
    (side,) = sides
    mean, std = (told.get(name) or getattr(usual, name) for name in ("mean", "std"))
    return Transform(side, tuple(mean), tuple(std), side, keep_aspect=mode == "shortest", interpolation=interpolation)


def _visual_of(state: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Return what of a whole network's checkpoint is its image tower's, by the names that it has there."""
    visual = {name.removeprefix(_VISUAL): tensor for name, tensor in state.items() if name.startswith(_VISUAL)}
    return visual or state


def download(model: str, told: Mapping[str, Any]) -> Path:
    """Return the file of a network's weights, fetched if it was not before.

    Raises
    ------
    DataError
        If it cannot be had.
    """
    pretrained = importlib.import_module("open_clip.pretrained")
    if told.get("hf_hub"):
        # The library's error of a file that was not fetched before.
        with suppress(FileNotFoundError), silenced():
            return Path(pretrained.download_pretrained(dict(told)))
    with reaching() as silent:
        try:
            with impatient():
                return Path(pretrained.download_pretrained(dict(told)))
        # Errors of the hub's client, of urllib, and of its own.
        except Exception as error:
            why = OSError(silent) if silent else error
            raise out_of_reach(f"the pretrained weights of {model}", why, fetch_elsewhere(model)) from error


def imported() -> Any:
    """Import open_clip, which is an extra, and takes seconds."""
    try:
        with put_off():
            return importlib.import_module("open_clip")
    except ImportError as error:
        hint = install_hint("open-clip")
        raise UsageError("open_clip: models need open_clip_torch, which is not installed", hint=hint) from error
