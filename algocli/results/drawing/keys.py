"""What the colours of a map mean: a scale with its bar, directions with their wheel, categories with their legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.errors import UsageError
from algocli.results.drawing.colour_maps import CYCLIC, DIVERGING, find_colours
from algocli.results.drawing.raster import Pixels
from algocli.results.drawing.style import CONTEXT_COLOUR, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

Extend = Literal["neither", "min", "max", "both"]

# Inches of paper: the colour bar, the space below it for its numbers, and a row of a legend.
_BAR, _BELOW_BAR, _ROW = 0.11, 0.26, 0.19
_LEGEND_COLUMNS = 2
# Inches of the wheel of directions, its hole as a share of it, and what each word around it takes.
_WHEEL, _HOLE, _WORD = 0.72, 0.42, 0.16
# So many names make no column too high; so many letters leave room for another column.
_FEW, _LONG = 4, 24
# Ends of a scale farther out, or closer together for their size, are beyond what single precision can draw.
_LARGEST, _NARROWEST = 1e30, 1e-6


@dataclass(frozen=True)
class Scale:
    """A continuous scale from `low` to `high`; `beyond` tells on which sides there are values off the scale."""

    low: float
    high: float
    label: str
    beyond: Extend = "neither"
    colours: str = "inferno"

    def colour(
        self, pixels: Pixels, values: NDArray[np.float64], theme: Theme = LIGHT
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Interpolate values, then look up their colours.

        Returns
        -------
        The colour of each pixel, (n_pixels, 3), and whether it shows a value, (n_pixels,).
        """
        seen = pixels.interpolate(values)
        shown = ~np.isnan(seen)
        colours = np.zeros((len(seen), 3))
        colours[shown] = self._mappable.to_rgba(seen[shown])[:, :3]
        return colours, shown

    @property
    def height(self) -> float:
        """How many inches the colour bar takes, with its numbers and its label."""
        return _BELOW_BAR + _BAR + _ROW

    def draw(self, figure: Figure, right: float, bottom: float, width: float, theme: Theme = LIGHT) -> None:
        """Draw a horizontal colour bar; its lower right corner and its width are in inches."""
        wide, tall = figure.get_size_inches()
        axes = figure.add_axes(((right - width) / wide, (bottom + _BELOW_BAR) / tall, width / wide, _BAR / tall))
        bar = figure.colorbar(self._mappable, cax=axes, orientation="horizontal", extend=self.beyond)
        bar.outline.set_visible(False)
        axes.set_title(self.label, fontsize=8.5, pad=4)
        axes.tick_params(labelsize=8, length=2.5, width=0.6, color=theme.quiet_ink)

    def between(self, low: float | None, high: float | None, values: ArrayLike, colours: str | None = None) -> Scale:
        """Return the scale with other ends or other colours, where they are given.

        Raises
        ------
        UsageError
            If the lower end is not below the upper one, the two are too close or too far apart, or matplotlib has no
            colour map of that name.
        """
        low, high = self.low if low is None else low, self.high if high is None else high
        if not low < high:
            raise UsageError(
                f"a colour scale cannot go from {low:g} to {high:g}", hint="vmin=... must be below vmax=..."
            )
        if max(-low, high) > _LARGEST or high - low < _NARROWEST * max(-low, high):
            raise UsageError(
                f"a colour scale from {low:g} to {high:g} has no colours between that could be told apart",
                hint="give vmin=... and vmax=... as the values are",
            )
        return Scale(
            low, high, self.label, _beyond(_finite(values), low, high), find_colours(colours or self.colours).name
        )

    @cached_property
    def _mappable(self) -> ScalarMappable:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        return ScalarMappable(Normalize(self.low, self.high), find_colours(self.colours))


