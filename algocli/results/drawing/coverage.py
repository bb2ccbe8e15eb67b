"""Which part of the visual field areas see: a panel an area and side, the brighter the more windows lie there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import Side, heading
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.colour_maps import find_colours
from algocli.results.drawing.style import DEFAULT_DPI, LIGHT, MARGIN, Theme, Words, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

# Panels side by side at the most; inches of paper of one, and of what is around it.
_ACROSS, _SIDE = 4, 1.55
_LEFT, _RIGHT, _BETWEEN, _TITLE, _TICKS, _BAR = 0.6, 0.85, 0.22, 0.3, 0.38, 0.11
_NARROWEST = 5.0
_COLOURS = "viridis"
# Square points of the dot of one window, and of the largest that several may have together.
_DOT, _LARGEST_DOT = 1.2, 25.0


@dataclass(frozen=True)
class Coverage:
    """The windows of one area on one side.

    Attributes
    ----------
    x, y : (n_windows,)
        Centres in degrees.
    density : (n, n) float64
        The mean of all Gaussians, each 1 at its centre, relative to the largest there is; rows from the top of the
        visual field down, columns from left to right. All 0 without windows.
    """

    roi: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    density: NDArray[np.float64]


@dataclass(frozen=True)
class Coverages:
    """All panels of a chart by side and area, and how many degrees they reach from the middle to each side."""

    panels: Mapping[Side, tuple[Coverage, ...]]
    reach: float


def draw_coverage(
    shown: Coverages,
    *,
    title: str,
    caption: str = "",
    colours: str | None = None,
    dpi: int = DEFAULT_DPI,
    theme: Theme = LIGHT,
) -> Chart[Coverages]:
    """Draw every area's share of the visual field as it is seen: right is right, and up is up.

    Raises
    ------
    UsageError
        If there is no colour map of that name.
    """
    from matplotlib.figure import Figure

    palette = find_colours(colours or _COLOURS).name
    n_panels = max(map(len, shown.panels.values()))
    across = min(n_panels, _ACROSS)
    rows = list(product(shown.panels, range(0, n_panels, across)))
    width = max(_NARROWEST, _LEFT + across * _SIDE + (across - 1) * _BETWEEN + _RIGHT)
    words = Words.fitting(title, caption, width - 2 * MARGIN)
    tall = _TITLE + _SIDE
    height = words.head + len(rows) * tall + _TICKS + words.foot + 0.1
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        for row, (side, start) in enumerate(rows):
            bottom = height - words.head - (row + 1) * tall
            for column, area in enumerate(shown.panels[side][start : start + across]):
                left = _LEFT + column * (_SIDE + _BETWEEN)
                axes = figure.add_axes((left / width, bottom / height, _SIDE / width, _SIDE / height))
                picture = _draw_panel(axes, area, shown.reach, palette, theme)
                _dress(axes, f"{area.roi}, {heading(side).lower()}", theme)
                is_last = row + 1 == len(rows)
                axes.tick_params(labelleft=column == 0, labelbottom=is_last)
                if column == 0:
                    axes.set_ylabel("degrees", fontsize=8)
                if is_last:
                    axes.set_xlabel("degrees", fontsize=8)
        beside = _LEFT + across * (_SIDE + _BETWEEN) - _BETWEEN / 2
        bar = figure.add_axes((beside / width, bottom / height, _BAR / width, _SIDE / height))
        figure.colorbar(picture, cax=bar, ticks=[0, 0.5, 1]).outline.set_visible(False)
        bar.set_ylabel("density, of its largest", fontsize=8)
        bar.tick_params(labelsize=7.5, length=2, width=0.6)
        words.write(figure, theme)
    return Chart(figure, shown)


def _draw_panel(axes: Axes, area: Coverage, reach: float, palette: str, theme: Theme) -> AxesImage:
    extent = (-reach, reach, -reach, reach)
    picture = axes.imshow(area.density, cmap=palette, vmin=0, vmax=1, extent=extent, interpolation="bilinear")
    places, n_there = np.unique(np.column_stack([area.x, area.y]), axis=0, return_counts=True)
    areas = n_there * min(_DOT, _LARGEST_DOT / n_there.max(initial=1))
    axes.scatter(places[:, 0], places[:, 1], s=areas, color="#ffffff", alpha=0.35, linewidths=0, zorder=3)
    for line in (axes.axhline, axes.axvline):
        line(0, color="#ffffff", linewidth=0.5, alpha=0.6, zorder=2)
    if not len(area.x):
        axes.text(0, 0, "no window", color="#ffffff", fontsize=8, ha="center", va="center", zorder=4)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach))
    return picture


def _dress(axes: Axes, name: str, theme: Theme) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(name, fontsize=8, fontweight="bold", loc="left", pad=4)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(labelsize=7.5, length=2, width=0.6, color=theme.quiet_ink)
    axes.spines[:].set_visible(False)
