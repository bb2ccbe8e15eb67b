"""The mean r of every ROI, had other images been shown: in each resample of a run's held-out images.

Of one holdout r is correlated again in every resample. A run in folds is scored by the mean of r over its folds, whose
models share images: there r follows the counts of a resample in a straight line, by what each image adds to it, and is
widened by what images do as those that other folds' models were fitted on. Folds of a few images serve as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.choices import check_whole
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.errors import MissingStep, UsageError
from algocli.results.held_out import HeldOut, read_blocks
from algocli.results.regions import Regions
from algocli.runs.between_folds import FoldsAgain
from algocli.stats import bootstrap
from algocli.stats.influence import of_predicted, small_fold, widening

LEVEL = 0.95


@dataclass(frozen=True)
class Redrawn:
    """Each run's mean r over the vertices of a ROI in every resample, (n_runs, n_resamples)."""

    means: NDArray[np.float64]

    def contrast(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Return a weighted sum over the runs in every resample, (n_resamples,)."""
        drawn: NDArray[np.float64] = np.asarray(weights, np.float64) @ self.means
        return drawn


@dataclass(frozen=True)
class Linearised:
    """The same for runs in folds.

    Attributes
    ----------
    mean_r : (n_runs,)
        As it was scored.
    predicted, fitted : (n_runs, n_images)
        How much each image moves it as one that is predicted, and as one that models were fitted on; None where a
        run's regression, or features that are gone, do not tell.
    counts : (n_resamples, n_images)
    """

    mean_r: NDArray[np.float64]
    predicted: NDArray[np.float64]
    fitted: NDArray[np.float64] | None
    counts: NDArray[np.float32]

    def contrast(self, weights: Sequence[float]) -> NDArray[np.float64]:
        """Return a weighted sum over the runs in every resample, (n_resamples,)."""
        weighted = np.asarray(weights, np.float64)
        predicted = weighted @ self.predicted
        fitted = None if self.fitted is None else (weighted @ self.fitted)[:, None]
        wider = widening(predicted[:, None], fitted)[0]
        drawn: NDArray[np.float64] = weighted @ self.mean_r + wider * ((self.counts - 1) @ predicted)
        return drawn


def draw(n_images: int, *, n_resamples: int, seed: int) -> NDArray[np.float32]:
    """Draw resamples of images, (n_resamples, n_images), as `bootstrap.resample` does.

    Raises
    ------
    UsageError
        If they are none, or too many for the memory.
    """
    n_resamples, seed = check_whole("n_resamples", n_resamples, 1), check_whole("seed", seed, 0)
    # Counts as they are drawn and kept; the dozen arrays of a block.
    needed = n_resamples * (24 * n_images + 48 * bootstrap.VERTICES)
    check_memory(needed, remedy="fewer n_resamples=... need less; 1000 are usual")
    return bootstrap.resample(n_images, n_resamples=n_resamples, seed=seed)


def resample_rois(
    subject: Subject,
    subject_runs: Sequence[HeldOut],
    of: Mapping[Side, Regions],
    counts: NDArray[np.float32],
    *,
    track: Track,
    note: Note,
) -> dict[Side, dict[str, Redrawn | Linearised]]:
    """Return, by side, what resamples say of the runs' mean r over the vertices of every ROI that has some.

    Parameters
    ----------
    subject_runs
        Runs that held out the same images.
    counts : (n_resamples, n_validation)
        As `draw` draws them; the same ones for whatever is to be compared.
    note
        Hears where intervals are wider than they had to be.

    Raises
    ------
    DataError
        If the responses are not those that a run was trained on.
    UsageError
        If folds have too few images to tell.
    """
    present = {side: {name: some for name, some in rois.items() if len(some)} for side, rois in of.items()}
    members = {side: _members(rois, subject.n_vertices(side)) for side, rois in present.items()}
    if all(len(np.unique(held.folds)) == 1 for held in subject_runs):
        return {
            side: {
                name: Redrawn(means)
                for name, means in zip(
                    rois, _redrawn(subject, side, subject_runs, members[side], counts, track), strict=True
                )
            }
            for side, rois in present.items()
        }
    for held in subject_runs:
        small_fold(int(np.unique(held.folds, return_counts=True)[1].min()))
    fitted = [_fitted(held, subject, members, track, note) for held in subject_runs]
    resampled: dict[Side, dict[str, Redrawn | Linearised]] = {}
    for side, rois in present.items():
        mean_r = [held.subject_run.correlation(side) @ members[side] for held in subject_runs]
        predicted = _predicted(subject, side, subject_runs, members[side], track)
        told = None if any(one is None for one in fitted) else np.stack([one[side] for one in fitted if one])
        resampled[side] = {
            name: Linearised(
                np.array([r[column] for r in mean_r]),
                predicted[:, :, column],
                None if told is None else told[:, :, column],
                counts,
            )
            for column, name in enumerate(rois)
        }
    return resampled


def _members(rois: Regions, n_vertices: int) -> NDArray[np.float32]:
    """Return what each vertex counts in the mean of each ROI, (n_vertices, n_rois)."""
    members = np.zeros((n_vertices, len(rois)), np.float32)
    for column, vertices in enumerate(rois.values()):
        members[vertices, column] = 1 / len(vertices)
    return members


def _redrawn(
    subject: Subject,
    side: Side,
    subject_runs: Sequence[HeldOut],
    members: NDArray[np.float32],
    counts: NDArray[np.float32],
    track: Track,
) -> NDArray[np.float64]:
    """Return each run's mean r in every resample, (n_rois, n_runs, n_resamples)."""
    wanted = np.flatnonzero(members.any(axis=1))
    means = np.zeros((members.shape[1], len(subject_runs), len(counts)))
    for block in read_blocks(subject, side, subject_runs, wanted, track=track, doing="resampling"):
        for place, predicted in enumerate(block.predicted):
            r = bootstrap.bootstrap_r(block.measured, predicted, counts)
            means[:, place] += (r @ members[block.vertices]).T
    return means


def _predicted(
    subject: Subject, side: Side, subject_runs: Sequence[HeldOut], members: NDArray[np.float32], track: Track
) -> NDArray[np.float64]:
    """Return how much each image moves the mean r as one that is predicted, (n_runs, n_images, n_rois)."""
    wanted = np.flatnonzero(members.any(axis=1))
    found = np.zeros((len(subject_runs), len(subject_runs[0].rows), members.shape[1]))
    for block in read_blocks(subject, side, subject_runs, wanted, track=track, doing="resampling"):
        for place, (held, predicted) in enumerate(zip(subject_runs, block.predicted, strict=True)):
            folds = np.unique(held.folds)
            for fold in folds:
                rows = held.folds == fold
                influence = of_predicted(block.measured[rows], predicted[rows]).influence
                counts = members[block.vertices] * (small_fold(int(rows.sum())) / len(folds))
                found[place, rows] += influence @ counts
    return found


def _fitted(
    held: HeldOut, subject: Subject, members: Mapping[Side, NDArray[np.float32]], track: Track, note: Note
) -> dict[Side, NDArray[np.float64]] | None:
    """Return by side how much each image moves the mean r by the models it is in, (n_images, n_rois); None: unknown."""
    try:
        found = FoldsAgain(held.run, subject, track=track, note=note).influence(members)
    except (MissingStep, UsageError) as error:
        note(f"{error.message}: intervals are as wide as models of different folds can make them")
        return None
    if found is None:
        note(f"{held.run.name} does not tell how its folds depend on each other: intervals are as wide as they can")
        return None
    return {side: influence[held.rows] for side, influence in found.items()}
