"""Runs side by side, ROI by ROI: how far apart they are, and how far that might have come out otherwise.

Every run is compared with the first one, the reference, on the same resampled held-out images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Note, Track, silent
from algocli.dataset.naming import SubjectId, by_id, check_subject_ids
from algocli.dataset.opening import open_dataset
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.errors import DataError, UsageError
from algocli.results.choosing import tell_choice
from algocli.results.data_of_runs import recorded_subject, tell_changed_files
from algocli.results.difference_rows import Comparison, DifferenceRow
from algocli.results.held_out import HeldOut, data_is_gone, held_out, scored_on, share_of_same_images
from algocli.results.redrawing import LEVEL, draw
from algocli.results.regions import Chosen, Regions, choose_rois, classes_of, regions, tell_min_ceiling, with_sums
from algocli.results.resampling import Resampled, resample_rois
from algocli.results.rows import OfLayers
from algocli.results.telling import Correction
from algocli.runs.datasets import refuse_other_data
from algocli.runs.networks import networks_of, tell_random_weights
from algocli.runs.run import Run
from algocli.runs.scored_images import tell_split
from algocli.stats import bootstrap
from algocli.stats.families import corrected_p

# A difference, and what it is in every resample; None where a ROI has no vertex.
_DrawnRow = tuple[DifferenceRow, NDArray[np.float64] | None]


def compare(
    runs: Sequence[Run],
    *,
    data_dir: Path | str | Dataset | None = None,
    subjects: Iterable[SubjectId] | None = None,
    rois: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    correct: Correction = "none",
    min_ceiling: float = 0,
    keep_draws: bool = False,
    track: Track = silent,
) -> Comparison:
    """Compare runs with the first of them, by a paired bootstrap over the held-out images.

    Parameters
    ----------
    runs
        At least two finished runs that held out the same images.
    data_dir
        The folder of the data with the measured responses, or the dataset itself; by default where the
        reference was trained.
    subjects
        Subject numbers; by default all that the runs share.
    rois
        Names of the only ROIs to compare, 'All vertices' among them; by default all, 'All vertices' last.
    n_resamples, seed
        How often images are drawn with replacement, and from which random numbers.
    correct
        How to correct for the number of ROIs, sides and runs that a subject's differences are of: not at all, by the
        share of false discoveries, or by the largest of all differences in every resample (`families.corrected_p`).
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices that rows count; 0 for any.
    keep_draws
        Whether the comparison is to keep what each difference is in every resample.

    Raises
    ------
    UsageError
        If there is but one run, no such ROI, too many resamples for the memory, or the runs held out different images,
        or were trained on different responses.
    DataError
        If responses are out of reach or are not those that a run was trained on.
    MissingStep
        If a run has not been trained on a subject that was asked for.
    """
    if len(runs) < 2:
        raise UsageError("one run alone cannot be compared", hint="name the reference first, then one or more others")
    # The reference may be compared with itself; naming another run twice says nothing new.
    others = list({run.name: run for run in runs[1:]}.values())
    challenge = None if data_dir is None else open_dataset(data_dir)
    numbers = shared_subjects(runs, challenge) if subjects is None else check_subject_ids(subjects)
    notes = [] if subjects is not None else list(_left_out(runs, challenge, numbers))
    # What does not fit is told before the first subject's minutes are spent.
    subject_runs = {n: [held_out(run, n) for run in (runs[0], *others)] for n in numbers}
    for number in numbers:
        refuse_other_data([held.run for held in subject_runs[number]], number, doing="compared")
        notes += _check_same_images(subject_runs[number])
    every = list({run.name: run for run in runs}.values())
    notes += [*chain(*(tell_split(run, numbers) for run in every)), *tell_random_weights(every)]
    origins = {run.name: networks_of(run).fields for run in every}
    data = [challenge.subject(n) if challenge else recorded_data(subject_runs[n][0]) for n in numbers]
    notes += dict.fromkeys(
        tell_changed_files((subject, held.subject_run) for subject in data for held in subject_runs[subject.id])
    )
    classes = classes_of(data)
    chosen = choose_rois(rois, classes, min_ceiling)
    notes += tell_min_ceiling(min_ceiling)
    rows: list[DifferenceRow] = []
    draws: dict[tuple[SubjectId, Side, str, str], NDArray[np.float64]] = {}
    for subject in data:
        compared = subject_runs[subject.id]
        counts = draw(len(compared[0].rows), n_resamples=n_resamples, seed=seed)
        drawn_rows = list(_subject_rows(subject, compared, chosen, counts, origins, track, notes.append))
        rows += [row for row, _ in drawn_rows] if correct == "none" else _with_p(drawn_rows, correct)
        if keep_draws:
            draws |= {(r.subject, r.hemisphere, r.roi, r.run): drawn for r, drawn in drawn_rows if drawn is not None}
    return Comparison(
        runs[0].name,
        tuple(run.name for run in others),
        tuple(rows),
        with_sums(chosen, classes),
        (*notes, *filter(None, [tell_choice([runs[0], *others], numbers)])),
        correct,
        share_of_same_images(runs[0], data),
        draws,
        chosen.min_ceiling,
        scored_on(runs[0], [subject_runs[number][0].subject_run for number in numbers]),
        OfLayers(run=runs[0].name, **origins[runs[0].name]),
    )


def _subject_rows(
    subject: Subject,
    compared: Sequence[HeldOut],
    chosen: Chosen,
    counts: NDArray[np.float32],
    origins: Mapping[str, dict[str, Any]],
    track: Track,
    note: Note,
) -> Iterator[_DrawnRow]:
    """Yield the differences of one subject, side by side."""
    of = {side: regions(subject, side, chosen) for side in subject.sides}
    resampled = resample_rois(subject, compared, of, counts, track=track, note=note)
    for side in subject.sides:
        yield from _side_rows(subject, side, compared, of[side], resampled[side], origins)


def _with_p(drawn_rows: Sequence[_DrawnRow], correct: Literal["fdr", "max"]) -> list[DifferenceRow]:
    """Give a p to all of a subject's differences, from what each is in every resample."""
    resampled = [drawn for _, drawn in drawn_rows if drawn is not None]
    observed = [row.difference for row, drawn in drawn_rows if drawn is not None]
    p = iter(corrected_p(np.array(resampled), np.array(observed), correct).tolist())
    return [row if drawn is None else replace(row, p=next(p)) for row, drawn in drawn_rows]


