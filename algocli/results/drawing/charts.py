"""The ROI bar chart: how well each region is explained, both hemispheres side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, heading
from algocli.errors import DataError
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.roi_axis import (
    ABSENT,
    Place,
    dress_bars,
    inches_of_names,
    inches_per_roi,
    name_classes,
    name_rois,
    place_rois,
)
from algocli.results.drawing.style import (
    DEFAULT_DPI,
    LIGHT,
    MARGIN,
    Theme,
    Words,
    side_colour,
    styled,
)
from algocli.results.report_rows import Report, RoiRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In units of one ROI: the bars of both hemispheres, and the space between them.
_BARS = 0.78
_BETWEEN_BARS = 0.02
# Inches of paper.
_PER_ROI, _PLOT_HEIGHT = 0.26, 2.7
_LEFT, _RIGHT, _CLASSES, _NAMES = 0.75, 0.25, 0.7, 0.8
_NARROWEST = 4.5


def draw_rois(
    report: Report,
    subject: SubjectId,
    *,
    hemispheres: Sequence[Side] | None = None,
    title: str,
    caption: str = "",
    dpi: int = DEFAULT_DPI,
    theme: Theme = LIGHT,
) -> Chart[tuple[RoiRow, ...]]:
    """Draw one subject's median r for each ROI, grouped by ROI class.

    An absent ROI keeps its name and place on the axis, with a dash where its bar would be. All subjects of a report
    have one scale.

    Raises
    ------
    DataError
        If the report has no row of that subject.
    """
    from matplotlib.figure import Figure

    rois = dict.fromkeys(row.roi for row in report.rows if row.subject == subject)
    places = place_rois(rois, report.classes)
    if not places:
        raise DataError(f"the report has no rows of subject {subject}")
    with styled(theme):
        width = max(_NARROWEST, _LEFT + _RIGHT + inches_per_roi(places, _PER_ROI) * (places[-1].x + 1.6))
        words = Words.fitting(title, caption, width - 2 * MARGIN)
        foot = inches_of_names(places, _NAMES) + words.foot
        height = words.head + _CLASSES + _PLOT_HEIGHT + foot
        figure = Figure(figsize=(width, height), dpi=dpi)
        box = (_LEFT / width, foot / height, 1 - (_LEFT + _RIGHT) / width, _PLOT_HEIGHT / height)
        axes = figure.add_axes(box)
        drawn = tuple(_draw_bars(axes, report, subject, hemispheres or report.sides, places, theme))
        _dress(axes, report, places, theme)
        name_classes(axes, places, theme)
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.12), ncols=2, frameon=False, borderaxespad=0, handlelength=1.1
        )
        words.write(figure, theme)
    return Chart(figure, drawn)


def _draw_bars(
    axes: Axes,
    report: Report,
    subject: SubjectId,
    hemispheres: Sequence[Side],
    places: Sequence[Place],
    theme: Theme,
) -> Iterator[RoiRow]:
    for order, hemisphere in enumerate(hemispheres):
        width = min(0.6, _BARS / len(hemispheres))
        offset = (order - (len(hemispheres) - 1) / 2) * width
        row_at = [(place, report.row(subject, hemisphere, place.roi)) for place in places]
        rows = [(place.x + offset, row) for place, row in row_at if row is not None]
        present = [(x, row.median_r) for x, row in rows if row.median_r is not None]
        axes.bar(
            [x for x, _ in present],
            [median for _, median in present],
            width=width - _BETWEEN_BARS,
            color=side_colour(hemisphere, report.sides),
            label=heading(hemisphere).lower(),
            zorder=2,
        )
        for x, row in rows:
            if row.median_r is None:
                axes.annotate(
                    ABSENT, (x, 0), (0, 2), textcoords="offset points", ha="center", color=theme.quiet_ink, fontsize=7
                )
        yield from (row for _, row in rows)


def _dress(axes: Axes, report: Report, places: Sequence[Place], theme: Theme) -> None:
    name_rois(axes, places)
    dress_bars(axes, places, "median r", theme)
    # Room above the tallest bar of any subject, and below 0 only where a median is negative.
    medians = [row.median_r for row in report.rows if row.median_r is not None]
    axes.set_ylim(min(0.0, 1.15 * min(medians, default=0.0)), max(0.05, 1.05 * max(medians, default=0.0)))
