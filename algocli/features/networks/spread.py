"""A few layers spread over the depth of a network, for whoever names none: the outputs of its largest parts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from algocli.features.networks.layers import Layer

N_SPREAD = 4
# A part that holds more than this share of all layers is no step on the way: what is inside it may be.
_LARGE = 0.5


def spread(layers: Sequence[Layer], n: int = N_SPREAD) -> list[str]:
    """Choose up to `n` layers at even distances through a network, the last of them before images lose their places.

    Parameters
    ----------
    layers
        All layers that can be features, in the order in which they run.

    Returns
    -------
    Names of modules that stand for their last layer, or of layers, in the order in which they run.

    Examples
    --------
    >>> from algocli.features.networks.layers import Layer
    >>> names = ["conv", "layer1.0", "layer1.1", "layer2.0", "layer2.1", "pool"]
    >>> spread([Layer(name, (8, 7, 7)) for name in names], 2)
    ['layer1', 'layer2']
    """
    # One number a channel says nothing of where: such layers are the network's head, or gates within it.
    placed = [layer for layer in layers if layer.n_features > max(layer.shape)]
    names = [layer.name for layer in placed or layers]
    parts, ends = _parts(names), {name: place for place, name in enumerate(names, start=1)}
    blocks = [part for part in parts if part.n_layers > 1]
    # Blocks and stages, where a network is made of them: what stands between is a norm, or a dropout.
    steps = blocks if len(blocks) >= n else parts
    goals = [step * len(names) / n for step in range(1, n + 1)] if len(steps) > n else ends.values()
    nearest = [min(steps, key=lambda part: abs(ends[part.last] - goal)).name for goal in goals]
    return list(dict.fromkeys(nearest))


class _Part(NamedTuple):
    """A module, or a layer; the last of its layers, and how many these are."""

    name: str
    last: str
    n_layers: int


def _parts(names: Sequence[str], depth: int = 1, most: float | None = None) -> list[_Part]:
    """Divide layers into parts, none of which is most of the network; in the order in which they run."""
    most = _LARGE * len(names) if most is None else most
    parts = []
    for part, inside in groupby(names, key=lambda name: ".".join(name.split(".")[:depth])):
        own = list(inside)
        is_divisible = any(name != part for name in own)
        parts += _parts(own, depth + 1, most) if is_divisible and len(own) > most else [_Part(part, own[-1], len(own))]
    return parts
