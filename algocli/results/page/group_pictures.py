"""Charts of a page over subjects: a dot for each, and their mean."""

from __future__ import annotations

from algocli.results.drawing.dots import DotPlot, dots_explained, draw_dots
from algocli.results.group_compare import GroupComparison
from algocli.results.group_report import GroupReport
from algocli.results.page.pictures import Picture, picture
from algocli.results.plots.group_charts import dots_of, dots_of_comparison


def report_pictures(group: GroupReport) -> tuple[Picture, ...]:
    """Draw the mean r of every subject in every ROI, and the mean over subjects with its interval."""
    return (_dots(dots_of([group.each]), "Each subject"),)


def compare_pictures(group: GroupComparison) -> tuple[Picture, ...]:
    """Draw the same for every run, side by side, the reference first."""
    return (_dots(dots_of_comparison(group.each), "Each subject and run"),)


def _dots(shown: DotPlot, whose: str) -> Picture:
    return picture(
        lambda theme: draw_dots(shown, theme=theme),
        f"{whose}: mean r by ROI",
        f"Dots: mean r by ROI of {len(shown.subjects)} subjects, beside them the mean over subjects with its 95 % "
        "interval. The table above has the numbers.",
        dots_explained(shown),
    )
