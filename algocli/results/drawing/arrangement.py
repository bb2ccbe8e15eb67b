"""Where each view of each hemisphere stands on a figure, all inflated ones at one scale.

The left hemisphere is always on the left. Two hemispheres have their side views outside and between them the posterior
and, below it as if the brain were rolled forward, the ventral ones: the visual areas run on from one to the other.
Below lie the flat maps, their occipital poles towards each other; on a low sheet, or for one hemisphere alone, they
are on the right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import Side
from algocli.results.surface import Mesh

_View = tuple[Side, str]
_Row = tuple[_View, ...]
_Column = list[_Row]
# What a view shows of a hemisphere: the flat mesh in the flat view, elsewhere the inflated one.
Shapes = Mapping[_View, Mesh]

FLAT = "flat"
# Degrees to the back and upwards from the lateral view, on a figure as on a page; for the right hemisphere they are
# mirrored. Seen from below with the back of the head up, left stays left. A flat map is looked at from above.
ANGLES = {
    "lateral": (0, 0),
    "medial": (180, 0),
    "posterior": (90, 0),
    "ventral": (90, -90),
    "dorsal": (90, 90),
    FLAT: (90, 90),
}
# Those of a figure: from above, little of visual cortex is seen.
VIEWS = tuple(view for view in ANGLES if view != "dorsal")

# Millimetres: the border of the sheet, the space between views, and the line above a view for its name.
BORDER = 5.0
_GAP, _BETWEEN_HEMISPHERES, _NAME = 14.0, 5.0, 11.0
# Room for names of ROIs at the occipital poles.
_BETWEEN_PATCHES = 44.0
# A patch is larger than any view of the cortex that it was cut from. So much smaller two fit in below the other views,
# or one above the other beside them; one alone may be as large as it is.
_BELOW, _STACKED, _ALONE = 0.8, 0.62, 1.0


@dataclass(frozen=True)
class Tile:
    """One view of one hemisphere: its upper left corner on the sheet and its extent, in mm of the sheet.

    `scale` is how many mm of the sheet a mm of the mesh takes.
    """

    hemisphere: Side
    view: str
    left: float
    top: float
    width: float
    height: float
    scale: float = 1.0


@dataclass(frozen=True)
class Sheet:
    """All tiles of a figure, and the sheet's extent in mm."""

    tiles: tuple[Tile, ...]
    width: float
    height: float


def project(vectors: NDArray[np.float64], hemisphere: Side, view: str) -> NDArray[np.float64]:
    """Turn points or directions, (n, 3), so that they read: how far right, how far up, how near the eye."""
    back, above = np.radians(ANGLES[view])
    level = np.array([-np.cos(back) * (-1 if hemisphere == "right" else 1), -np.sin(back)])
    eye = np.rint([*(level * np.cos(above)), np.sin(above)]).astype(int)
    up = np.rint([*(-level * np.sin(above)), np.cos(above)]).astype(int)
    # Each direction is an axis, forwards or backwards: picking columns is much faster than multiplying by a matrix.
    rows = np.stack([np.cross(up, eye), up, eye])
    turned: NDArray[np.float64] = vectors[:, np.abs(rows).argmax(axis=1)] * rows.sum(axis=1)
    return turned


def lay_out(shapes: Shapes, *, low: bool = False) -> Sheet:
    """Place the views of one hemisphere, or of two; the flat one is left out where it has no mesh.

    A `low` sheet is wide rather than high, so that several go on a page.
    """
    hemispheres = tuple(dict.fromkeys(hemisphere for hemisphere, _ in shapes))
    flat = all((hemisphere, FLAT) in shapes for hemisphere in hemispheres)
    scale = _ALONE if len(hemispheres) == 1 else _STACKED if low else _BELOW
    sizes = {seen: _extent(mesh, *seen, scale) for seen, mesh in shapes.items()}
    bands = [_place_band(columns, sizes) for columns in _bands(hemispheres, flat=flat, low=low)]
    width = max(band.width for band in bands)
    tiles: list[Tile] = []
    top = BORDER
    for band in bands:
        left = BORDER + (width - band.width) / 2
        tiles.extend(replace(tile, left=left + tile.left, top=top + tile.top) for tile in band.tiles)
        top += band.height + _GAP
    return Sheet(tuple(tiles), width + 2 * BORDER, top - _GAP + BORDER)


def _bands(hemispheres: Sequence[Side], *, flat: bool, low: bool) -> list[list[_Column]]:
    """Return the columns of views of each band of the sheet, from the top."""
    if len(hemispheres) == 1:
        [h] = hemispheres
        round_about: list[_Column] = [[((h, view),) for view in pair] for pair in (VIEWS[:2], VIEWS[2:4])]
        return [[*round_about, [((h, FLAT),)]] if flat else [[row] for column in round_about for row in column]]
    left, right = hemispheres
    sides: list[_Column] = [[((h, "lateral"),), ((h, "medial"),)] for h in (left, right)]
    middle: _Column = [((left, view), (right, view)) for view in ("posterior", "ventral")]
    views = [sides[0], middle, sides[1]]
    if not flat:
        return [views]
    return [[*views, [((left, FLAT),), ((right, FLAT),)]]] if low else [views, [[((left, FLAT), (right, FLAT))]]]


# Width and height on the sheet, and how many mm of it a mm of the mesh takes.
_Sizes = Mapping[_View, tuple[float, float, float]]


def _extent(mesh: Mesh, hemisphere: Side, view: str, flat_scale: float) -> tuple[float, float, float]:
    turned = project(mesh.points, hemisphere, view)
    scale = flat_scale if view == FLAT else 1.0
    wide, tall, _ = (np.nanmax(turned, axis=0) - np.nanmin(turned, axis=0)) * scale
    return float(wide), float(tall), scale


def _place_band(columns: Sequence[_Column], sizes: _Sizes) -> Sheet:
    """Place columns of views side by side; the first one begins at 0."""
    tallest = max(_column_size(column, sizes)[1] for column in columns)
    tiles: list[Tile] = []
    left = 0.0
    for column in columns:
        width, height = _column_size(column, sizes)
        # What a column lacks in height goes evenly above, between and below its rows.
        spare = (tallest - height) / (len(column) + 1)
        top = spare
        for row in column:
            row_width, row_height = _row_size(row, sizes)
            tiles.extend(_place_row(row, sizes, left + (width - row_width) / 2, top + _NAME))
            top += row_height + _GAP + spare
        left += width + _GAP
    return Sheet(tuple(tiles), left - _GAP, tallest)


def _row_size(row: _Row, sizes: _Sizes) -> tuple[float, float]:
    width = sum(sizes[tile][0] for tile in row) + _between(row) * (len(row) - 1)
    return width, _NAME + max(sizes[tile][1] for tile in row)


def _column_size(column: _Column, sizes: _Sizes) -> tuple[float, float]:
    rows = [_row_size(row, sizes) for row in column]
    return max(width for width, _ in rows), sum(height for _, height in rows) + _GAP * (len(rows) - 1)


def _place_row(row: _Row, sizes: _Sizes, left: float, top: float) -> list[Tile]:
    tiles = []
    for hemisphere, view in row:
        width, height, scale = sizes[hemisphere, view]
        tiles.append(Tile(hemisphere, view, left, top, width, height, scale))
        left += width + _between(row)
    return tiles


def _between(row: _Row) -> float:
    return _BETWEEN_PATCHES if row[0][1] == FLAT else _BETWEEN_HEMISPHERES
