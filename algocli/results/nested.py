"""The best of several runs in each ROI, chosen by images that have no part in its score: so the score is not flattered.

Within what a fold fits, every run is scored by inner folds (`runs/inner_scores.py`), the best of a ROI is taken, and
what it predicts of the fold's held-out images is what counts. By the scores of the other folds themselves it could not
be chosen: their models were fitted on these images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import counted
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import SubjectId, check_subject_ids
from algocli.dataset.opening import open_dataset
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.errors import UsageError
from algocli.results.choosing import tell_choice
from algocli.results.compare import recorded_data, shared_subjects
from algocli.results.difference_rows import Comparison
from algocli.results.held_out import HeldOut, held_out
from algocli.results.nested_rows import Nested, NestedRow
from algocli.results.redrawing import draw
from algocli.results.regions import Regions, choose_rois, classes_of, regions, tell_min_ceiling, with_sums
from algocli.results.sure_choices import Interval, intervals_of_choices
from algocli.runs.datasets import refuse_other_data
from algocli.runs.inner_scores import InnerR, InnerScores
from algocli.runs.networks import networks_of
from algocli.runs.run import Run
from algocli.runs.splitting import is_same, saved_split
from algocli.runs.subject_run import SubjectRun

# Below this many seconds nobody has to be told how long it takes.
_SOON = 5


def choose_nested(
    runs: Sequence[Run],
    *,
    data_dir: Path | str | Dataset | None = None,
    subjects: Iterable[SubjectId] | None = None,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
    n_resamples: int | None = 1000,
    seed: int = 0,
    track: Track = silent,
    note: Note = unheard,
) -> Nested:
    """Choose the best run of each ROI in inner folds, and score it outside them.

    Parameters
    ----------
    runs
        At least two that held out the same images in the same folds.
    data_dir
        The folder of the data with the measured responses, or the dataset itself; by default where the first run was
        trained.
    subjects, rois, min_ceiling
        As `compare` has them.
    n_resamples, seed
        How often held-out images are drawn anew for the interval of each score, None for no intervals; and from which
        random numbers.
    note
        Hears how many models have to be fitted before the first one is.

    Raises
    ------
    UsageError
        If there is but one run, no such ROI, or the runs were split differently or trained on different responses; or
        if code of others, which a run names, would have to run.
    DataError
        If images or responses are out of reach, or are not those that a run was trained on.
    MissingStep
        If a run has not been trained on a subject that was asked for, or its features are gone.
    """
    every = list({run.name: run for run in runs}.values())
    if len(every) < 2:
        raise UsageError("of one run alone none can be chosen", hint="name two or more")
    dataset = None if data_dir is None else open_dataset(data_dir)
    numbers = shared_subjects(every, dataset) if subjects is None else check_subject_ids(subjects)
    for number in numbers:
        refuse_other_data(every, number, doing="compared")
    data = [dataset.subject(n) if dataset else recorded_data(held_out(every[0], n)) for n in numbers]
    for subject in data:
        refuse_other_splits(every, subject)
    classes = classes_of(data)
    chosen = choose_rois(rois, classes, min_ceiling)
    inner = score_inside(every, data, track=track, note=note)
    rows: list[NestedRow] = []
    for subject in data:
        choosing = _Choosing(subject, every, inner[subject.id])
        counts = None
        if n_resamples is not None:
            counts = draw(len(choosing.held[0].rows), n_resamples=n_resamples, seed=seed)
        for side in subject.sides:
            rows += choosing.rows(side, regions(subject, side, chosen), counts, track, note)
    names = tuple(run.name for run in every)
    return Nested(names, tuple(rows), with_sums(chosen, classes), tuple(tell_min_ceiling(min_ceiling)))


def add_choices(
    compared: Comparison,
    runs: Sequence[Run],
    *,
    data_dir: Path | str | Dataset | None,
    rois: Sequence[str] | None,
    drawn: tuple[int, int],
    track: Track,
    note: Note,
) -> Comparison:
    """Add the choices between some runs to what was compared of them; `drawn` are resamples, and their seed."""
    n_resamples, seed = drawn
    choices = choose_nested(
        runs,
        data_dir=data_dir,
        subjects=compared.subjects,
        rois=rois,
        min_ceiling=compared.min_ceiling,
        n_resamples=n_resamples,
        seed=seed,
        track=track,
        note=note,
    )
    # What flatters the best is mended here.
    flattery = tell_choice(runs, compared.subjects)
    return replace(compared, nested=choices, notes=tuple(line for line in compared.notes if line != flattery))


def score_inside(
    runs: Sequence[Run], subjects: Sequence[Subject], *, track: Track, note: Note
) -> dict[SubjectId, list[InnerR]]:
    """Score runs in inner folds, and return each subject's scores, one entry a run; what is kept is not done again.

    Before the first model is fitted it is noted how many there are, and about how long they take.

    Raises
    ------
    UsageError, DataError, MissingStep
        As `choose_nested` does.
    """
    scores = {subject.id: [InnerScores(run, subject, track=track, note=note) for run in runs] for subject in subjects}
    every = [scored for of_subject in scores.values() for scored in of_subject]
    n_models = sum(scored.n_models for scored in every)
    if n_models:
        seconds = sum(scored.seconds for scored in every)
        how_long = f", about {seconds / 60:.1f} minutes going by their trainings" if seconds > _SOON else ""
        note(
            f"choosing in inner folds fits {counted(n_models, 'models')}{how_long}; what they score is kept for next "
            "time"
        )
    pairs = [(number, scored) for number, of_subject in scores.items() for scored in of_subject]
    inner: dict[SubjectId, list[InnerR]] = {number: [] for number in scores}
    for number, scored in track(pairs, total=len(pairs), label="inner folds", unit="runs") if n_models else pairs:
        inner[number].append(scored.read())
    return inner


class _Choosing:
    """What one subject's runs score, inside and outside."""

    def __init__(self, subject: Subject, runs: Sequence[Run], inner: Sequence[InnerR]) -> None:
        self.subject, self.runs, self.inner = subject, runs, inner
        self.held: list[HeldOut] = [held_out(run, subject.id) for run in runs]

    def rows(
        self, side: Side, of: Regions, counts: NDArray[np.float32] | None, track: Track, note: Note
    ) -> Iterator[NestedRow]:
        """Yield the row of every ROI of a side; its interval, if images were drawn anew."""
        outer = [np.asarray(held.subject_run.fold_correlations(side), np.float64) for held in self.held]
        inner = [of_run[side] for of_run in self.inner]
        present = {roi: vertices for roi, vertices in of.items() if len(vertices)}
        chosen = {roi: best_inside(inner, vertices) for roi, vertices in present.items()}
        r = {roi: outside(outer, chosen[roi], vertices) for roi, vertices in present.items()}
        between: Mapping[str, Interval] = {}
        if counts is not None:
            means = {roi: float(of_run.mean()) for roi, of_run in r.items()}
            between = intervals_of_choices(
                self.subject, side, self.held, present, chosen, means, counts, track=track, note=note
            )
        for roi, vertices in of.items():
            row = NestedRow(None, self.subject.id, side, roi, len(vertices), 0, len(outer[0]), ())
            if roi in present:
                # As a report has it: the mean over folds of each vertex, and that over vertices.
                naive = [float(of_run[:, vertices].mean(axis=0).mean()) for of_run in outer]
                row = self._chosen(row, chosen[roi], r[roi], naive)
                row = replace(row, low=between[roi][0], high=between[roi][1]) if roi in between else row
            yield row

    def _chosen(
        self, row: NestedRow, chosen: NDArray[np.int64], r: NDArray[np.float64], naive: Sequence[float]
    ) -> NestedRow:
        """Fill in which run each fold has, the r of every vertex, (n_some,), and how each run does by itself."""
        by_fold = tuple(self.runs[place].name for place in chosen)
        name, n_chosen = Counter(by_fold).most_common(1)[0]
        best = int(np.argmax(naive))
        return replace(
            row,
            run=name,
            n_chosen=n_chosen,
            by_fold=by_fold,
            mean_r=float(r.mean()),
            median_r=float(np.median(r)),
            naive_run=self.runs[best].name,
            naive_mean_r=naive[best],
            **networks_of(next(run for run in self.runs if run.name == name)).fields,
        )


