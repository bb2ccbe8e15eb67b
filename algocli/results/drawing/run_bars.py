"""The bar chart of several runs: how well each explains each region, one row of bars a hemisphere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.errors import DataError
from algocli.results.difference_rows import Comparison
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
from algocli.results.drawing.style import DEFAULT_DPI, LIGHT, Theme, ordered_colours, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In units of one ROI: the bars of all runs, and how much of its share a bar takes.
_BARS, _BAR = 0.8, 0.9
# Inches of paper. A legend has a line for each run: their names are long.
_PER_RUN, _LEAST = 0.1, 0.26
_LEFT, _RIGHT, _NAMES, _CLASSES, _ROW, _BETWEEN, _LINE = 0.75, 0.25, 0.85, 0.35, 1.7, 0.25, 0.2
_NARROWEST = 5.0


@dataclass(frozen=True)
class RunBar:
    """One bar; `mean_r` is None where the ROI is absent."""

    run: str
    hemisphere: Side
    roi: str
    mean_r: float | None


def draw_runs(
    comparison: Comparison, subject: SubjectId, *, dpi: int = DEFAULT_DPI, theme: Theme = LIGHT
) -> Chart[tuple[RunBar, ...]]:
    """Draw one subject's mean r of every run, the reference first, for each ROI; all subjects have one scale.

    Raises
    ------
    DataError
        If the comparison has no row of that subject.
    """
    from matplotlib.figure import Figure

    rois = dict.fromkeys(row.roi for row in comparison.rows if row.subject == subject)
    if not rois:
        raise DataError(f"the comparison has no rows of subject {subject}")
    places = place_rois(rois, comparison.classes)
    runs = tuple(dict.fromkeys((comparison.reference, *comparison.runs)))
    colours = ordered_colours(len(runs))
    unit = inches_per_roi(places, max(_LEAST, _PER_RUN * len(runs)))
    with styled(theme):
        width = max(_NARROWEST, _LEFT + _RIGHT + unit * (places[-1].x + 1.6))
        legend, names = _LINE * len(runs) + 0.1, inches_of_names(places, _NAMES)
        height = legend + _CLASSES + len(comparison.sides) * _ROW + (len(comparison.sides) - 1) * _BETWEEN + names
        figure = Figure(figsize=(width, height), dpi=dpi)
        drawn: list[RunBar] = []
        both: list[Axes] = []
        for row, hemisphere in enumerate(comparison.sides):
            bottom = names + (len(comparison.sides) - 1 - row) * (_ROW + _BETWEEN)
            box = (_LEFT / width, bottom / height, 1 - (_LEFT + _RIGHT) / width, _ROW / height)
            axes = figure.add_axes(box, sharey=both[0] if both else None)
            bars = _bars(comparison, subject, hemisphere, places, runs)
            _draw_bars(axes, bars, places, colours, theme)
            _dress(axes, hemisphere, places, theme)
            drawn += bars
            both.append(axes)
        means = [r for row in comparison.rows for r in (row.reference_mean_r, row.mean_r) if r is not None]
        both[0].set_ylim(min(0.0, 1.05 * min(means, default=0.0)), max(0.05, 1.05 * max(means, default=0.0)))
        name_classes(both[0], places, theme)
        name_rois(both[-1], places)
        both[0].tick_params(axis="x", labelbottom=False)
        figure.legend(loc="upper left", bbox_to_anchor=(_LEFT / width, 1 - 0.05 / height), frameon=False, fontsize=8)
    return Chart(figure, tuple(drawn))


def _bars(
    comparison: Comparison, subject: SubjectId, hemisphere: Side, places: Sequence[Place], runs: Sequence[str]
) -> list[RunBar]:
    """Return the bars of a hemisphere, run by run and there ROI by ROI."""
    mean_r: dict[tuple[str, str], float | None] = {}
    for place in places:
        for row in comparison.of_roi(subject, hemisphere, place.roi):
            mean_r[row.reference, place.roi] = row.reference_mean_r
            mean_r[row.run, place.roi] = row.mean_r
    return [RunBar(run, hemisphere, place.roi, mean_r.get((run, place.roi))) for run in runs for place in places]


def _draw_bars(
    axes: Axes, bars: Sequence[RunBar], places: Sequence[Place], colours: Sequence[str], theme: Theme
) -> None:
    width = _BARS / len(colours)
    is_first = not axes.figure.legends and len(axes.figure.axes) == 1
    for order, colour in enumerate(colours):
        of_run = bars[order * len(places) : (order + 1) * len(places)]
        offset = (order - (len(colours) - 1) / 2) * width
        present = [
            (place.x + offset, bar.mean_r) for place, bar in zip(places, of_run, strict=True) if bar.mean_r is not None
        ]
        label = f"{order + 1}  {of_run[0].run}" if is_first else None
        # The outline keeps the darkest bar apart from dark paper.
        style: dict[str, Any] = {"color": colour, "edgecolor": theme.quiet_ink, "linewidth": 0.4, "zorder": 2}
        axes.bar([x for x, _ in present], [r for _, r in present], _BAR * width, label=label, **style)
    for place, bar in zip(places, bars, strict=False):
        if bar.mean_r is None:
            axes.text(place.x, 0, ABSENT, ha="center", va="bottom", color=theme.quiet_ink, fontsize=7)


def _dress(axes: Axes, hemisphere: Side, places: Sequence[Place], theme: Theme) -> None:
    axes.set_xticks([place.x for place in places], [""] * len(places))
    axes.tick_params(axis="x", length=0)
    dress_bars(axes, places, f"mean r, {hemisphere}", theme)