def shared_subjects(runs: Sequence[Run], challenge: Dataset | None) -> tuple[SubjectId, ...]:
    """Return the subjects that all runs, and the data folder if there is one, have in common, rising.

    Raises
    ------
    DataError
        If there is none.
    """
    having = {f"run {run.name}": run.subjects for run in runs}
    if challenge is not None:
        having[str(challenge.folder)] = challenge.subject_ids
    shared = set.intersection(*(set(ids) for ids in having.values()))
    if not shared:
        listed = "; ".join(f"{who} has {', '.join(map(str, ids))}" for who, ids in having.items())
        raise DataError(f"there is no subject that all have: {listed}", hint="train the runs on the same subjects")
    return tuple(sorted(shared, key=by_id))


def _left_out(runs: Sequence[Run], challenge: Dataset | None, numbers: Sequence[SubjectId]) -> Iterator[str]:
    for n in sorted({n for run in runs for n in run.subjects} - set(numbers), key=by_id):
        lacking = [f"run {name}" for name in dict.fromkeys(run.name for run in runs if n not in run.subjects)]
        if challenge is not None and n not in challenge.subject_ids:
            lacking.append(str(challenge.folder))
        yield f"subject {n} is left out: {' and '.join(lacking)} lack{'s' if len(lacking) == 1 else ''} it"


def _check_same_images(subject_runs: Sequence[HeldOut]) -> Iterator[str]:
    """Refuse runs that held out different images; yield a note on those that only divided them differently."""
    first = subject_runs[0]
    number = first.subject_run.id
    for other in subject_runs[1:]:
        if not np.array_equal(first.rows, other.rows):
            n_shared = len(np.intersect1d(first.rows, other.rows))
            raise UsageError(
                f"run {first.run.name} ({_split(first.run)}) and run {other.run.name} ({_split(other.run)}) held out "
                f"different images of subject {number}: {len(first.rows)} and {len(other.rows)}, {n_shared} in both",
                hint="a paired comparison needs the same ones: train with the same seed=..., shared=... and "
                "holdout=... or folds=...",
            )
        if _partition(first.folds) != _partition(other.folds):
            yield (
                f"subject {number}: run {other.run.name} ({_split(other.run)}) divided the images into other folds "
                f"than the reference ({_split(first.run)}); each run's r is the mean over its own"
            )


def _split(run: Run) -> str:
    settings = run.settings
    if settings.shared == "only":
        return "shared='only'"
    part = f"holdout={settings.holdout:g}" if settings.folds is None else f"folds={settings.folds}"
    part += " shared='exclude'" if settings.shared == "exclude" else ""
    return f"{part} seed={settings.seed}"


def _partition(folds: NDArray[np.int64]) -> set[tuple[int, ...]]:
    """Return the places of each fold, whatever the folds' numbers."""
    return {tuple(np.flatnonzero(folds == fold).tolist()) for fold in np.unique(folds)}


def recorded_data(reference: HeldOut) -> Subject:
    """Return the data that a subject of a run was trained on, from where it was then."""
    subject = recorded_subject(reference.subject_run)
    if subject is None:
        raise data_is_gone(reference)
    return subject


def _side_rows(
    subject: Subject,
    side: Side,
    subject_runs: Sequence[HeldOut],
    of: Regions,
    resampled: Mapping[str, Resampled],
    origins: Mapping[str, dict[str, Any]],
) -> Iterator[_DrawnRow]:
    """Yield the differences of one side."""
    r = [held.subject_run.correlation(side) for held in subject_runs]
    for name, vertices in of.items():
        for place, held in enumerate(subject_runs[1:], start=1):
            head = (held.run.name, subject_runs[0].run.name, subject.id, side, name, len(vertices))
            origin = origins[held.run.name]
            if name not in resampled:
                yield DifferenceRow(*head, None, None, None, None, None, **origin), None
                continue
            mean_r, reference_r = float(r[place][vertices].mean()), float(r[0][vertices].mean())
            # The difference between this run and the first, and none of the others.
            weights = [float(other == place) - float(other == 0) for other in range(len(subject_runs))]
            drawn = resampled[name].contrast(weights)
            low, high = bootstrap.interval(drawn, LEVEL)
            yield DifferenceRow(*head, mean_r, reference_r, mean_r - reference_r, low, high, **origin), drawn
