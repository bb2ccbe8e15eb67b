"""The points of a learning curve one by one, whichever of them are found together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import Side
from algocli.runs.growing import Growing, Point


class One(NamedTuple):
    """What one model predicts of some vertices, and what was measured of them."""

    point: Point
    side: Side
    measured: NDArray[np.float32]
    predicted: NDArray[np.float32]


def one_by_one(growing: Growing, vertices: slice = slice(None)) -> Iterator[One]:
    """Yield what each model predicts."""
    for together in growing.predict():
        measured, each = together.at(vertices)
        for point, predicted in zip(together.points, each, strict=True):
            yield One(point, together.side, measured, predicted)
