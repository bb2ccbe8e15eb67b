"""What a group of subjects shows by ROI: a dot for each, their mean and its interval, of one run or several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algocli.dataset.protocol import Dataset
from algocli.dataset.sides import Side, asked_sides
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.dots import DotPlot, Dots, dots_explained, draw_dots
from algocli.results.plots.request import Wishes
from algocli.results.report import Report, summarise
from algocli.results.telling import SCORED_ON
from algocli.runs.datasets import refuse_other_data
from algocli.runs.run import Run


def plot_group_rois(
    challenge: Dataset, runs: Sequence[Run], wishes: Wishes, rois: Sequence[str] | None = None
) -> Chart[DotPlot]:
    """Draw each subject's mean r per ROI, and the mean over subjects with its interval; of several runs side by side.

    The mean over a ROI's vertices is what `report` and `compare` sum up over subjects, too.

    Raises
    ------
    UsageError
        If the data names no such ROI, or runs were trained on different responses.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    reports = [summarise(challenge, run, subjects=wishes.subjects, rois=rois or None) for run in runs]
    for number in reports[0].subjects:
        refuse_other_data(runs, number, doing="compared")
    shown = dots_of(reports, wishes.hemispheres)
    named = f"Run {runs[0].name}." if len(runs) == 1 else f"Runs {', '.join(run.name for run in runs)}."
    said = f"{dots_explained(shown)}\nMean r over the vertices of a ROI, on {SCORED_ON}. {named}"
    n = len(shown.subjects)
    title = wishes.title or f"Encoding accuracy by ROI, {n} subjects"
    return draw_dots(shown, title=title, caption=said, dpi=wishes.dpi, theme=wishes.theme)


def dots_of(reports: Sequence[Report], hemispheres: Sequence[Side] | None = None) -> DotPlot:
    """Take the mean r of every subject in every ROI from the reports of some runs on the same subjects."""
    first = reports[0]
    dots = []
    for side in asked_sides(first.sides, hemispheres):
        for report in reports:
            scores = np.full((len(first.subjects), len(first.rois)), np.nan)
            for row, number in enumerate(first.subjects):
                for column, roi in enumerate(first.rois):
                    found = report.row(number, side, roi)
                    if found is not None and found.mean_r is not None:
                        scores[row, column] = found.mean_r
            dots.append(Dots(report.run, side, scores))
    classes = {roi: first.classes.get(roi, "") for roi in first.rois}
    return DotPlot(first.subjects, classes, tuple(dots))
