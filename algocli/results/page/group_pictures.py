"""Charts of a page over subjects: a dot for each, and their mean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from algocli.results.drawing.dots import DotPlot, dots_explained, draw_dots
from algocli.results.group_compare import GroupComparison
from algocli.results.group_report import GroupReport
from algocli.results.page.pictures import Picture, picture
from algocli.results.plots.group_charts import dots_of, dots_of_comparison
from algocli.results.ranked import MOST_SIDE_BY_SIDE

# Inches of a page that a chart's ROIs can take.
_PAGE = 11.0


def report_pictures(group: GroupReport) -> tuple[Picture, ...]:
    """Draw the mean r of every subject in every ROI, and the mean over subjects with its interval."""
    return _dots(dots_of([group.each]), "Each subject")


def compare_pictures(group: GroupComparison) -> tuple[Picture, ...]:
    """Draw the same for every run, side by side, the reference first; of more runs than stand so, nothing."""
    if len(group.names) > MOST_SIDE_BY_SIDE:
        return ()
    return _dots(dots_of_comparison(group.each), "Each subject and run")


def _dots(shown: DotPlot, whose: str) -> tuple[Picture, ...]:
    parts = list(_that_fit(shown))
    return tuple(_picture(part, f"{whose}: mean r by ROI{_which(part) if len(parts) > 1 else ''}") for part in parts)


def _picture(shown: DotPlot, title: str) -> Picture:
    return picture(
        lambda theme: draw_dots(shown, theme=theme),
        title,
        f"Dots: mean r by ROI of {len(shown.subjects)} subjects, beside them the mean over subjects with its 95 % "
        "interval. The table above has the numbers.",
        dots_explained(shown),
    )


def _that_fit(shown: DotPlot) -> Iterator[DotPlot]:
    """Yield the chart in parts of whole classes, each as wide as a page can show, to one scale."""
    chosen: list[str] = []
    for _, members in groupby(shown.classes, key=lambda roi: shown.classes[roi]):
        rois = list(members)
        if chosen and shown.only([*chosen, *rois]).inches_across > _PAGE:
            yield shown.only(chosen)
            chosen = []
        chosen += rois
    yield shown.only(chosen)


def _which(part: DotPlot) -> str:
    """Name the classes of a part, or the ROIs that are of none."""
    return ", " + ", ".join(dict.fromkeys(roi_class or roi for roi, roi_class in part.classes.items()))
