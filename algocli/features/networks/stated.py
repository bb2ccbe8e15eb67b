"""What a network states of the images that its weights were evaluated on.

What cannot be followed to the letter (a border, an image that is no square, a filter that Pillow lacks) counts as not
known: half followed it would be a third way to prepare images, which nobody asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from algocli.errors import AlgocliError
from algocli.features.networks.preprocessing import INTERPOLATIONS, Transform

if TYPE_CHECKING:
    import torch

# Under these names timm's networks, and those that follow it, keep what their weights were evaluated with.
_CONFIGS = ("pretrained_cfg", "default_cfg")
# Under these, networks carry a preset of torchvision's, or the entry of its table of weights that has one.
_PRESETS = ("transforms", "transform", "preprocess", "weights")
# Processors of transformers that do what their settings say and nothing else.
_PLAIN = ("ViT", "CLIP", "Bit", "Siglip", "DeiT", "Beit", "ConvNext", "DINOv3ViT")
# The numbers that Pillow gives its filters.
_FILTERS = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
# ConvNeXt's images are squeezed from this side on, and below it lose their borders.
_UNCROPPED = 384
# What timm takes where a configuration does not say.
_USUAL: Mapping[str, Any] = {"crop_pct": 0.875, "crop_mode": "center", "interpolation": "bicubic"}


def stated_transform(network: torch.nn.Module) -> Transform | None:
    """Return the transform that a network states; None where it states none, or none that can be followed."""
    for name in _CONFIGS:
        config = getattr(network, name, None)
        stated = of_config(config if isinstance(config, Mapping) else getattr(config, "__dict__", {}))
        if stated is not None:
            return stated
    for name in _PRESETS:
        preset = getattr(network, name, None)
        # The entry of a table of weights makes its preset when it is asked.
        make = getattr(preset, "transforms", None) if name == "weights" else None
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            return of_preset(make() if callable(make) else preset)
    return None


def of_preset(preset: Any) -> Transform:
    """Return the transform of a classifier's preset of torchvision's.

    Raises
    ------
    TypeError
        If it is none.
    """
    from algocli.features.networks.torchvision_import import torchvision

    if not isinstance(preset, torchvision.transforms._presets.ImageClassification):
        raise TypeError(f"{type(preset).__name__} is no preset of a classifier")
    return Transform(
        preset.crop_size[0],
        _of_colours(preset.mean, 3),
        _of_colours(preset.std, 3),
        preset.resize_size[0],
        keep_aspect=True,
        interpolation=preset.interpolation.value,
    )


def of_config(config: Mapping[str, Any]) -> Transform | None:
    """Return the transform that a configuration of timm's tells; None where it cannot be followed."""
    try:
        channels, height, width = config["input_size"]
        told = {name: config.get(name) or usual for name, usual in _USUAL.items()}
        if channels not in (1, 3) or height != width or told["crop_mode"] not in ("center", "squash"):
            return None
        if told["interpolation"] not in INTERPOLATIONS:
            return None
        return Transform(
            height,
            _of_colours(config["mean"], channels),
            _of_colours(config["std"], channels),
            math.floor(height / told["crop_pct"]),
            keep_aspect=told["crop_mode"] == "center",
            interpolation=told["interpolation"],
            grey=channels == 1,
        )
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def of_processor(settings: Mapping[str, Any]) -> Transform | None:
    """Return the transform that the settings of an image processor of transformers tell; None where it is another."""
    try:
        kind = str(settings["image_processor_type"]).removesuffix("Fast").removesuffix("Pil")
        divides = settings["do_rescale"] and abs(settings["rescale_factor"] * 255 - 1) < 1e-6
        if kind.removesuffix("ImageProcessor") not in _PLAIN or not divides or not settings["do_resize"]:
            return None
        if settings.get("do_pad") or not settings["do_normalize"]:
            return None
        side, keeps_aspect = _resize_of(settings["size"])
        crops = settings.get("do_center_crop")
        size = _resize_of(settings["crop_size"])[0] if crops else side
        if kind.startswith("ConvNext"):
            keeps_aspect = side < _UNCROPPED
            side = int(size / settings["crop_pct"]) if keeps_aspect else size
        elif keeps_aspect and not crops:
            return None
        return Transform(
            size,
            _of_colours(settings["image_mean"], 3),
            _of_colours(settings["image_std"], 3),
            side,
            keep_aspect=keeps_aspect,
            interpolation=_FILTERS[settings["resample"]],
        )
    except (AlgocliError, AttributeError, IndexError, KeyError, TypeError, ValueError, ZeroDivisionError):
        return None


def _resize_of(size: Mapping[str, int]) -> tuple[int, bool]:
    """Return a side, and whether it is the shorter one that the longer follows."""
    if size.get("shortest_edge") and not size.get("longest_edge"):
        return size["shortest_edge"], True
    if size["height"] != size["width"]:
        raise ValueError("no square")
    return size["height"], False


def _of_colours(values: Any, channels: int) -> tuple[float, float, float]:
    """Return a number for each colour; of one channel a single one will do."""
    several = [float(value) for value in (values if isinstance(values, Iterable) else [values])]
    red, green, blue = several * 3 if channels == len(several) == 1 else several
    return red, green, blue
