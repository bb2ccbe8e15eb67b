"""Where each view of each hemisphere stands on a figure, all at one scale.

The left hemisphere is always on the left. Two hemispheres have their side views outside and between them the posterior
and, below it as if the brain were rolled forward, the ventral ones: the visual areas run on from one to the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import Hemisphere
from algocli.results.surface import Mesh

_Direction = tuple[int, int, int]
_Row = tuple[tuple[Hemisphere, str], ...]

# Direction to the eye, and which way is up in the picture; 'lateral' and 'medial' are the left hemisphere's and
# mirrored for the right. Seen from below with the back of the head up, left stays left.
_VIEWS: dict[str, tuple[_Direction, _Direction]] = {
    "lateral": ((-1, 0, 0), (0, 0, 1)),
    "medial": ((1, 0, 0), (0, 0, 1)),
    "posterior": ((0, -1, 0), (0, 0, 1)),
    "ventral": ((0, 0, -1), (0, -1, 0)),
}
VIEWS = tuple(_VIEWS)

# Millimetres: the border of the sheet, the space between views, and the line above a view for its name.
BORDER = 5.0
_GAP, _BETWEEN_HEMISPHERES, _NAME = 14.0, 5.0, 11.0


@dataclass(frozen=True)
class Tile:
    """One view of one hemisphere: its upper left corner on the sheet and its extent, in mm."""

    hemisphere: Hemisphere
    view: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Sheet:
    """All tiles of a figure, and the sheet's extent in mm."""

    tiles: tuple[Tile, ...]
    width: float
    height: float


def project(vectors: NDArray[np.float64], hemisphere: Hemisphere, view: str) -> NDArray[np.float64]:
    """Turn points or directions, (n, 3), so that they read: how far right, how far up, how near the eye."""
    eye, up = (np.array(direction) for direction in _VIEWS[view])
    if hemisphere == "right" and view in ("lateral", "medial"):
        eye = -eye
    turned: NDArray[np.float64] = vectors @ np.stack([np.cross(up, eye), up, eye], axis=1)
    return turned


def lay_out(meshes: Mapping[Hemisphere, Mesh]) -> Sheet:
    """Place the views of one hemisphere, or of two."""
    columns = _columns(tuple(meshes))
    sizes = {
        (hemisphere, view): _extent(mesh, hemisphere, view) for hemisphere, mesh in meshes.items() for view in VIEWS
    }
    tallest = max(_column_size(column, sizes)[1] for column in columns)
    tiles: list[Tile] = []
    left = BORDER
    for column in columns:
        width, height = _column_size(column, sizes)
        # What a column lacks in height goes evenly above, between and below its rows.
        spare = (tallest - height) / (len(column) + 1)
        top = BORDER + spare
        for row in column:
            row_width, row_height = _row_size(row, sizes)
            tiles.extend(_place_row(row, sizes, left + (width - row_width) / 2, top + _NAME))
            top += row_height + _GAP + spare
        left += width + _GAP
    return Sheet(tuple(tiles), left - _GAP + BORDER, tallest + 2 * BORDER)


def _columns(hemispheres: Sequence[Hemisphere]) -> list[list[_Row]]:
    if len(hemispheres) == 1:
        return [[((hemispheres[0], view),)] for view in VIEWS]
    sides: list[list[_Row]] = [[((h, "lateral"),), ((h, "medial"),)] for h in hemispheres]
    middle: list[_Row] = [tuple((h, view) for h in hemispheres) for view in ("posterior", "ventral")]
    return [sides[0], middle, sides[1]]


_Sizes = Mapping[tuple[Hemisphere, str], tuple[float, float]]


def _extent(mesh: Mesh, hemisphere: Hemisphere, view: str) -> tuple[float, float]:
    wide, tall, _ = np.ptp(project(mesh.points, hemisphere, view), axis=0)
    return float(wide), float(tall)


def _row_size(row: _Row, sizes: _Sizes) -> tuple[float, float]:
    width = sum(sizes[tile][0] for tile in row) + _BETWEEN_HEMISPHERES * (len(row) - 1)
    return width, _NAME + max(sizes[tile][1] for tile in row)


def _column_size(column: Sequence[_Row], sizes: _Sizes) -> tuple[float, float]:
    rows = [_row_size(row, sizes) for row in column]
    return max(width for width, _ in rows), sum(height for _, height in rows) + _GAP * (len(rows) - 1)


def _place_row(row: _Row, sizes: _Sizes, left: float, top: float) -> list[Tile]:
    tiles = []
    for hemisphere, view in row:
        width, height = sizes[hemisphere, view]
        tiles.append(Tile(hemisphere, view, left, top, width, height))
        left += width + _BETWEEN_HEMISPHERES
    return tiles