def best_inside(inner: Sequence[NDArray[np.float64]], vertices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of the run with the highest mean inner r over some vertices for each fold, (n_folds,).

    Parameters
    ----------
    inner
        One entry a run, (n_folds, n_vertices).
    """
    best: NDArray[np.int64] = np.array([of_run[:, vertices].mean(axis=1) for of_run in inner]).argmax(axis=0)
    return best


def outside(
    outer: Sequence[NDArray[np.float64]], chosen: NDArray[np.int64], vertices: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean r over folds of some vertices, (n_some,), each fold's by the run that was chosen for it.

    Parameters
    ----------
    outer
        One entry a run, (n_folds, n_vertices).
    chosen : (n_folds,)
    """
    r: NDArray[np.float64] = np.mean([outer[run][fold, vertices] for fold, run in enumerate(chosen)], axis=0)
    return r


def outside_by_vertex(subject_runs: Sequence[SubjectRun], side: Side, chosen: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean r over folds of every vertex, (n_vertices,), each by the run that was chosen for it there.

    Parameters
    ----------
    chosen : (n_folds, n_vertices)
    """
    r = np.zeros(chosen.shape)
    for place, subject_run in enumerate(subject_runs):
        np.copyto(r, subject_run.fold_correlations(side), where=chosen == place)
    mean: NDArray[np.float64] = r.mean(axis=0)
    return mean


def refuse_other_splits(runs: Sequence[Run], subject: Subject) -> None:
    """Refuse runs that did not hold out the same images in the same folds.

    Raises
    ------
    UsageError
        If there is one.
    DataError
        If a split is damaged.
    """
    n_train = len(subject.train_stimuli)
    split = saved_split(runs[0].subject(subject.id), n_train)
    for other in runs[1:]:
        if not is_same(split, saved_split(other.subject(subject.id), n_train)):
            raise UsageError(
                f"run {runs[0].name} and run {other.name} held out different images of subject {subject.id}, or in "
                "other folds: the best of them cannot be chosen in inner folds",
                hint="train with the same seed=..., shared=... and holdout=... or folds=...",
            )
