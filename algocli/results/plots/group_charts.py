"""What a group of subjects shows by ROI: a dot for each, their mean and its interval, of one run or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.dataset.sides import Side, asked_sides
from algocli.results.difference_rows import Comparison
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.dots import DotPlot, Dots, dots_explained, draw_dots
from algocli.results.layer_names import check_labels
from algocli.results.plots.request import Wishes
from algocli.results.report import summarise
from algocli.results.report_rows import Report
from algocli.results.rows import RowsByRoi
from algocli.results.telling import SCORED_ON
from algocli.runs.datasets import refuse_other_data
from algocli.runs.networks import name_runs
from algocli.runs.run import Run

# A run, and a side, a subject and a ROI.
_Place = tuple[str, Side, SubjectId, str]


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
    reports = [
        summarise(challenge, run, subjects=wishes.subjects, rois=rois or None, min_ceiling=wishes.min_ceiling)
        for run in runs
    ]
    for number in reports[0].subjects:
        refuse_other_data(runs, number, doing="compared")
    names = check_labels(wishes.labels, len(runs), "runs") if wishes.labels else [run.name for run in runs]
    shown = dots_of(reports, wishes.hemispheres, dict(zip([run.name for run in runs], names, strict=True)))
    said = f"{dots_explained(shown)}\nMean r over the vertices of a ROI, on {SCORED_ON}."
    said += f"{wishes.told_ceiling} {name_runs(runs)}"
    n = len(shown.subjects)
    title = wishes.title or f"Encoding accuracy by ROI, {n} subjects"
    return draw_dots(shown, title=title, caption=said, dpi=wishes.dpi, theme=wishes.theme)


def dots_of(
    reports: Sequence[Report], hemispheres: Sequence[Side] | None = None, labels: Mapping[str, str] | None = None
) -> DotPlot:
    """Take the mean r of every subject in every ROI from the reports of some runs on the same subjects.

    Parameters
    ----------
    labels
        What to call the runs, by their names.
    """
    called = {report.run: (labels or {}).get(report.run, report.run) for report in reports}
    scores = {
        (called[report.run], row.hemisphere, row.subject, row.roi): row.mean_r
        for report in reports
        for row in report.rows
    }
    first = reports[0]
    return _gather(scores, first, asked_sides(first.sides, hemispheres), list(called.values()))


def dots_of_comparison(comparison: Comparison) -> DotPlot:
    """Take the mean r of every subject in every ROI, and of every run, the reference first."""
    scores = {}
    for row in comparison.rows:
        where = row.hemisphere, row.subject, row.roi
        scores[row.reference, *where] = row.reference_mean_r
        scores[row.run, *where] = row.mean_r
    runs = list(dict.fromkeys((comparison.reference, *comparison.runs)))
    return _gather(scores, comparison, comparison.sides, runs)


def _gather(
    scores: Mapping[_Place, float | None], about: RowsByRoi, sides: Sequence[Side], runs: Sequence[str]
) -> DotPlot:
    """Put scores to their places; what a subject lacks is NaN."""
    rois, subjects = about.rois, about.subjects
    dots = []
    for side in sides:
        for run in runs:
            of_subjects = [[scores.get((run, side, number, roi)) for roi in rois] for number in subjects]
            # None becomes NaN.
            dots.append(Dots(run, side, np.array(of_subjects, dtype=np.float64)))
    return DotPlot(subjects, {roi: about.classes.get(roi, "") for roi in rois}, tuple(dots))
