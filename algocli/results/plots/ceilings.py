"""How close a run comes, vertex by vertex, to what a subject's noise leaves to explain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.errors import DataError
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.colour_maps import find_colours
from algocli.results.drawing.density import Densities, Points, count_in_cells, draw_density, largest_count
from algocli.results.plots.request import Wishes
from algocli.results.regions import explainable
from algocli.results.scoring import read_scores, scored_subjects
from algocli.results.telling import SCORED_ON
from algocli.runs.networks import name_runs
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


def plot_ceiling(challenge: Dataset, run: Run, wishes: Wishes) -> Iterator[tuple[SubjectId, Chart[Densities]]]:
    """Draw each subject's r against the r that a perfect model would have, all to one scale.

    The noise ceiling NC is the share of variance that can be explained at all, so that no r can be above sqrt(NC),
    but for chance.

    Raises
    ------
    UsageError
        If there is no colour map of the name that was asked for.
    DataError, MissingStep
        If data and run do not fit together, a subject is missing from either, or its noise ceilings are.
    """
    colours = None if wishes.colours is None else find_colours(wishes.colours).name
    pairs = scored_subjects(challenge, run, wishes.subjects)
    points = {subject.id: _points(subject, subject_run, wishes) for subject, subject_run in pairs}
    counted = {number: count_in_cells(its, points.values()) for number, its in points.items()}
    most = max(map(largest_count, counted.values()), default=0)
    for number, densities in counted.items():
        yield (
            number,
            draw_density(
                densities,
                x_label="r of a perfect model (√ noise ceiling)",
                y_label="Pearson's r",
                title=wishes.heading("Accuracy and noise ceiling", number, pairs),
                caption=f"{_explain(points[number])}{wishes.told_ceiling}\n{name_runs([run])}",
                most=most,
                colours=colours,
                dpi=wishes.dpi,
                theme=wishes.theme,
            ),
        )


def _points(subject: Subject, subject_run: SubjectRun, wishes: Wishes) -> Points:
    points = {}
    for hemisphere in wishes.sides(subject):
        scores = read_scores(subject, subject_run, hemisphere)
        if scores.noise_ceiling is None:
            path = subject.ceiling_name(hemisphere)
            raise DataError(
                f"subject {subject.id} has no noise ceilings: {path} is missing",
                hint=f"`algocli import-ceilings FOLDER -s {subject.id}` brings in those that you have",
            )
        is_told = explainable(subject, hemisphere, wishes.min_ceiling)
        points[hemisphere] = np.sqrt(scores.noise_ceiling)[is_told], scores.correlation[is_told]
    return points


def _explain(points: Points) -> str:
    perfect, r = (np.concatenate(sides) for sides in zip(*points.values(), strict=True))
    counts = " and ".join(f"{len(x):,} {hemisphere}" for hemisphere, (x, _) in points.items())
    n_none, n_above = int(np.sum(perfect == 0)), int(np.sum((r > perfect) & (perfect > 0)))
    return (
        f"r on {SCORED_ON}; ceilings are those of test images. {counts} vertices; of {n_none:,} the noise ceiling is "
        f"0 (on the left edge), and {n_above:,} others lie above the line, by chance or because images differ."
    )
