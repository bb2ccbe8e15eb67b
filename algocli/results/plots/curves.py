"""How much better models are that see more images: a subject's learning curves, ROI by ROI."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.results.curve_rows import Curve
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.learning import LearningLine, LearningLines, draw_learning
from algocli.results.drawing.style import DEFAULT_DPI, LIGHT, Theme
from algocli.results.telling import SCORED_ON


def plot_curve(
    curve: Curve, subject: SubjectId, *, title: str | None = None, dpi: int = DEFAULT_DPI, theme: Theme = LIGHT
) -> Chart[LearningLines]:
    """Draw a subject's curves; ROIs that it lacks are left out.

    Parameters
    ----------
    curve
        With a row of this subject that has a score.
    """
    lines = tuple(_lines(curve, subject))
    rows = [row for row in curve.rows if row.subject == subject]
    sizes = sorted({row.n_images for row in rows})
    n_repeats = max(row.n_repeats for row in rows)
    caption = (
        f"Mean r over the vertices of a ROI, on the same {SCORED_ON} for all. Dots: mean of up to {n_repeats} models, "
        "each of a subset, and their standard deviation; of more than half of all images there is one. Lines: r(n) = "
        "ceiling / sqrt(1 + b / n), fitted over the number of fitted images; \N{INFINITY}: its ceiling and 95 % "
        f"interval, a triangle the least that it is where these images do not bound it.\nRun {curve.run}"
    )
    if curve.changed:
        caption += f", with {', '.join(f'{name} {value}' for name, value in curve.changed.items())}"
    shown = LearningLines(np.array(sizes), lines)
    return draw_learning(
        shown, title=title or f"Learning curves, subject {subject}", caption=caption, dpi=dpi, theme=theme
    )


def _lines(curve: Curve, subject: SubjectId) -> Iterator[LearningLine]:
    for side in curve.sides:
        for roi in curve.rois_of(subject):
            rows, end = curve.of_roi(subject, side, roi), curve.ceiling_of(subject, side, roi)
            if end is None or end.mean_r is None:
                continue
            r, sd = (
                np.array([np.nan if value is None else value for value in each], float)
                for each in zip(*((row.mean_r, row.sd) for row in rows), strict=True)
            )
            yield LearningLine(
                roi, curve.classes.get(roi, ""), side, r, sd, end.ceiling, end.half_at, end.n_lost, end.low, end.high
            )
