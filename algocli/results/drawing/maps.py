"""Values on the cortex: every view of the hemispheres in one figure, painted pixel by pixel, text and key around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import Hemisphere
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.keys import Key
from algocli.results.drawing.raster import Pixels, look
from algocli.results.drawing.sheet import BORDER, Sheet, Tile, lay_out, project
from algocli.results.drawing.style import (
    CAPTION_BOTTOM,
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    caption_height,
    styled,
    title_height,
    wrap_caption,
    wrap_title,
    write_around,
)
from algocli.results.surface import Mesh, load_mesh

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches of paper.
_PER_MM = 0.0145
_BELOW_TITLE, _ABOVE_FOOT, _KEY_WIDTH = 0.05, 0.08, 2.7
# A pixel is the mean of this many by this many finer ones, so that edges are smooth.
_FINER = 2
# Grey of a gyrus and of a sulcus; between them the depth counts, up to where a fold is called deep.
_GYRUS, _SULCUS, _DEEP = 0.80, 0.58, 0.3
# How bright cortex is where it turns away from the eye. Values are shaded less, so that a colour can be found
# again in the key.
_CORTEX_EDGE, _VALUE_EDGE = 0.55, 0.82


def draw_map(shown: BrainMap, *, dpi: int = DEFAULT_DPI, theme: Theme = LIGHT) -> Figure:
    """Draw a map's hemispheres from all sides, its title above, its caption and the key of its colours below.

    Parameters
    ----------
    shown
        What to draw.
    dpi
        Resolution of the cortices; text stays text in SVG and PDF.
    theme
        The colours around them.
    """
    from matplotlib.figure import Figure

    meshes = {h: load_mesh(shown.surface, h) for h in shown.hemispheres}
    sheet = lay_out(meshes)
    # The sheet's own border is part of the margin.
    margin = MARGIN - BORDER * _PER_MM
    wide, tall = sheet.width * _PER_MM, sheet.height * _PER_MM
    title = wrap_title(shown.title, wide)
    caption = wrap_caption(shown.caption, wide - _KEY_WIDTH - MARGIN)
    foot = max(CAPTION_BOTTOM + shown.key.height, caption_height(caption)) + _ABOVE_FOOT
    width, height = wide + 2 * margin, title_height(title) + _BELOW_TITLE + tall + foot
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        axes = figure.add_axes((margin / width, foot / height, wide / width, tall / height))
        picture = _paint(sheet, meshes, shown.panels[0].values, shown.key, _PER_MM * dpi)
        axes.imshow(picture, extent=(0, sheet.width, sheet.height, 0), aspect="auto", interpolation="none")
        axes.set_axis_off()
        _name_views(axes, sheet)
        write_around(figure, title, caption, theme)
        shown.key.draw(figure, width - MARGIN, CAPTION_BOTTOM, _KEY_WIDTH, theme)
    return figure


def _paint(
    sheet: Sheet,
    meshes: Mapping[Hemisphere, Mesh],
    values: Mapping[Hemisphere, NDArray[np.float64]],
    key: Key,
    pixels_per_mm: float,
) -> NDArray[np.float64]:
    """Paint all tiles on white, (height, width, 3) in 0..1."""
    picture = np.ones((round(sheet.height * pixels_per_mm), round(sheet.width * pixels_per_mm), 3))
    for tile in sheet.tiles:
        mesh = meshes[tile.hemisphere]
        patch = _shrink(*_paint_tile(tile, mesh, values[tile.hemisphere], key, pixels_per_mm))
        # One pixel of white all round, see `_paint_tile`; the sheet's border leaves room for it.
        row, column = round(tile.top * pixels_per_mm) - 1, round(tile.left * pixels_per_mm) - 1
        picture[row : row + patch.shape[0], column : column + patch.shape[1]] *= patch
    return picture


def _paint_tile(
    tile: Tile, mesh: Mesh, values: NDArray[np.float64], key: Key, pixels_per_mm: float
) -> tuple[Pixels, NDArray[np.float64]]:
    """Look at a hemisphere in finer pixels; return them and the colour of each, (n_pixels, 3)."""
    right, up, near = project(mesh.points, tile.hemisphere, tile.view).T
    scale = _FINER * pixels_per_mm
    points = np.stack([(right - right.min()) * scale + _FINER, (up.max() - up) * scale + _FINER, near], axis=1)
    height, width = (_FINER * (int(np.ceil(side * pixels_per_mm)) + 2) for side in (tile.height, tile.width))
    pixels = look(points, mesh.faces, (height, width))
    facing = pixels.interpolate(project(mesh.normals, tile.hemisphere, tile.view)[:, 2]).clip(0, 1)
    depth = np.clip(pixels.interpolate(mesh.sulcal_depth) / _DEEP, -1, 1)
    cortex = (_GYRUS + _SULCUS - (_GYRUS - _SULCUS) * depth) / 2
    colours, shown = key.colour(pixels, values)
    shaded_cortex = (cortex * (_CORTEX_EDGE + (1 - _CORTEX_EDGE) * facing))[:, None]
    shaded_values = colours * (_VALUE_EDGE + (1 - _VALUE_EDGE) * facing)[:, None]
    return pixels, np.where(shown[:, None], shaded_values, shaded_cortex)


def _shrink(pixels: Pixels, colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average blocks of finer pixels on white, (height, width, 3)."""
    height, width = pixels.shape
    fine = np.ones((height * width, 3))
    fine[pixels.index] = colours
    blocks = fine.reshape(height // _FINER, _FINER, width // _FINER, _FINER, 3)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _name_views(axes: Axes, sheet: Sheet) -> None:
    for tile in sheet.tiles:
        middle = tile.left + tile.width / 2
        axes.text(middle, tile.top - 2.5, f"{tile.hemisphere} {tile.view}", fontsize=8, ha="center", va="bottom")
