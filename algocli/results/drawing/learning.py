"""Learning curves: scores over numbers of images, a panel a ROI class and side, at its right end what is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

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

# Panels side by side at the most; inches of paper of one, and of what is around it.
_ACROSS, _WIDE, _TALL = 4, 2.5, 1.9
_LEFT, _RIGHT, _BETWEEN, _TITLE, _TICKS, _ENTRY, _GAP = 0.65, 0.2, 0.3, 0.28, 0.42, 0.15, 0.12
_NARROWEST = 5.0
# Where images without end are on the axis, in units of all images, and where the axis ends; curves go on to the first.
_ENDLESS, _AXIS_END, _DRAWN_TO = 6.0, 9.0, 3.5


@dataclass(frozen=True)
class LearningLine:
    """The curve of one ROI on one side.

    Attributes
    ----------
    r, sd : (n_sizes,)
        The mean over models, and how far they are apart; NaN where there is one alone.
    ceiling, half_at, n_lost
        Of the curve that is fitted, as a `CeilingRow` has it; the first two are None where nothing bounds it.
    low, high
        The interval of the ceiling, as far as it is known.
    """

    roi: str
    roi_class: str
    side: Side
    r: NDArray[np.float64]
    sd: NDArray[np.float64]
    ceiling: float | None
    half_at: float | None
    n_lost: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LearningLines:
    """All curves of a chart, over the same numbers of images, (n_sizes,)."""

    sizes: NDArray[np.int64]
    lines: tuple[LearningLine, ...]

    @property
    def panels(self) -> Mapping[Side, Sequence[Sequence[LearningLine]]]:
        """For each side the curves of one class after the other."""
        sides = dict.fromkeys(line.side for line in self.lines)
        classes = dict.fromkeys(line.roi_class for line in self.lines)
        return {
            side: [[line for line in self.lines if (line.side, line.roi_class) == (side, name)] for name in classes]
            for side in sides
        }


def draw_learning(
    shown: LearningLines, *, title: str, caption: str = "", dpi: int = DEFAULT_DPI, theme: Theme = LIGHT
) -> Chart[LearningLines]:
    """Draw every curve: dots are measured, lines are fitted, and what stands at the infinity sign is extrapolated."""
    from matplotlib.figure import Figure

    panels = shown.panels
    n_panels = max(map(len, panels.values()))
    across = min(n_panels, _ACROSS)
    rows = [(side, start) for side, start in product(panels, range(0, n_panels, across))]
    entries = max(len(panel) for side in panels.values() for panel in side)
    tall = _TITLE + _TALL + _TICKS + _ENTRY * -(-entries // 2) + _GAP
    width = max(_NARROWEST, _LEFT + across * _WIDE + (across - 1) * _BETWEEN + _RIGHT)
    words = Words.fitting(title, caption, width - 2 * MARGIN)
    height = words.head + len(rows) * tall + words.foot + 0.1
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        every: list[Axes] = []
        for row, (side, start) in enumerate(rows):
            top = height - words.head - row * tall - _TITLE
            for column, lines in enumerate(panels[side][start : start + across]):
                left = _LEFT + column * (_WIDE + _BETWEEN)
                box = (left / width, (top - _TALL) / height, _WIDE / width, _TALL / height)
                axes = figure.add_axes(box, sharey=every[0] if every else None)
                _draw_lines(axes, shown.sizes, lines, theme)
                _dress(axes, side, lines, shown.sizes, theme, is_first=column == 0)
                every.append(axes)
        every[0].set_ylim(*_range(shown))
        words.write(figure, theme)
    return Chart(figure, shown)


def _draw_lines(axes: Axes, sizes: NDArray[np.int64], lines: Sequence[LearningLine], theme: Theme) -> None:
    n = len(lines)
    colours = category_colours(n)
    further = np.geomspace(sizes[0], _DRAWN_TO * sizes[-1], 80)
    for place, (line, colour) in enumerate(zip(lines, colours, strict=False)):
        spread = np.nan_to_num(line.sd)
        dots: dict[str, Any] = {"color": colour, "markersize": 3, "elinewidth": 0.8, "zorder": 3, "label": line.roi}
        fmt = "o" if line.ceiling is not None else "o-"
        axes.errorbar(sizes, line.r, spread, fmt=fmt, linewidth=0.8, **dots)
        # Intervals of several ROIs stand beside each other.
        x = sizes[-1] * _ENDLESS * 1.09 ** (place - (n - 1) / 2)
        if line.ceiling is None or line.half_at is None:
            if line.low is not None:
                axes.plot([x], [line.low], "^", color=colour, markersize=4, markerfacecolor=theme.paper, zorder=3)
            continue
        fitted = line.ceiling / np.sqrt(1 + (line.half_at - line.n_lost) / np.maximum(further - line.n_lost, 1))
        inside = further <= sizes[-1]
        axes.plot(further[inside], fitted[inside], color=colour, linewidth=1, zorder=2)
        axes.plot(further[~inside], fitted[~inside], color=colour, linewidth=0.8, dashes=(3, 2), zorder=2)
        axes.plot([x], [line.ceiling], "D", color=colour, markersize=3.5, zorder=3)
        if line.low is not None and line.high is not None:
            axes.plot([x, x], [line.low, line.high], color=colour, linewidth=0.9, zorder=2)


def _dress(
    axes: Axes, side: Side, lines: Sequence[LearningLine], sizes: NDArray[np.int64], theme: Theme, *, is_first: bool
) -> None:
    from matplotlib.ticker import NullLocator

    name = lines[0].roi_class or lines[0].roi if len(lines) == 1 or lines[0].roi_class else "ROIs"
    axes.set_title(f"{name}, {heading(side).lower()}", fontsize=8.5, fontweight="bold", loc="left", pad=5)
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    told = np.unique(sizes[[0, len(sizes) // 2, -1]])
    axes.set_xticks([*told, sizes[-1] * _ENDLESS], [*(f"{n:,}" for n in told), "\N{INFINITY}"])
    axes.set_xlim(0.85 * sizes[0], _AXIS_END * sizes[-1])
    axes.axhline(0, color=theme.quiet_ink, linewidth=0.8, zorder=1)
    axes.grid(True, axis="y", color=theme.rule, linewidth=0.6, zorder=0)
    axes.tick_params(labelsize=7.5, length=2, labelleft=is_first)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if is_first:
        axes.set_ylabel("mean r", fontsize=8.5)
    axes.set_axisbelow(True)
    how: dict[str, Any] = {"frameon": False, "fontsize": 7, "ncols": 2, "handlelength": 1.2, "borderaxespad": 0}
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.17), columnspacing=1.2, labelspacing=0.25, **how)


def _range(shown: LearningLines) -> tuple[float, float]:
    """Return from where to where scores are drawn: all that are there, and 0."""
    values = [
        value for line in shown.lines for value in (*line.r, line.ceiling, line.low, line.high) if value is not None
    ]
    low, high = min(values, default=0.0), max(values, default=0.0)
    return min(0.0, 1.05 * low), max(0.05, 1.05 * high)
