"""Looks at a mesh from one side: which three vertices, with what weights, each pixel of a picture shows.

A pixel decides by its nearest vertices whether there is a value to show. The usual way colours whole faces and drops
each that touches a vertex without a value, so that a patch of one vertex vanishes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Pixels:
    """The pixels of a picture in which the mesh is seen.

    `shape` is (height, width). `index` (n_pixels,) counts along the rows from the upper left. Each pixel lies in the
    face with the corners `vertices` (n_pixels, 3) and divides it by `weights` (n_pixels, 3), which sum to 1.
    """

    shape: tuple[int, int]
    index: NDArray[np.int64]
    vertices: NDArray[np.int64]
    weights: NDArray[np.float64]

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
        corners = values[self.vertices]
        weights = np.where(np.isnan(corners), 0.0, self.weights)
        total = weights.sum(axis=1)
        summed = (weights * np.nan_to_num(corners)).sum(axis=1)
        return np.where(total >= 0.5, summed / np.maximum(total, 0.5), np.nan)

    def prevailing(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take the code whose corners have the largest weight together, (n_pixels,): between codes is nothing."""
        corners = codes[self.vertices]
        support = ((corners[:, :, None] == corners[:, None, :]) * self.weights[:, None, :]).sum(axis=2)
        best = support.argmax(axis=1)
        return np.take_along_axis(corners, best[:, None], axis=1)[:, 0]


def look(points: NDArray[np.float64], faces: NDArray[np.int64], shape: tuple[int, int]) -> Pixels:
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
    owner, column, row = _candidates(points[faces], shape)
    second, third = _shares(points[faces], owner, column + 0.5, row + 0.5)
    first = 1.0 - second - third
    # A pixel centre on the edge of two faces must not fall between them by rounding.
    inside = np.flatnonzero((first > -_ROUNDING) & (second > -_ROUNDING) & (third > -_ROUNDING))
    # Of several assignments to one pixel the last one stays, and that is the nearest face.
    front = np.full(shape[0] * shape[1], -1)
    front[row[inside] * shape[1] + column[inside]] = inside
    index = np.flatnonzero(front >= 0)
    seen = front[index]
    return Pixels(shape, index, faces[owner[seen]], np.stack([first[seen], second[seen], third[seen]], axis=1))


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
    to_second = (np.stack([across[:, 1], -across[:, 0]]) / twice_area)[:, owner]
    to_third = (np.stack([-along[:, 1], along[:, 0]]) / twice_area)[:, owner]
    return right * to_second[0] + down * to_second[1], right * to_third[0] + down * to_third[1]
