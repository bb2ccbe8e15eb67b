"""Values on the cortex: every view of the hemispheres in one figure, text, outlines and the key around and upon it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.compute.threads import in_threads
from algocli.dataset.pixels import read_image
from algocli.results.drawing.arrangement import BORDER, FLAT, VIEWS, Shapes, Sheet, Tile, lay_out
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.names import Name, place_names
from algocli.results.drawing.outline import Trace, borders, trace
from algocli.results.drawing.painting import Picture, blank, paint, see
from algocli.results.drawing.style import (
    CAPTION_BOTTOM,
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    Words,
    styled,
)
from algocli.results.surface import load_flat, load_mesh

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches of paper.
_PER_MM = 0.0145
_BELOW_TITLE, _ABOVE_FOOT, _KEY_WIDTH = 0.05, 0.08, 2.7
_PANEL_NAME, _STIMULUS, _BESIDE_STIMULUS = 0.3, 1.5, 0.15
# Each view takes memory while it is looked at.
_N_THREADS = 2
# Points.
_ROI_LETTERS = 6.5
# A dark line with a light rim reads on every colour.
_LINE, _RIM = "#101317", "#ffffff"


def draw_map(shown: BrainMap, *, dpi: int = DEFAULT_DPI, theme: Theme = LIGHT) -> Figure:
    """Draw a map's hemispheres from all sides, its title above, its caption and the key of its colours below.

    Several panels stand one below the other, each under its name, and its key where they do not share one. The stimulus
    is at the upper left.

    Parameters
    ----------
    shown
        What to draw.
    dpi
        Resolution of the cortices; text and lines stay text and lines in SVG and PDF.
    theme
        The colours around them.

    Raises
    ------
    DataError
        If the surface cannot be had, or the stimulus is no image.
    """
    from matplotlib.figure import Figure

    stimulus = None if shown.stimulus is None else np.asarray(read_image(shown.stimulus))
    shapes = _load_shapes(shown)
    sheet = lay_out(shapes, low=len(shown.panels) > 1)
    # The sheet's own border is part of the margin.
    margin = MARGIN - BORDER * _PER_MM
    aside = 0.0 if stimulus is None else _STIMULUS + _BESIDE_STIMULUS
    wide, tall = sheet.width * _PER_MM, sheet.height * _PER_MM
    above = _above_panels(shown)
    words = Words.fitting(shown.title, shown.caption, aside + wide, _KEY_WIDTH + MARGIN if shown.is_one_key else 0.0)
    foot = max(CAPTION_BOTTOM + shown.key.height if shown.is_one_key else 0.0, words.foot) + _ABOVE_FOOT
    head = words.head + _BELOW_TITLE
    width, height = aside + wide + 2 * margin, head + sum(above) + len(above) * tall + foot
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        pictures, traced = _see(shown, shapes, sheet, _PER_MM * dpi, theme)
        names = place_names(traced, _ROI_LETTERS / 72 / _PER_MM)
        for order, (panel, picture) in enumerate(zip(shown.panels, pictures, strict=True)):
            bottom = height - head - sum(above[: order + 1]) - (order + 1) * tall
            box = ((margin + aside) / width, bottom / height, wide / width, tall / height)
            axes = _lay_down(figure.add_axes(box), picture, sheet)
            _name_views(axes, sheet)
            _outline(axes, traced, names, theme)
            if panel.name:
                axes.text(BORDER, 0, panel.name, fontsize=10, fontweight="bold", va="bottom")
            if not shown.is_one_key:
                shown.key_of(panel).draw(figure, width - MARGIN, bottom + tall, _KEY_WIDTH, theme)
        words.write(figure, theme)
        if shown.is_one_key:
            shown.key.draw(figure, width - MARGIN, CAPTION_BOTTOM, _KEY_WIDTH, theme)
        if stimulus is not None:
            _show_stimulus(figure, stimulus, height - head - above[0] - _BELOW_TITLE, theme)
    return figure


def _above_panels(shown: BrainMap) -> list[float]:
    """Return how many inches the name and the key of each panel take."""
    if not shown.is_one_key:
        return [max(_PANEL_NAME, shown.key_of(panel).height + _ABOVE_FOOT) for panel in shown.panels]
    return [_PANEL_NAME if any(panel.name for panel in shown.panels) else 0.0] * len(shown.panels)


def _load_shapes(shown: BrainMap) -> Shapes:
    """Load the mesh of each view, that of the flat one where there is any."""
    inflated = {(h, view): load_mesh(shown.surface, h) for h in shown.hemispheres for view in VIEWS if view != FLAT}
    flat = {(h, FLAT): mesh for h in shown.hemispheres if (mesh := load_flat(shown.surface, h)) is not None}
    return {**inflated, **flat}


_Traced = Mapping[Tile, Mapping[str, Trace]]


def _see(
    shown: BrainMap, shapes: Shapes, sheet: Sheet, pixels_per_mm: float, theme: Theme
) -> tuple[list[Picture], _Traced]:
    """Paint a picture of each panel, and trace in each view the ROIs to outline."""
    pictures = [blank(sheet, pixels_per_mm, theme) for _ in shown.panels]
    drawn = {
        (h, view): {name: borders(shapes[h, view], inside) for name, inside in shown.outlines.get(h, {}).items()}
        for h, view in shapes
        if view in (VIEWS[0], FLAT)
    }

    def show(tile: Tile) -> dict[str, Trace]:
        h, view = tile.hemisphere, tile.view
        sight = see(tile, shapes[h, view], pixels_per_mm)
        for panel, picture in zip(shown.panels, pictures, strict=True):
            paint(picture, sight, panel.values[h], shown.key_of(panel), theme)
        inside = shown.outlines.get(h, {})
        return trace(sight, inside, drawn[h, FLAT if view == FLAT else VIEWS[0]]) if inside else {}

    # Tiles do not overlap, and numpy lets go of the interpreter's lock.
    return pictures, dict(zip(sheet.tiles, in_threads(show, sheet.tiles, n_threads=_N_THREADS), strict=True))


def _lay_down(axes: Axes, picture: Picture, sheet: Sheet) -> Axes:
    axes.imshow(picture, extent=(0, sheet.width, sheet.height, 0), aspect="auto", interpolation="none")
    axes.set_axis_off()
    return axes


def _name_views(axes: Axes, sheet: Sheet) -> None:
    for tile in sheet.tiles:
        middle = tile.left + tile.width / 2
        axes.text(middle, tile.top - 2.5, f"{tile.hemisphere} {tile.view}", fontsize=8, ha="center", va="bottom")


def _outline(axes: Axes, traced: _Traced, names: Sequence[Name], theme: Theme) -> None:
    from matplotlib.collections import LineCollection

    lines = [line for rois in traced.values() for trace in rois.values() for line in trace.lines]
    for colour, width in ((_RIM, 1.7), (_LINE, 0.7)):
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, capstyle="round"), autolim=False)
    for name in names:
        if name.of is not None:
            for colour, width in ((_RIM, 1.4), (_LINE, 0.5)):
                axes.plot(*zip(name.of, (name.x, name.y), strict=True), color=colour, linewidth=width, zorder=2.5)
        axes.text(
            name.x,
            name.y,
            name.text,
            fontsize=_ROI_LETTERS,
            ha="center",
            va="center_baseline",
            bbox={"boxstyle": "round,pad=0.12", "facecolor": theme.paper, "alpha": 0.8, "linewidth": 0},
        )


def _show_stimulus(figure: Figure, image: NDArray[np.uint8], top: float, theme: Theme) -> None:
    """Draw an image in a thin frame; its upper edge is `top` inches above the figure's lower one."""
    wide, tall = figure.get_size_inches()
    height = _STIMULUS * min(1.5, image.shape[0] / image.shape[1])
    axes = figure.add_axes((MARGIN / wide, (top - height) / tall, _STIMULUS / wide, height / tall))
    axes.imshow(image, aspect="auto", interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(edgecolor=theme.quiet_ink, linewidth=0.6)
