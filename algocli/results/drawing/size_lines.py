"""Sizes of receptive fields over their eccentricity: a panel a side, and in it for each area medians and a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import Side, heading
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.style import (
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    Words,
    category_colours,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Inches of paper: a panel, what is around it, and a line of its legend.
_WIDE, _TALL, _LEFT, _BETWEEN, _RIGHT, _ABOVE, _BELOW, _ENTRY = 2.9, 2.5, 0.7, 0.45, 0.25, 0.35, 0.55, 0.16
_NARROWEST = 5.0


@dataclass(frozen=True)
class SizeLine:
    """One area on one side.

    Attributes
    ----------
    n_vertices
        How many have a window.
    eccentricity, median_size : (n_bins,)
        The middle of each bin that has enough of them, and their median size.
    line
        Slope and intercept of that through all of them, None where there are too few; `ends` is from where to where it
        is drawn.
    """

    roi: str
    n_vertices: int
    eccentricity: NDArray[np.float64]
    median_size: NDArray[np.float64]
    line: tuple[float, float] | None
    ends: tuple[float, float]


SizeLines = Mapping[Side, Sequence[SizeLine]]


def draw_size_lines(
    shown: SizeLines, *, title: str, caption: str = "", dpi: int = DEFAULT_DPI, theme: Theme = LIGHT
) -> Chart[SizeLines]:
    """Draw the lines of every area, a panel a side; both have the same axes, and the legends tell the slopes."""
    from matplotlib.figure import Figure

    n_lines = max(map(len, shown.values()))
    below = _BELOW + _ENTRY * -(-n_lines // 2)
    width = max(_NARROWEST, _LEFT + len(shown) * _WIDE + (len(shown) - 1) * _BETWEEN + _RIGHT)
    words = Words.fitting(title, caption, width - 2 * MARGIN)
    height = words.head + _ABOVE + _TALL + below + words.foot + 0.1
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        every: list[Axes] = []
        for place, (side, lines) in enumerate(shown.items()):
            left, bottom = _LEFT + place * (_WIDE + _BETWEEN), height - words.head - _ABOVE - _TALL
            box = (left / width, bottom / height, _WIDE / width, _TALL / height)
            axes = figure.add_axes(box, sharex=every[0] if every else None, sharey=every[0] if every else None)
            for line, colour in zip(lines, category_colours(n_lines), strict=False):
                _draw_line(axes, line, colour)
            _dress(axes, side, theme, is_first=place == 0)
            every.append(axes)
        every[0].set_xlim(left=0)
        every[0].set_ylim(bottom=0)
        words.write(figure, theme)
    return Chart(figure, shown)


def _draw_line(axes: Axes, shown: SizeLine, colour: str) -> None:
    told = "too few" if shown.line is None else f"slope {shown.line[0]:z.2f}"
    label = f"{shown.roi}  {told}, n {shown.n_vertices:,}"
    axes.plot(shown.eccentricity, shown.median_size, "o", color=colour, markersize=3.5, zorder=3, label=label)
    if shown.line is not None:
        slope, intercept = shown.line
        axes.plot(shown.ends, [slope * end + intercept for end in shown.ends], color=colour, linewidth=1.2, zorder=2)


def _dress(axes: Axes, side: Side, theme: Theme, *, is_first: bool) -> None:
    axes.set_title(heading(side).lower(), fontsize=8.5, fontweight="bold", loc="left", pad=6)
    axes.set_xlabel("eccentricity (degrees)", fontsize=8.5)
    axes.tick_params(labelsize=8, length=2.5, width=0.6, labelleft=is_first)
    axes.grid(True, color=theme.rule, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if is_first:
        axes.set_ylabel("size (standard deviation, degrees)", fontsize=8.5)
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(-0.02, -0.19),
        ncols=2,
        frameon=False,
        fontsize=7,
        handlelength=0.8,
        borderaxespad=0,
        columnspacing=1.0,
        labelspacing=0.3,
    )