@dataclass(frozen=True)
class Wheel:
    """Directions in degrees, 0 to the right, 90 up, and so on against the clock; the colours close a circle."""

    label: str
    colours: str = CYCLIC

    def colour(
        self, pixels: Pixels, values: NDArray[np.float64], theme: Theme = LIGHT
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Interpolate directions as arrows, so that between 350 and 10 degrees lies 0, then look up their colours."""
        right, up = (pixels.interpolate(part(np.radians(values))) for part in (np.cos, np.sin))
        shown = ~np.isnan(right)
        colours = np.zeros((len(right), 3))
        colours[shown] = self.at(np.degrees(np.arctan2(up[shown], right[shown])))
        return colours, shown

    def at(self, degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the colours, (n, 3) in 0..1, of directions, (n,)."""
        return np.asarray(find_colours(self.colours)(degrees % 360 / 360)[:, :3])

    @property
    def height(self) -> float:
        """How many inches the wheel takes, with the words around it and its label."""
        return _WHEEL + 2 * _WORD + _ROW

    def draw(self, figure: Figure, right: float, bottom: float, width: float, theme: Theme = LIGHT) -> None:
        """Draw the wheel as the visual field is seen; the lower right corner and the width are in inches."""
        wide, tall = figure.get_size_inches()
        left = right - (width + _WHEEL) / 2
        box = (left / wide, (bottom + _WORD) / tall, _WHEEL / wide, _WHEEL / tall)
        axes = figure.add_axes(box, projection="polar")
        edges = np.linspace(0, 2 * np.pi, 181)
        middles = (edges[:-1] + edges[1:]) / 2
        bars = axes.bar(edges[:-1], 1 - _HOLE, edges[1], bottom=_HOLE, align="edge", linewidth=0)
        for bar, colour in zip(bars, self.at(np.degrees(middles)), strict=True):
            # Without an edge of its own colour a wedge lets the paper through where it meets the next.
            bar.set(facecolor=colour, edgecolor=colour, linewidth=0.3)
        axes.set_axis_off()
        axes.set_ylim(0, 1)
        words: dict[str, Any] = {"fontsize": 8, "color": theme.quiet_ink, "xycoords": "axes fraction"}
        words |= {"textcoords": "offset points"}
        for text, at, away, across, upwards in _AROUND:
            axes.annotate(text, at, away, ha=across, va=upwards, **words)
        title = ((right - width / 2) / wide, (bottom + _WHEEL + 2 * _WORD) / tall)
        figure.text(*title, self.label, fontsize=8.5, ha="center", va="bottom")

    def between(self, colours: str | None) -> Wheel:
        """Return the wheel in other colours, if they are given.

        Raises
        ------
        UsageError
            If matplotlib has no colour map of that name.
        """
        return self if colours is None else Wheel(self.label, find_colours(colours).name)


# Words around a wheel: where they are on it, how many points away, and which of their sides is there.
_AROUND = (
    ("right", (1, 0.5), (3, 0), "left", "center"),
    ("up", (0.5, 1), (0, 1), "center", "bottom"),
    ("left", (0, 0.5), (-3, 0), "right", "center"),
    ("down", (0.5, 0), (0, -1), "center", "top"),
)


@dataclass(frozen=True)
class Categories:
    """Category i has the code i, a name and a colour."""

    names: Sequence[str]
    colours: Sequence[str]

    def colour(
        self, pixels: Pixels, values: NDArray[np.float64], theme: Theme = LIGHT
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give each pixel the colour of the category that prevails around it."""
        from matplotlib.colors import to_rgb

        codes = pixels.prevailing(np.where(np.isnan(values), -1, values).astype(np.int64))
        palette = np.array([to_rgb(colour) for colour in self._on(theme)])
        return palette[codes], codes >= 0

    @property
    def height(self) -> float:
        """How many inches the legend takes."""
        return -(-len(self.names) // self._n_columns) * _ROW

    def draw(self, figure: Figure, right: float, bottom: float, width: float, theme: Theme = LIGHT) -> None:
        """Draw a legend, its columns filled one after the other; its lower right corner is in inches."""
        from matplotlib.patches import Patch

        wide, tall = figure.get_size_inches()
        figure.legend(
            handles=[Patch(color=colour, label=name) for name, colour in zip(self.names, self._on(theme), strict=True)],
            loc="lower right",
            bbox_to_anchor=(right / wide, bottom / tall),
            ncols=self._n_columns,
            frameon=False,
            fontsize=8.5,
            borderaxespad=0,
            borderpad=0,
            handlelength=1.1,
        )

    def _on(self, theme: Theme) -> list[str]:
        """Return the colours, that of the context as the theme has it."""
        return [theme.context if colour == CONTEXT_COLOUR else colour for colour in self.colours]

    @property
    def _n_columns(self) -> int:
        """One column for few names, which reads best, or for long ones, which would run into the caption."""
        is_single = len(self.names) <= _FEW or max(map(len, self.names)) > _LONG
        return 1 if is_single else _LEGEND_COLUMNS


# Either colours the pixels of a map and explains the colours in a corner of the figure.
Key = Scale | Wheel | Categories


def scale_for(values: ArrayLike, label: str) -> Scale:
    """Fit a scale from 0 up, for values that mean something only above 0."""
    finite = _finite(values)
    high = _nearly_largest(finite, 0.05)
    return Scale(0.0, high, label, _beyond(finite, 0.0, high))


def symmetric_scale_for(values: ArrayLike, label: str, step: float = 0.5) -> Scale:
    """Fit a scale around 0, for values that mean as much below it as above; it ends at a multiple of `step`."""
    finite = _finite(values)
    high = _nearly_largest(np.abs(finite), step)
    return Scale(-high, high, label, _beyond(finite, -high, high), DIVERGING)


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    everything = np.asarray(values, dtype=np.float64)
    return everything[np.isfinite(everything)]


def _nearly_largest(values: NDArray[np.float64], step: float) -> float:
    """Round the largest value up, leaving out 1 in 200: a few outliers may not take the colour from all others."""
    top = float(np.percentile(values, 99.5)) if len(values) else 0.0
    return step * max(1, math.ceil(top / step))


def _beyond(values: NDArray[np.float64], low: float, high: float) -> Extend:
    below, above = bool((values < low).any()), bool((values > high).any())
    if below and above:
        return "both"
    return "min" if below else "max" if above else "neither"
