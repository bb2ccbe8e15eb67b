"""How many vertices have which r under which noise ceiling: a field for each hemisphere, darker where more lie.

The diagonal is where a model would be that explains all that can be explained.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.sides import Side, heading
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.colour_maps import find_colours
from algocli.results.drawing.style import (
    DARK,
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    Words,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap, Normalize

# Width of a cell, on both axes: a narrow one where a hemisphere has this many vertices, a wide one where it has fewer.
_NARROW, _WIDE, _MANY = 0.02, 0.05, 5000
# Inches of paper: the unit of both axes, and what lies around the fields.
_PER_UNIT = 3.6
_LEFT, _BETWEEN, _ABOVE, _BELOW, _RIGHT, _BAR, _NARROWEST = 0.8, 0.35, 0.35, 0.58, 1.0, 0.13, 5.0
_TICK = 0.2
# From the paper's side of this map on, so that single vertices can be told from none.
_COLOURS, _FAINT = "viridis", 0.12


@dataclass(frozen=True)
class Density:
    """How many vertices of a hemisphere lie in each cell.

    Attributes
    ----------
    counts : (n_x, n_y)
    x_edges : (n_x + 1,)
        Bounds of the cells in r of a perfect model.
    y_edges : (n_y + 1,)
        Bounds of the cells in r.
    """

    counts: NDArray[np.int64]
    x_edges: NDArray[np.float64]
    y_edges: NDArray[np.float64]

    @property
    def width(self) -> float:
        """The width of a cell."""
        return float(self.x_edges[1] - self.x_edges[0])


Densities = Mapping[Side, Density]
# Of each hemisphere the r of a perfect model and that of the run, (n_vertices,) each.
Points = Mapping[Side, tuple[NDArray[np.float64], NDArray[np.float64]]]


def count_in_cells(points: Points, among: Collection[Points] = ()) -> Densities:
    """Count vertices in square cells, the same ones for all hemispheres.

    Parameters
    ----------
    points
        For each hemisphere the r of a perfect model and the r of the model, (n_vertices,) each.
    among
        Those of all that have the same cells, these included: of fields to be held side by side.
    """
    fields = [side for cloud in among or (points,) for side in cloud.values()]
    perfect, r = (np.concatenate(sides) for sides in zip(*fields, strict=True))
    width = _NARROW if len(r) >= _MANY * len(fields) else _WIDE
    x_edges = _edges(0.0, float(perfect.max(initial=0.0)), width)
    y_edges = _edges(float(r.min(initial=0.0)), float(r.max(initial=0.0)), width)
    return {
        h: Density(np.histogram2d(x, y, (x_edges, y_edges))[0].astype(np.int64), x_edges, y_edges)
        for h, (x, y) in points.items()
    }


def largest_count(densities: Densities) -> int:
    """Return how many vertices the fullest cell has."""
    return max(int(density.counts.max(initial=0)) for density in densities.values())


def draw_density(
    densities: Densities,
    *,
    x_label: str,
    y_label: str,
    title: str,
    caption: str = "",
    most: int | None = None,
    colours: str | None = None,
    dpi: int = DEFAULT_DPI,
    theme: Theme = LIGHT,
) -> Chart[Densities]:
    """Draw each hemisphere's vertices, counted on a logarithmic scale, and the line of a perfect model.

    Parameters
    ----------
    most
        The upper end of the scale of counts; by default the largest there is.
    colours
        A colour map of matplotlib's by name; by default one that sets many apart from the paper.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    first = next(iter(densities.values()))
    wide, tall = (_PER_UNIT * (high - low) for low, high in map(_range, (first.x_edges, first.y_edges)))
    n_fields = len(densities)
    right = _LEFT + n_fields * wide + (n_fields - 1) * _BETWEEN
    width = max(_NARROWEST, right + _RIGHT)
    words = Words.fitting(title, caption, width - 2 * MARGIN)
    foot = _BELOW + words.foot
    height = words.head + _ABOVE + tall + foot
    most = largest_count(densities) if most is None else most
    # A scale from one to one would have no extent.
    norm = LogNorm(1, max(most, 10))
    with styled(theme):
        figure = Figure(figsize=(width, height), dpi=dpi)
        palette = _palette(colours, theme)
        for place, (hemisphere, density) in enumerate(densities.items()):
            left = _LEFT + place * (wide + _BETWEEN)
            axes = figure.add_axes((left / width, foot / height, wide / width, tall / height))
            _draw_field(axes, density, norm, palette, theme)
            _dress(axes, heading(hemisphere).lower(), x_label, "" if place else y_label, theme)
        bar = figure.add_axes(((right + _BETWEEN / 2) / width, foot / height, _BAR / width, tall / height))
        _draw_key(bar, ScalarMappable(norm, palette), first.width)
        words.write(figure, theme)
    return Chart(figure, densities)


