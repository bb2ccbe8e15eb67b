"""Runs side by side, ROI by ROI: how far apart they are, and how far that might have come out otherwise.

Every run is compared with the first one, the reference, on the same resampled held-out images. A run trained in folds
is scored as `report` scores it, by the mean of r over its folds, in each resample too: predictions of different folds
come from different models, and one r over all of them would mix up how the folds differ with how their images do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.layout import ALL_VERTICES, HEMISPHERES, Hemisphere
from algocli.challenge.subjects import Challenge, Subject
from algocli.compute.budget import check_memory
from algocli.compute.track import Track, silent
from algocli.encoding import bootstrap
from algocli.encoding.runs import Run, SubjectRun
from algocli.errors import DataError, UsageError
from algocli.results.origin import recorded_folder, recorded_subject
from algocli.results.report import check_rois

LEVEL = 0.95
# A stored r and one computed anew from float32 moments differ by 1e-5 at most; from other responses, by far more.
SAME_R = 1e-3


@dataclass(frozen=True)
class DifferenceRow:
    """One run against the reference in one ROI of one hemisphere of one subject; None where there is no vertex.

    `difference` is `mean_r - reference_mean_r`, r being on held-out training images and the mean over the ROI's
    vertices; `low` and `high` bound its 95 % interval.
    """

    run: str
    reference: str
    subject: int
    hemisphere: Hemisphere
    roi: str
    n_vertices: int
    mean_r: float | None
    reference_mean_r: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """Say whether the interval lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison:
    """All differences, subject by subject, hemisphere by hemisphere, ROI by ROI, and there run by run.

    `classes` tells the class of each ROI (`ALL_VERTICES` has none); `notes` say what was left out or assumed.
    """

    reference: str
    runs: tuple[str, ...]
    rows: tuple[DifferenceRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[int, ...]:
        """The subjects of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    @property
    def rois(self) -> tuple[str, ...]:
        """The ROIs of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.roi for row in self.rows))

    def of_roi(self, subject: int, hemisphere: Hemisphere, roi: str) -> list[DifferenceRow]:
        """Return a ROI's row of each run; none where that subject's data does not name the ROI."""
        wanted = (subject, hemisphere, roi)
        return [row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted]


@dataclass(frozen=True)
class _HeldOut:
    """A subject's share of a run, its held-out rows brought into rising order."""

    run: Run
    share: SubjectRun
    rows: NDArray[np.int64]
    order: NDArray[np.int64]
    folds: NDArray[np.int64]


def compare(
    runs: Sequence[Run],
    *,
    data_dir: Path | None = None,
    subjects: Iterable[int] | None = None,
    rois: Sequence[str] | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
    track: Track = silent,
) -> Comparison:
    """Compare runs with the first of them, by a paired bootstrap over the held-out images.

    Parameters
    ----------
    runs
        At least two finished runs that held out the same images.
    data_dir
        The challenge folder with the measured responses; by default where the reference was trained.
    subjects
        Subject numbers; by default all that the runs share.
    rois
        Names of the only ROIs to compare, 'All vertices' among them; by default all, 'All vertices' last.
    n_resamples, seed
        How often images are drawn with replacement, and from which random numbers.

    Raises
    ------
    UsageError
        If there is but one run, no such ROI, too many resamples for the memory, or the runs held out different images.
    DataError
        If responses are out of reach or are not those that a run was trained on.
    MissingStep
        If a run has not been trained on a subject that was asked for.
    """
    if len(runs) < 2:
        raise UsageError("one run alone cannot be compared", hint="name the reference first, then one or more others")
    # The reference may be compared with itself; naming another run twice says nothing new.
    others = list({run.name: run for run in runs[1:]}.values())
    challenge = None if data_dir is None else Challenge(data_dir)
    numbers = _shared_subjects(runs, challenge) if subjects is None else tuple(subjects)
    notes = [] if subjects is not None else list(_left_out(runs, challenge, numbers))
    # What does not fit is told before the first subject's minutes are spent.
    shares = {n: [_held_out(run, n) for run in (runs[0], *others)] for n in numbers}
    for number in numbers:
        notes += _check_same_images(shares[number])
    data = [challenge.subject(n) if challenge else _recorded_subject(shares[n][0]) for n in numbers]
    classes = {roi.name: roi.roi_class for subject in data for roi in subject.rois}
    chosen = check_rois(rois, [*classes, ALL_VERTICES]) if rois else (*classes, ALL_VERTICES)
    rows: list[DifferenceRow] = []
    for subject in data:
        held_out = shares[subject.number]
        # Counts as they are drawn and kept; the dozen arrays of a block.
        needed = n_resamples * (24 * len(held_out[0].rows) + 48 * bootstrap.VERTICES)
        check_memory(needed, remedy="fewer --resamples need less; 1000 are usual")
        counts = bootstrap.resample(len(held_out[0].rows), n_resamples=n_resamples, seed=seed)
        for hemisphere in HEMISPHERES:
            rows += _hemisphere_rows(subject, hemisphere, held_out, chosen, counts, track)
    return Comparison(runs[0].name, tuple(run.name for run in others), tuple(rows), classes, tuple(notes))


