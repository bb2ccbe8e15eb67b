"""The ROI bar chart: how well each region is explained, both hemispheres side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from algocli.challenge.layout import HEMISPHERES, Hemisphere
from algocli.errors import DataError
from algocli.results.drawing.style import (
    DEFAULT_DPI,
    HEMISPHERE_COLOURS,
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
from algocli.results.report import Report, RoiRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In units of one ROI: the bars of both hemispheres, and the space between two classes.
_BARS = 0.78
_BETWEEN_BARS = 0.02
_BETWEEN_CLASSES = 0.7
# Inches of paper.
_PER_ROI, _PLOT_HEIGHT = 0.26, 2.7
_LEFT, _RIGHT, _CLASSES, _NAMES = 0.75, 0.25, 0.7, 0.8
_NARROWEST, _CLASS_NAME = 4.5, 0.85
_ABSENT = "\N{EN DASH}"


@dataclass(frozen=True)
class Chart:
    """A figure, and the rows that its bars show, from left to right."""

    figure: Figure
    drawn: tuple[RoiRow, ...]


@dataclass(frozen=True)
class _Place:
    """Where a ROI stands on the axis."""

    x: float
    roi: str
    roi_class: str


def draw_rois(
    report: Report,
    subject: int,
    *,
    hemispheres: Sequence[Hemisphere] = HEMISPHERES,
    title: str,
    caption: str = "",
    dpi: int = DEFAULT_DPI,
    theme: Theme = LIGHT,
) -> Chart:
    """Draw one subject's median r for each ROI, grouped by ROI class.

    An absent ROI keeps its name and place on the axis, with a dash where its bar would be.

    Raises
    ------
    DataError
        If the report has no row of that subject.
    """
    from matplotlib.figure import Figure

    places = tuple(_places(report, subject))
    if not places:
        raise DataError(f"the report has no rows of subject {subject}")
    with styled(theme):
        width = max(_NARROWEST, _LEFT + _RIGHT + _unit(places) * (places[-1].x + 1.6))
        title, caption = wrap_title(title, width - 2 * MARGIN), wrap_caption(caption, width - 2 * MARGIN)
        foot = _NAMES + caption_height(caption)
        height = title_height(title) + _CLASSES + _PLOT_HEIGHT + foot
        figure = Figure(figsize=(width, height), dpi=dpi)
        box = (_LEFT / width, foot / height, 1 - (_LEFT + _RIGHT) / width, _PLOT_HEIGHT / height)
        axes = figure.add_axes(box)
        drawn = tuple(_draw_bars(axes, report, subject, hemispheres, places, theme))
        _dress(axes, places, theme)
        _name_classes(axes, places, theme)
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.12), ncols=2, frameon=False, borderaxespad=0, handlelength=1.1
        )
        write_around(figure, title, caption, theme)
    return Chart(figure, drawn)


def _places(report: Report, subject: int) -> Iterator[_Place]:
    rois = dict.fromkeys(row.roi for row in report.rows if row.subject == subject)
    x = 0.0
    for roi_class, members in groupby(rois, key=lambda roi: report.classes.get(roi, "")):
        for roi in members:
            yield _Place(x, roi, roi_class)
            x += 1
        x += _BETWEEN_CLASSES


def _unit(places: Sequence[_Place]) -> float:
    """Return how many inches a ROI takes: more than usual where a class is too small for its own name."""
    sizes = [len(list(members)) for roi_class, members in groupby(places, lambda place: place.roi_class) if roi_class]
    return max([_PER_ROI, *(_CLASS_NAME / (n_rois + _BETWEEN_CLASSES) for n_rois in sizes)])


def _draw_bars(
    axes: Axes,
    report: Report,
    subject: int,
    hemispheres: Sequence[Hemisphere],
    places: Sequence[_Place],
    theme: Theme,
) -> Iterator[RoiRow]:
    for order, hemisphere in enumerate(hemispheres):
        width = min(0.6, _BARS / len(hemispheres))
        offset = (order - (len(hemispheres) - 1) / 2) * width
        found = [(place, report.row(subject, hemisphere, place.roi)) for place in places]
        rows = [(place.x + offset, row) for place, row in found if row is not None]
        present = [(x, row.median_r) for x, row in rows if row.median_r is not None]
        axes.bar(
            [x for x, _ in present],
            [median for _, median in present],
            width=width - _BETWEEN_BARS,
            color=HEMISPHERE_COLOURS[hemisphere],
            label=f"{hemisphere} hemisphere",
            zorder=2,
        )
        for x, row in rows:
            if row.median_r is None:
                axes.annotate(
                    _ABSENT, (x, 0), (0, 2), textcoords="offset points", ha="center", color=theme.quiet_ink, fontsize=7
                )
        yield from (row for _, row in rows)


def _dress(axes: Axes, places: Sequence[_Place], theme: Theme) -> None:
    axes.set_xlim(-0.8, places[-1].x + 0.8)
    axes.set_xticks([place.x for place in places], [place.roi for place in places], rotation=60, ha="right")
    axes.tick_params(axis="x", length=0, pad=1, labelsize=8)
    for label in axes.get_xticklabels():
        label.set_rotation_mode("anchor")  # the end of each name stands below its bars
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.set_ylabel("median r")
    axes.yaxis.grid(True, color=theme.rule, linewidth=0.6, zorder=0)
    axes.set_axisbelow(True)
    axes.axhline(0, color=theme.quiet_ink, linewidth=0.8, zorder=3)
    for side in ("top", "left", "right", "bottom"):
        axes.spines[side].set_visible(False)
    # Room above the tallest bar, and below 0 only where a median is negative.
    low, high = axes.dataLim.y0, axes.dataLim.y1
    axes.set_ylim(min(0.0, 1.15 * low), max(0.05, 1.05 * high))


def _name_classes(axes: Axes, places: Sequence[_Place], theme: Theme) -> None:
    for roi_class, members in groupby(places, key=lambda place: place.roi_class):
        if not roi_class:
            continue
        across = [place.x for place in members]
        axes.plot(
            [across[0] - 0.45, across[-1] + 0.45],
            [1.03, 1.03],
            color=theme.quiet_ink,
            linewidth=0.8,
            clip_on=False,
            transform=axes.get_xaxis_transform(),
        )
        axes.text(
            (across[0] + across[-1]) / 2,
            1.045,
            roi_class,
            fontsize=7.5,
            color=theme.quiet_ink,
            ha="center",
            va="bottom",
            transform=axes.get_xaxis_transform(),
        )
