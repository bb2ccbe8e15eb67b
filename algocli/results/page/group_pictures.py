"""Charts of a page over subjects: a dot for each, and their mean."""

from __future__ import annotations

from algocli.results.drawing.dots import dots_explained, draw_dots
from algocli.results.group_report import GroupReport
from algocli.results.page.pictures import Picture, picture
from algocli.results.plots.group_charts import dots_of


def report_pictures(group: GroupReport) -> tuple[Picture, ...]:
    """Draw the mean r of every subject in every ROI, and the mean over subjects with its interval."""
    shown = dots_of([group.each])
    n = len(group.subjects)
    return (
        picture(
            lambda theme: draw_dots(shown, theme=theme),
            f"Each of {n} subjects, by ROI",
            f"Dots: mean r by ROI of {n} subjects, beside them the mean over subjects with its 95 % interval.",
            dots_explained(shown),
        ),
    )