def _shared_subjects(runs: Sequence[Run], challenge: Challenge | None) -> tuple[int, ...]:
    having = {f"run {run.name}": run.subjects for run in runs}
    if challenge is not None:
        having[str(challenge.folder)] = challenge.found
    shared = set.intersection(*(set(found) for found in having.values()))
    if not shared:
        listed = "; ".join(f"{who} has {', '.join(map(str, found))}" for who, found in having.items())
        raise DataError(f"there is no subject that all have: {listed}", hint="train the runs on the same subjects")
    return tuple(sorted(shared))


def _left_out(runs: Sequence[Run], challenge: Challenge | None, numbers: Sequence[int]) -> Iterator[str]:
    for n in sorted({n for run in runs for n in run.subjects} - set(numbers)):
        lacking = [f"run {name}" for name in dict.fromkeys(run.name for run in runs if n not in run.subjects)]
        if challenge is not None and n not in challenge.found:
            lacking.append(str(challenge.folder))
        yield f"subject {n} is left out: {' and '.join(lacking)} lack{'s' if len(lacking) == 1 else ''} it"


def _held_out(run: Run, number: int) -> _HeldOut:
    share = run.subject(number)
    rows, folds = share.validation_rows(), share.validation_folds()
    if rows.shape != folds.shape:
        raise DataError(f"{share.folder} holds a damaged split", hint="train this subject again with --force")
    order = np.argsort(rows)
    return _HeldOut(run, share, rows[order], order, folds[order])


def _check_same_images(shares: Sequence[_HeldOut]) -> Iterator[str]:
    """Refuse runs that held out different images; yield a note on those that only divided them differently."""
    first = shares[0]
    number = first.share.number
    for other in shares[1:]:
        if not np.array_equal(first.rows, other.rows):
            n_shared = len(np.intersect1d(first.rows, other.rows))
            raise UsageError(
                f"run {first.run.name} ({_split(first.run)}) and run {other.run.name} ({_split(other.run)}) held out "
                f"different images of subject {number}: {len(first.rows)} and {len(other.rows)}, {n_shared} in both",
                hint="a paired comparison needs the same ones: train with the same --seed and --holdout or --folds",
            )
        if _partition(first.folds) != _partition(other.folds):
            yield (
                f"subject {number}: run {other.run.name} ({_split(other.run)}) divided the images into other folds "
                f"than the reference ({_split(first.run)}); each run's r is the mean over its own"
            )


def _split(run: Run) -> str:
    settings = run.settings
    part = f"--holdout {settings.holdout:g}" if settings.folds is None else f"--folds {settings.folds}"
    return f"{part} --seed {settings.seed}"


def _partition(folds: NDArray[np.int64]) -> set[tuple[int, ...]]:
    """Return the places of each fold, whatever the folds' numbers."""
    return {tuple(np.flatnonzero(folds == fold).tolist()) for fold in np.unique(folds)}


def _recorded_subject(reference: _HeldOut) -> Subject:
    """Return the data that a share was trained on, from where it was then."""
    found = recorded_subject(reference.share)
    if found is None:
        folder = recorded_folder(reference.share)
        where = f"is no longer in {folder}" if folder else "is nowhere named in the run's record"
        raise DataError(
            f"the data of subject {reference.share.number}, which run {reference.run.name} was trained on, {where}",
            hint="name the challenge data with --data-dir",
        )
    return found


