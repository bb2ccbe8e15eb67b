"""A network given its first images: computed in float32 where it is in another precision, and told what else it takes.

Images come in float32, with three channels, in the size that the transform has. Code that is not known may want
otherwise, and says so in an error of its own, which speaks of matrices: what it does take is tried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import product

import torch

from algocli.compute.track import Note
from algocli.errors import AlgocliError, UsageError, first_line
from algocli.features.networks.network import Network
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
    if others and not _takes(built.module, 3, built.transform.size):
        built.module.float()
        note(f"{built.model} is in {' and '.join(sorted(others))}: its numbers are computed with in float32")


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
    config = f"pretrained_cfg = {{'input_size': (3, {other}, {other}), 'mean': ..., 'std': ...}}"
    if channels == 3:
        return f"takes images{size}, not of {side} x {side}", f"say so in its attribute: {config}"
    grey = "let its forward begin with their grey: x = x.mean(1, keepdim=True)"
    return (
        f"takes images{size} with {channels} channel{'s' if channels > 1 else ''}; these are in colour, with 3",
        (grey if channels == 1 else "let its forward begin with what its channels are made of")
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
