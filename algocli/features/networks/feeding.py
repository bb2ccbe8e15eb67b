"""A network given its first images: computed in float32 where it is in another precision, and told what else it takes.

Images come in float32, with three channels, in the size that the transform has. What begins with a convolution of one
channel is given their grey. Code that is not known may want otherwise, and says so in an error of its own, which speaks
of matrices: what it does take is tried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import product

import torch

from algocli.compute.track import Note
from algocli.errors import AlgocliError, UsageError, first_line
from algocli.features.networks.network import Network, TransformName
from algocli.features.networks.preprocessing import TUTORIAL
from algocli.features.networks.probing import undisturbed

# The sides that images of networks have, the usual ones first.
_SIDES = (224, 384, 256, 299, 518, 336, 448, 512, 240, 288, 320, 227, 192, 160, 128, 112, 96, 84, 64, 32, 28)


def to_float32(built: Network, note: Note) -> None:
    """Compute in float32 with a network in another precision that does not take float32 as it is."""
    others = {
        str(parameter.dtype).removeprefix("torch.")
        for parameter in built.module.parameters()
        if parameter.is_floating_point() and parameter.dtype != torch.float32
    }
    if others and not _takes(built.module, built.transform.n_channels, built.transform.size):
        built.module.float()
        note(f"{built.model} is in {' and '.join(sorted(others))}: its numbers are computed with in float32")


def in_grey(built: Network, wish: TransformName) -> Network:
    """Return a network that is given images in grey where it takes one channel, and makes none of three by itself.

    Parameters
    ----------
    wish
        How images are to be prepared. What a network states of one channel counts where it is asked for, or where
        colours are not taken.
    """
    if built.transform.grey and wish == "auto" and _takes(built.module, 3, TUTORIAL.size):
        return replace(built, transform=TUTORIAL, asks_for=None)
    first = next((part for part in built.module.modules() if isinstance(part, torch.nn.Conv2d)), None)
    if built.transform.grey or first is None or first.in_channels != 1:
        return built
    side = built.transform.size
    if _takes(built.module, 3, side) or not _takes(built.module, 1, side):
        return built
    asks_for = None if built.asks_for is None else replace(built.asks_for, grey=True)
    return replace(built, transform=replace(built.transform, grey=True), asks_for=asks_for)


@contextmanager
def fed(built: Network) -> Iterator[None]:
    """Tell what a network says of the images that it is given within a `with` block.

    Raises
    ------
    UsageError
        In the place of any error of its own, with what it takes instead where that can be found out.
    """
    try:
        yield
    except AlgocliError:
        raise
    except Exception as error:
        what, hint = _taken(built, first_line(error))
        raise UsageError(f"{built.model} {what}", hint=hint) from error


def _taken(built: Network, said: str) -> tuple[str, str]:
    """Return what to say of a network's images, and what to do about it."""
    side = built.transform.size
    refused = f"does not take images of {side} x {side}"
    if built.image_size is not None:
        return f"{refused}: {said}", "leave out image_size=..., or name another network of its family"
    if built.asks_for is not None and built.asks_for.size != side:
        return f"{refused}: {said}", "prepare them as it was trained: transform='model'"
    if re.search(r"\b(dtype|scalar type|Half|BFloat16|Double)\b|input type", said):
        return f"does not take images in float32: {said}", "leave out .half() and the like in its code"
    taken = _try_others(built.module, side) if built.is_custom else None
    if taken is None:
        hint = (
            "say in its attribute pretrained_cfg what it takes: input_size, mean and std, as timm's networks do"
            if built.asks_for is None
            else "its code and its pretrained_cfg do not agree"
        )
        return f"{refused}: {said}", hint
    channels, other = taken
    size = f" of {other} x {other}" if other != side else ""
    kept = channels if channels in (1, 3) else 3
    config = f"pretrained_cfg = {{'input_size': ({kept}, {other}, {other}), 'mean': ..., 'std': ...}}"
    if channels == 3:
        return f"takes images{size}, not of {side} x {side}", f"say so in its attribute: {config}"
    if channels == 1:
        told = f"takes images{size} with 1 channel, not of {side} x {side}"
        return told, f"say so in its attribute, and it is fed their grey: {config}"
    return (
        f"takes images{size} with {channels} channels; these are in colour, with 3",
        "let its forward begin with what its channels are made of"
        + (f"; and say the size in its attribute: {config}" if size else ""),
    )


def _try_others(module: torch.nn.Module, side: int) -> tuple[int, int] | None:
    """Return the channels and the side of images that a network takes; None where none of the usual do."""
    sides = dict.fromkeys((side, *_SIDES))
    return next((taken for taken in product((3, 1, 4, 2, 6), sides) if _takes(module, *taken)), None)


def _takes(module: torch.nn.Module, channels: int, side: int) -> bool:
    with suppress(Exception), undisturbed(seed=0):
        module(torch.zeros(2, channels, side, side))
        return True
    return False