def _draw_field(axes: Axes, density: Density, norm: Normalize, palette: Colormap, theme: Theme) -> None:
    counted = np.ma.masked_equal(density.counts.T, 0)
    axes.pcolormesh(density.x_edges, density.y_edges, counted, norm=norm, cmap=palette, zorder=2)
    across, upwards = _range(density.x_edges), _range(density.y_edges)
    axes.set(xlim=across, ylim=upwards)
    _draw_perfect(axes, min(across[1], upwards[1]), theme)


def _edges(low: float, high: float, width: float) -> NDArray[np.float64]:
    """Return bounds of cells, 0 among them, that hold everything from `low` to `high`."""
    first, last = int(np.floor(low / width)), int(np.floor(high / width)) + 1
    return np.arange(first, last + 1, dtype=np.float64) * width


def _range(edges: NDArray[np.float64]) -> tuple[float, float]:
    """Return the ends of an axis: tenths around the cells."""
    return float(np.floor(edges[0] * 10 + 1e-9) / 10), float(np.ceil(edges[-1] * 10 - 1e-9) / 10)


def _palette(name: str | None, theme: Theme) -> Colormap:
    """Return colours that go away from the paper's as counts rise."""
    from matplotlib.colors import ListedColormap

    if name is not None:
        return find_colours(name)
    outward = find_colours(_COLOURS if theme == DARK else f"{_COLOURS}_r")
    return ListedColormap(outward(np.linspace(_FAINT, 1, 256)))


def _draw_key(axes: Axes, colours: ScalarMappable, width: float) -> None:
    """Say how many vertices a colour stands for, at 1, 2, 5, 10 and so on."""
    _, high = colours.get_clim()
    steps = [step * 10**power for power in range(7) for step in (1, 2, 5) if step * 10**power <= (high or 1)]
    bar = axes.figure.colorbar(colours, cax=axes, ticks=steps, format="{x:,.0f}")
    bar.outline.set_visible(False)
    axes.set_ylabel(f"vertices in a cell of {width:g} x {width:g}", fontsize=8.5)
    axes.tick_params(labelsize=8, length=2.5, width=0.6)
    axes.minorticks_off()


def _dress(axes: Axes, name: str, x_label: str, y_label: str, theme: Theme) -> None:
    from matplotlib.ticker import MultipleLocator

    axes.set_title(name, fontsize=8.5, fontweight="bold", loc="left", pad=6)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(_TICK))
    axes.tick_params(labelsize=8, length=0, labelleft=bool(y_label))
    axes.grid(True, color=theme.rule, linewidth=0.6, zorder=0)
    axes.axhline(0, color=theme.quiet_ink, linewidth=0.8, zorder=1)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)


def _draw_perfect(axes: Axes, end: float, theme: Theme) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=3, foreground=theme.paper)]
    axes.plot([0, end], [0, end], color=theme.ink, linewidth=1.2, dashes=(5, 2), path_effects=halo, zorder=3)
    axes.annotate(
        "a perfect model",
        (0.25 * end, 0.25 * end),
        (-3, 3),
        textcoords="offset points",
        fontsize=7.5,
        rotation=45,
        rotation_mode="anchor",
        ha="center",
        va="bottom",
        path_effects=halo,
        zorder=4,
    )
