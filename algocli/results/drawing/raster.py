"""Looks at a mesh from one side: which three vertices, with what weights, each pixel of a picture shows.

A pixel decides by its nearest vertices whether there is a value to show. The usual way colours whole faces and drops
each that touches a vertex without a value, so that a patch of one vertex vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9
# So many pixels are looked at together: what is computed of them stays near the processor.
_AT_ONCE = 1 << 17


@dataclass(frozen=True)
class Pixels:
    """The pixels of a picture in which the mesh is seen.

    `shape` is (height, width). `index` (n_pixels,) counts along the rows from the upper left. Each pixel lies in the
    face with the corners `vertices` (n_pixels, 3) and divides it by `weights` (n_pixels, 3), which sum to 1.
    """

    shape: tuple[int, int]
    index: NDArray[np.int64]
    vertices: NDArray[np.int64]
    weights: NDArray[np.float32]

    def interpolate(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate between the vertices that have a value.

        Parameters
        ----------
        values : (n_vertices,)
            NaN where a vertex has none.

        Returns
        -------
        (n_pixels,)
            NaN where vertices without a value have the larger weight. Every vertex with a value so covers its own
            surroundings, alone or not, and the border runs half way to the next.
        """
        known = ~np.isnan(values)
        if known.all():
            return self._weigh(values, slice(None))
        seen = np.full(len(self.index), np.nan)
        near = np.flatnonzero(known[self.vertices].any(axis=1))
        total = self._weigh(known.astype(np.float64), near)
        summed = self._weigh(np.where(known, values, 0.0), near)
        inside = total >= 0.5
        seen[near[inside]] = summed[inside] / total[inside]
        return seen

    def _weigh(self, values: NDArray[np.float64], which: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        """Sum up corners times weights. A sum along an axis of three takes several times as long."""
        parts = (values[self.vertices[which, corner]] * self.weights[which, corner] for corner in range(3))
        return next(parts) + next(parts) + next(parts)

    def prevailing(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take the code whose corners have the largest weight together, (n_pixels,): between codes is nothing."""
        corners = codes[self.vertices]
        (first, second, third), (w_first, w_second, w_third) = corners.T, self.weights.T
        # Two that agree outvote the third only together; three that differ are each alone.
        best: NDArray[np.int64] = np.where(w_second > w_first, second, first)
        best = np.where(w_third > np.maximum(w_first, w_second), third, best)
        for pair, weight, other, against in (
            (first == second, w_first + w_second, first, w_third),
            (second == third, w_second + w_third, second, w_first),
            (first == third, w_first + w_third, first, w_second),
        ):
            best = np.where(pair & (weight >= against), other, best)
        return best


def rasterise(points: NDArray[np.float64], faces: NDArray[np.int64], shape: tuple[int, int]) -> Pixels:
    """Find the frontmost face behind every pixel's centre.

    Parameters
    ----------
    points : (n_vertices, 3)
        Column and row in pixels from the upper left corner, and nearness to the eye in any unit.
    faces : (n_faces, 3)
        Corner indices, counter-clockwise seen from outside; faces seen from behind are left out. Faces may hide
        one another but not cut through one another, and are small.
    shape
        Height and width of the picture in pixels.
    """
    faces = _far_to_near(points, faces)
    front = np.full(shape[0] * shape[1], -1, dtype=np.int32)
    shares = np.empty((2, len(front)), dtype=np.float32)
    # Of several faces at one pixel the one written last stays, and that is the nearest.
    step = max(1, len(faces) * _AT_ONCE // max(1, shape[0] * shape[1]))
    for begin in range(0, len(faces), step):
        corners = points[faces[begin : begin + step]]
        owner, column, row = _candidates(corners, shape)
        second, third = _shares(corners, owner, column + 0.5, row + 0.5)
        # A pixel centre on the edge of two faces must not fall between them by rounding.
        inside = np.flatnonzero((second > -_ROUNDING) & (third > -_ROUNDING) & (second + third < 1 + _ROUNDING))
        at = row[inside] * shape[1] + column[inside]
        front[at] = begin + owner[inside]
        shares[:, at] = second[inside], third[inside]
    index = np.flatnonzero(front >= 0)
    # Corner after corner in memory, which is how they are read.
    weights = np.empty((3, len(index)), dtype=np.float32)
    weights[1:] = shares[:, index]
    weights[0] = 1 - weights[1] - weights[2]
    return Pixels(shape, index, np.ascontiguousarray(faces.T)[:, front[index]].T, weights.T)


def _far_to_near(points: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out what is seen from behind and sort the others, the nearest last."""
    along, across = _edges(points[faces])
    # Rows count downwards, which turns counter-clockwise, and with it the sign, round.
    facing = faces[along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0] < 0]
    return facing[np.argsort(points[facing, 2].sum(axis=1), kind="stable")]


def _edges(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two edges that leave each face's first corner, in columns and rows, (n_faces, 2) each."""
    return corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2]


def _candidates(
    corners: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return face, column and row of every pixel centre within a face's bounding box, face by face."""
    edge = np.array([shape[1], shape[0]])
    low = np.clip(np.ceil(corners[:, :, :2].min(axis=1) - 0.5), 0, edge).astype(np.int64)
    high = np.clip(np.floor(corners[:, :, :2].max(axis=1) - 0.5) + 1, low, edge).astype(np.int64)
    wide, tall = (high - low).T
    owner = np.repeat(np.arange(len(corners)), wide * tall)
    first = np.cumsum(wide * tall) - wide * tall
    down, along = np.divmod(np.arange(len(owner)) - first[owner], wide[owner])
    return owner, low[owner, 0] + along, low[owner, 1] + down


def _shares(
    corners: NDArray[np.float64], owner: NDArray[np.int64], column: NDArray[np.floating], row: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the weights of the second and the third corner at each candidate; the first has the rest."""
    along, across = _edges(corners)
    twice_area = along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0]
    right, down = column - corners[owner, 0, 0], row - corners[owner, 0, 1]

    def share(per_column: NDArray[np.float64], per_row: NDArray[np.float64]) -> NDArray[np.float64]:
        weight: NDArray[np.float64] = right * (per_column / twice_area)[owner] + down * (per_row / twice_area)[owner]
        return weight

    return share(across[:, 1], -across[:, 0]), share(-along[:, 1], along[:, 0])
