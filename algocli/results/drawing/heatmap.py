"""A heatmap of layers by ROI: a field for each hemisphere, every value in figures, each ROI's best layer framed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import Side, heading
from algocli.results.best_layer import LayersByRoi
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.keys import Scale
from algocli.results.drawing.roi_axis import (
    ABSENT,
    Place,
    inches_of_names,
    inches_per_roi,
    name_classes,
    name_rois,
    place_rois,
)
from algocli.results.drawing.style import (
    CAPTION_BOTTOM,
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    Words,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

# Inches of paper: a cell, what lies above a hemisphere's field, the names of ROIs, and a letter of a layer's name.
_CELL_WIDTH, _CELL_HEIGHT = 0.34, 0.25
_ABOVE, _CLASSES, _NAMES, _LETTER = 0.32, 0.28, 0.8, 0.068
_KEY_WIDTH, _ABOVE_KEY, _NARROWEST = 2.2, 0.1, 7.0
# In units of a cell: how far within its cell a frame lies.
_INSIDE = 0.06
# In points: the line between two groups of layers.
_BETWEEN_GROUPS = 2.5
# Digits are white on what is darker than this, in shares of white's luminance, and black on the rest.
_DARK = 0.45
_LUMINANCE = (0.2126, 0.7152, 0.0722)


def draw_heatmap(
    table: LayersByRoi,
    scale: Scale,
    *,
    labels: Sequence[str],
    title: str,
    caption: str = "",
    below: Mapping[str, Mapping[Side, Sequence[str]]] = MappingProxyType({}),
    parted: Sequence[int] = (),
    digits: int = 2,
    dpi: int = DEFAULT_DPI,
    theme: Theme = LIGHT,
) -> Chart[LayersByRoi]:
    """Draw layers from top to bottom and ROIs from left to right, grouped by class; an absent ROI has dashes.

    Parameters
    ----------
    table
        What to draw, for one hemisphere or for two.
    scale
        The colours of the values.
    labels
        What to call the layers.
    below
        Further rows of words, by name: for each hemisphere one a ROI.
    parted
        The rows of layers that begin a group, such as those of another network.
    digits
        Of each value, after the point.
    """
    from matplotlib.figure import Figure

    places = place_rois(table.classes, table.classes)
    left = 2 * MARGIN + _LETTER * max(map(len, [*labels, *below]))
    across = places[-1].x + 1
    wide = inches_per_roi(places, _CELL_WIDTH) * across
    width = max(_NARROWEST, left + wide + MARGIN)
    words = Words.fitting(title, caption, width - 2 * MARGIN, _KEY_WIDTH + MARGIN)
    foot = max(CAPTION_BOTTOM + scale.height, words.foot) + _ABOVE_KEY + inches_of_names(places, _NAMES)
    tall = _CELL_HEIGHT * (len(labels) + len(below))
    n_fields = len(table.values)
    height = words.head + _CLASSES + n_fields * (_ABOVE + tall) + foot
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        for place, hemisphere in enumerate(table.values):
            bottom = foot + (n_fields - 1 - place) * (_ABOVE + tall)
            axes = figure.add_axes((left / width, bottom / height, wide / width, tall / height))
            _draw_field(axes, table, hemisphere, places, scale, theme, digits)
            for row, words_of in enumerate(below.values(), start=len(labels)):
                for column, word in zip(places, words_of[hemisphere], strict=True):
                    axes.text(column.x, row, word, color=theme.quiet_ink, fontsize=7, ha="center", va="center")
            _dress(axes, hemisphere, across, [*labels, *below])
            for row in parted:
                axes.axhline(row - 0.5, color=theme.paper, linewidth=_BETWEEN_GROUPS)
            if place == 0:
                name_classes(axes, places, theme, above=_ABOVE / tall)
            axes.set_xticks([])
        name_rois(axes, places)
        words.write(figure, theme)
        scale.draw(figure, width - MARGIN, CAPTION_BOTTOM, _KEY_WIDTH, theme)
    return Chart(figure, table)


def _dress(axes: Axes, hemisphere: Side, across: float, labels: Sequence[str]) -> None:
    axes.set(xlim=(-0.5, across - 0.5), ylim=(len(labels) - 0.5, -0.5))
    axes.set_yticks(range(len(labels)), labels)
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.spines[:].set_visible(False)
    axes.set_title(heading(hemisphere).lower(), fontsize=8.5, fontweight="bold", loc="left", pad=6)


def _draw_field(
    axes: Axes, table: LayersByRoi, hemisphere: Side, places: Sequence[Place], scale: Scale, theme: Theme, digits: int
) -> None:
    values, best = table.values[hemisphere], table.best(hemisphere)
    edges = np.arange(len(values) + 1) - 0.5
    for column, place in enumerate(places):
        if best[column] < 0:
            for row in range(len(values)):
                axes.text(place.x, row, ABSENT, color=theme.quiet_ink, fontsize=7, ha="center", va="center")
            continue
        cells = axes.pcolormesh(
            [place.x - 0.5, place.x + 0.5],
            edges,
            values[:, [column]],
            cmap=scale.colours,
            vmin=scale.low,
            vmax=scale.high,
        )
        for row, (value, ink) in enumerate(zip(values[:, column], _inks(cells, values[:, column]), strict=True)):
            is_best = row == best[column]
            weight = "bold" if is_best else "normal"
            axes.text(
                place.x,
                row,
                f"{value:z.{digits}f}",
                color=ink,
                fontsize=6.5,
                fontweight=weight,
                ha="center",
                va="center",
            )
            if is_best:
                _frame(axes, place.x, row, ink)


def _inks(cells: QuadMesh, values: NDArray[np.float64]) -> Iterator[str]:
    """Yield the colour of letters that can be read on the colour of each value."""
    for colour in cells.to_rgba(values)[:, :3]:
        yield "white" if np.dot(colour, _LUMINANCE) < _DARK else "black"


def _frame(axes: Axes, x: float, y: float, ink: str) -> None:
    from matplotlib.patches import Rectangle

    size = 1 - 2 * _INSIDE
    corner = (x - size / 2, y - size / 2)
    axes.add_patch(Rectangle(corner, size, size, fill=False, edgecolor=ink, linewidth=1.1))