def _hemisphere_rows(
    subject: Subject,
    hemisphere: Hemisphere,
    shares: Sequence[_HeldOut],
    chosen: Sequence[str],
    counts: NDArray[np.float32],
    track: Track,
) -> Iterator[DifferenceRow]:
    n_vertices = subject.n_vertices(hemisphere)
    regions = {roi.name: subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in chosen}
    if ALL_VERTICES in chosen:
        regions[ALL_VERTICES] = np.arange(n_vertices)
    members = np.zeros((n_vertices, len(regions)), np.float32)
    for column, vertices in enumerate(regions.values()):
        members[vertices, column] = 1
    sums = _resampled_sums(subject, hemisphere, shares, members, counts, track)
    r = [held_out.share.correlation(hemisphere) for held_out in shares]
    for column, (name, vertices) in enumerate(regions.items()):
        n = len(vertices)
        for place, held_out in enumerate(shares[1:], start=1):
            head = (held_out.run.name, shares[0].run.name, subject.number, hemisphere, name, n)
            if n == 0:
                yield DifferenceRow(*head, None, None, None, None, None)
                continue
            mean_r, reference_r = float(r[place][vertices].mean()), float(r[0][vertices].mean())
            low, high = bootstrap.interval((sums[place, :, column] - sums[0, :, column]) / n, LEVEL)
            yield DifferenceRow(*head, mean_r, reference_r, mean_r - reference_r, low, high)


def _resampled_sums(
    subject: Subject,
    hemisphere: Hemisphere,
    shares: Sequence[_HeldOut],
    members: NDArray[np.float32],
    counts: NDArray[np.float32],
    track: Track,
) -> NDArray[np.float64]:
    """Sum each run's r over the vertices of each ROI in every resample, (n_runs, n_resamples, n_rois)."""
    responses = subject.responses("train", hemisphere)
    rows, n_vertices = shares[0].rows, responses.shape[1]
    stored = [held_out.share.correlation(hemisphere) for held_out in shares]
    predictions = [held_out.share.validation_predictions(hemisphere) for held_out in shares]
    for place, held_out in enumerate(shares):
        shapes = stored[place].shape, predictions[place].shape
        if shapes != ((n_vertices,), (len(rows), n_vertices)) or rows[-1] >= len(responses):
            raise _other_data(subject, held_out.run)
    sums = np.zeros((len(shares), len(counts), members.shape[1]))
    # One more resample, of every image once, gives r itself: what the run stored, if these are its responses.
    all_counts = np.concatenate([np.ones_like(counts[:1]), counts])
    starts = range(0, n_vertices, bootstrap.VERTICES)
    label = f"subject {subject.number}, {hemisphere}: resampling"
    for start in track(starts, total=len(starts), label=label, unit="blocks"):
        block = slice(start, start + bootstrap.VERTICES)
        measured = responses[:, block][rows]
        for place, held_out in enumerate(shares):
            predicted = predictions[place][:, block][held_out.order]
            r = _fold_mean(measured, predicted, held_out.folds, all_counts)
            if not np.allclose(r[0], stored[place][block], rtol=0, atol=SAME_R):
                raise _other_data(subject, held_out.run)
            sums[place] += r[1:] @ members[block]
    return sums


def _other_data(subject: Subject, run: Run) -> DataError:
    return DataError(
        f"run {run.name} was not trained on the responses of subject {subject.number} in {subject.layout.folder}",
        hint="name the folder that it was trained on with --data-dir, or train again on this one",
    )


def _fold_mean(
    measured: NDArray[np.float32],
    predicted: NDArray[np.float32],
    folds: NDArray[np.int64],
    counts: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the mean of r over the folds in every resample, (n_resamples, n_vertices)."""
    numbers = np.unique(folds)
    total = np.zeros((len(counts), measured.shape[1]), np.float32)
    for fold in numbers:
        inside = folds == fold
        drawn = counts[:, inside]
        # A fold that nothing was drawn from scores 0, as one does of which a single image was drawn.
        drawn[drawn.sum(axis=1) == 0, 0] = 1
        total += bootstrap.bootstrap_r(measured[inside], predicted[inside], drawn)
    total /= len(numbers)
    return total
