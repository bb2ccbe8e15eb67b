"""Where on a subject's cortex one run is better than another, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.errors import UsageError
from algocli.results.compare import shared_subjects
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Scale
from algocli.results.held_out import remark_on_images
from algocli.results.plots.request import Wishes
from algocli.results.scoring import read_scores
from algocli.results.telling import SCORED_ON, shortened
from algocli.runs.datasets import refuse_other_data
from algocli.runs.networks import called
from algocli.runs.run import Run

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]

# Of a run's name beside the colour bar.
_LONGEST_NAME = 16
# r of two models of the same images seldom differs by more than a few of these.
_STEP = 0.05


def plot_difference(challenge: Dataset, run: Run, against: Run, wishes: Wishes) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Map the r of a run minus that of another for each subject; all subjects share one colour scale.

    Raises
    ------
    UsageError
        If it is the same run twice, or they were trained on different responses.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    subjects = subjects_of_both(challenge, run, against, wishes)
    everything = [r - other for subject in subjects for r, other in _scores(subject, run, against, wishes).values()]
    key = difference_scale(np.concatenate(everything), run, against, wishes)
    for subject in subjects:
        title = wishes.heading("Difference in encoding accuracy", subject.id, subjects)
        yield subject.id, difference_map(subject, run, against, wishes, key=key, title=title)


def subjects_of_both(challenge: Dataset, run: Run, against: Run, wishes: Wishes) -> list[Subject]:
    """Return the subjects asked for; by default, those that the data and both runs have.

    Raises
    ------
    UsageError
        If it is the same run twice, or they were trained on different responses.
    DataError, MissingStep
        If a subject is missing from any of them.
    """
    if run.name == against.name:
        raise UsageError(f"run {run.name} does not differ from itself", hint="name another one with against=...")
    numbers = shared_subjects([run, against], challenge) if wishes.subjects is None else wishes.subjects
    subjects = [challenge.subject(number) for number in numbers]
    for number in numbers:
        refuse_other_data([run, against], number, doing="compared")
    return subjects


def difference_map(
    subject: Subject, run: Run, against: Run, wishes: Wishes, *, key: Scale | None = None, title: str | None = None
) -> BrainMap:
    """Map the r of a run minus that of another.

    Parameters
    ----------
    key
        The scale of the differences; by default the subject's own.
    title
        By default it names the two runs.

    Raises
    ------
    DataError
        If a run has other vertices than the data folder.
    MissingStep
        If a run has not been trained on the subject.
    """
    scores = _scores(subject, run, against, wishes)
    values = {h: r - other for h, (r, other) in scores.items()}
    drawn = wishes.on_surface(subject, values)
    fitted_key = difference_scale(np.concatenate(list(values.values())), run, against, wishes)
    said = f"{_compare(scores, run, against)} {remark_on_images([run, against], subject.id)}"
    caption = (
        f"Pearson's r on {SCORED_ON}: run {called(run)} minus run {called(against)}.\n{said}\n"
        f"{wishes.count(drawn, values)}"
    )
    default = f"{shortened(run.name)} against {shortened(against.name)}, subject {subject.id}"
    return BrainMap(
        (Panel(drawn),), key or fitted_key, title or default, caption, wishes.surface, wishes.outlines(subject)
    )


def difference_scale(differences: NDArray[np.float64], run: Run, against: Run, wishes: Wishes) -> Scale:
    """Fit a scale around 0 to differences of r, (n_differences,)."""
    names = (shortened(each.name, _LONGEST_NAME) for each in (run, against))
    return wishes.symmetric_scale(differences, " minus ".join(f"r of {name}" for name in names), _STEP)


def scores_of_both(subject: Subject, run: Run, against: Run, side: Side) -> Pair:
    """Return both runs' r, (n_vertices,) each.

    Raises
    ------
    DataError
        If a run has other vertices than the data folder.
    MissingStep
        If a run has not been trained on the subject.
    """
    r, other = (read_scores(subject, each.subject(subject.id), side).correlation for each in (run, against))
    return r, other


def _scores(subject: Subject, run: Run, against: Run, wishes: Wishes) -> dict[Side, Pair]:
    """Return both runs' r, (n_vertices,) each, for each hemisphere."""
    both = {h: scores_of_both(subject, run, against, h) for h in wishes.sides(subject)}
    of_run, of_other = (wishes.explainable(subject, {h: pair[place] for h, pair in both.items()}) for place in (0, 1))
    return {h: (of_run[h], of_other[h]) for h in both}


def _compare(scores: Mapping[Side, Pair], run: Run, against: Run) -> str:
    r, other = (np.concatenate(sides) for sides in zip(*scores.values(), strict=True))
    r, other = r[np.isfinite(r)], other[np.isfinite(r)]
    if not len(r):
        return "No vertex is left to compare."
    better, worse = int(np.sum(r > other)), int(np.sum(r < other))
    equal = f", neither at {len(r) - better - worse:,}" if better + worse < len(r) else ""
    return (
        f"Median r {np.median(r):.3f} and {np.median(other):.3f}; of {len(r):,} vertices {run.name} is the better at "
        f"{better:,} ({_percent(better, len(r))}), {against.name} at {worse:,} ({_percent(worse, len(r))}){equal}."
    )


def _percent(n: int, total: int) -> str:
    return f"{100 * n / max(total, 1):.0f} %"
