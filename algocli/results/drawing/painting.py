"""The cortex in pixels: what each view of a hemisphere shows, lit from the eye and painted on the paper of a theme."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from algocli.results.drawing.arrangement import Sheet, Tile, project
from algocli.results.drawing.keys import Key
from algocli.results.drawing.raster import Pixels, rasterise
from algocli.results.drawing.style import Theme
from algocli.results.surface import Mesh

# (height, width, 3): red, green and blue. In bytes, for a large figure would take gigabytes otherwise.
Picture = NDArray[np.uint8]
# (n_pixels, 3) or (height, width, 3), in 0..1.
_Colours = NDArray[np.float32]

# A pixel is the mean of this many by this many finer ones, so that edges are smooth; on paper as fine as this, in
# pixels per mm of the sheet, nobody sees an edge.
_FINER, _FINE_ENOUGH = 2, 6.0
# From this depth on, up or down, a fold is as bright or as dark as can be.
_DEEP = 0.3
# How bright cortex is where it turns away from the eye. Values are shaded less, so that a colour can be found
# again in the key.
_CORTEX_EDGE, _VALUE_EDGE = 0.55, 0.82


@dataclass(frozen=True)
class Sight:
    """One view of a hemisphere in pixels.

    `corner` is the row and the column on the picture where the view begins. Each picture pixel is cut in `finer` by
    `finer` ones, which `pixels` counts. `origin` is what lies furthest to the left and furthest up, in mm of the mesh.
    """

    tile: Tile
    mesh: Mesh
    pixels_per_mm: float
    finer: int
    corner: tuple[int, int]
    origin: tuple[float, float]
    pixels: Pixels

    def on_sheet(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where columns and rows of fine pixels, (n, 2 or more), lie: mm from the sheet's upper left corner."""
        fine: NDArray[np.float64] = places[:, :2] / self.finer + np.array(self.corner[::-1])
        return fine / self.pixels_per_mm

    def find(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return column and row in fine pixels, and nearness to the eye in mm, of points in space, (n, 3)."""
        return _find(points, self.tile, self.origin, self.finer, self.pixels_per_mm)


def see(tile: Tile, mesh: Mesh, pixels_per_mm: float) -> Sight:
    """Look at the mesh of a tile."""
    finer = 1 if pixels_per_mm >= _FINE_ENOUGH else _FINER
    right, up, _ = project(mesh.points, tile.hemisphere, tile.view).T
    origin = float(np.nanmin(right)), float(np.nanmax(up))
    height, width = (finer * (int(np.ceil(side * pixels_per_mm)) + 2) for side in (tile.height, tile.width))
    places = _find(mesh.points, tile, origin, finer, pixels_per_mm)
    # One pixel of paper all round, see `_find`; the sheet's border leaves room for it.
    corner = round(tile.top * pixels_per_mm) - 1, round(tile.left * pixels_per_mm) - 1
    return Sight(tile, mesh, pixels_per_mm, finer, corner, origin, rasterise(places, mesh.faces, (height, width)))


def _find(
    points: NDArray[np.float64], tile: Tile, origin: tuple[float, float], finer: int, pixels_per_mm: float
) -> NDArray[np.float64]:
    right, up, near = project(points, tile.hemisphere, tile.view).T
    scale = finer * pixels_per_mm * tile.scale
    return np.stack([(right - origin[0]) * scale + finer, (origin[1] - up) * scale + finer, near], axis=1)


def blank(sheet: Sheet, pixels_per_mm: float, theme: Theme) -> Picture:
    """Return empty paper."""
    shape = round(sheet.height * pixels_per_mm), round(sheet.width * pixels_per_mm), 3
    return np.broadcast_to(_bytes(_rgb(theme.paper)), shape).copy()


def paint(picture: Picture, sight: Sight, values: NDArray[np.float64], key: Key, theme: Theme) -> None:
    """Paint one view of (n_vertices,) values on a picture; what has no value is bare cortex."""
    pixels, mesh, tile = sight.pixels, sight.mesh, sight.tile
    facing = _column(pixels.interpolate(project(mesh.normals, tile.hemisphere, tile.view)[:, 2]).clip(0, 1))
    depth = _column(pixels.interpolate(mesh.sulcal_depth).clip(-_DEEP, _DEEP) / _DEEP)
    gyrus, sulcus = _rgb(theme.gyrus), _rgb(theme.sulcus)
    cortex: _Colours = (gyrus + sulcus - (gyrus - sulcus) * depth) / 2 * (_CORTEX_EDGE + (1 - _CORTEX_EDGE) * facing)
    colours, shown = key.colour(pixels, values, theme)
    cortex[shown] = colours[shown] * (_VALUE_EDGE + (1 - _VALUE_EDGE) * facing[shown])
    _composite(picture, sight, cortex)


def _composite(picture: Picture, sight: Sight, colours: _Colours) -> None:
    """Average blocks of finer pixels and lay them on the paper, which shows through where some are empty."""
    height, width = sight.pixels.shape
    fine = np.zeros((height * width, 4), dtype=np.float32)
    fine[sight.pixels.index, :3] = colours
    fine[sight.pixels.index, 3] = 1
    finer = sight.finer
    blocks = fine.reshape(height // finer, finer, width // finer, finer, 4)
    # Much faster than a mean along short axes.
    patch = np.zeros((height // finer, width // finer, 4), dtype=np.float32)
    for down, along in product(range(finer), repeat=2):
        patch += blocks[:, down, :, along] / finer**2
    row, column = sight.corner
    under = picture[row : row + patch.shape[0], column : column + patch.shape[1]]
    under[:] = _bytes(under.astype(np.float32) / 255 * (1 - patch[..., 3:]) + patch[..., :3])


def _bytes(colours: NDArray[np.floating]) -> Picture:
    return np.round(colours * 255).astype(np.uint8)


def _column(values: NDArray[np.float64]) -> _Colours:
    """Make of (n_pixels,) values one number for each pixel's three colours, (n_pixels, 1)."""
    return values.astype(np.float32)[:, None]


def _rgb(colour: str) -> _Colours:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(colour), dtype=np.float32)
