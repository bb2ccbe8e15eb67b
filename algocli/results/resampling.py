"""The mean score of every ROI, had other images been shown: in each resample of a run's held-out images.

Of one holdout r, or R², is computed again in every resample (`redrawing`). A run in folds is scored by the mean over
its folds, whose models share images: there the score follows the counts of a resample in a straight line, by what each
image adds to it, and is widened by what images do as those that other folds' models were fitted on. Folds of a few
images serve as well.

What an image does there is told with components and penalties as they are. That other images would have turned the
components is allowed for (`UNTOLD`): most where models explain much, and next to nothing on noise. Between runs that
differ only in how penalties are chosen, all that differs comes of these choices, whose dependence on the images is not
told: such a difference is widened by the most that models of the same images allow, which is too much where nothing is
predicted and about right else. Where a regression does not tell what images do as fitted ones, its difference to a
model of another kind has to allow for more: both may predict the same of these images and, fitted on others, would not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import list_some
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.fields import USUAL_ALPHAS
from algocli.encoding.regressions.registry import regression_of
from algocli.errors import MissingStep, UsageError
from algocli.results.held_out import HeldOut, read_blocks
from algocli.results.redrawing import Redrawn, members_of, redrawn
from algocli.results.regions import Regions
from algocli.runs.between_folds import FoldsAgain
from algocli.stats.influence import widening
from algocli.stats.measures import CORRELATION, Measure

# How much of the variance between what is told and the most that it can be is due to components: as measured, on noise
# and on strong signals, with two folds and with ten (`tests.benchmarks.calibration`).
UNTOLD = 1 / 3
AS_WIDE = "intervals are as wide as models of different folds can make them"


@dataclass(frozen=True)
class Linearised:
    """As `Redrawn`, for runs in folds.

    Attributes
    ----------
    means : (n_runs,)
        The mean scores as they are.
    predicted, fitted : (n_runs, n_images)
        How much each image moves it as one that is predicted, and as one that models were fitted on; None where a
        run's regression, or features that are gone, do not tell.
    counts : (n_resamples, n_images)
    models : (n_runs,)
        The same number for runs that differ in nothing but how they choose their penalties.
    n_roles : (n_runs,)
        In how many ways an image moves each run's score (`Regression.n_roles`).
    kinds : (n_runs,)
        The same number for runs of one regression; of blends, for those of the same layers.
    """

    means: NDArray[np.float64]
    predicted: NDArray[np.float64]
    fitted: NDArray[np.float64] | None
    counts: NDArray[np.float32]
    models: NDArray[np.int64]
    n_roles: NDArray[np.int64]
    kinds: NDArray[np.int64]

    def contrast(self, weights: Sequence[float] | NDArray[np.floating]) -> NDArray[np.float64]:
        """Return a weighted sum over the runs in every resample, (n_resamples,)."""
        weighted = np.asarray(weights, np.float64)
        if self.fitted is None and len(np.unique(self.kinds[weighted != 0])) > 1:
            return self._unpaired(weighted)
        predicted = weighted @ self.predicted
        of_choices = not np.bincount(self.models, weighted).any()
        fitted = None if self.fitted is None or of_choices else (weighted @ self.fitted)[:, None]
        n_roles = int(self.n_roles[weighted != 0].max(initial=2))
        wider = widening(predicted[:, None], fitted, n_roles=n_roles, untold=UNTOLD)[0]
        drawn: NDArray[np.float64] = weighted @ self.means + wider * ((self.counts - 1) @ predicted)
        return drawn

    def _unpaired(self, weighted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return it as if each run's models had been fitted on images of their own; what is predicted they share.

        The difference's own influence is no measure of that: a blend that gives all weight to one layer predicts what
        this layer's model does, and no image moves their difference.
        """
        alone = np.square(weighted @ self.predicted).sum()
        variance = alone + weighted**2 @ ((self.n_roles - 1) * np.square(self.predicted).sum(axis=1))
        along = np.abs(weighted) @ self.predicted
        length = np.square(along).sum()
        along *= np.sqrt(variance / length) if length > 0 else 0
        drawn: NDArray[np.float64] = weighted @ self.means + (self.counts - 1) @ along
        return drawn


Resampled = Redrawn | Linearised


def pooled(parts: Sequence[Resampled], shares: Sequence[float]) -> Resampled:
    """Return a mean over the vertices of several sides; `shares` says how many of these each side has."""
    means = np.tensordot(shares, [part.means for part in parts], 1)
    first = parts[0]
    if isinstance(first, Redrawn):
        return Redrawn(means)
    straight = [part for part in parts if isinstance(part, Linearised)]
    predicted = np.tensordot(shares, [part.predicted for part in straight], 1)
    told = [part.fitted for part in straight if part.fitted is not None]
    fitted = np.tensordot(shares, told, 1) if len(told) == len(parts) else None
    return replace(straight[0], means=means, predicted=predicted, fitted=fitted)


def resample_rois(
    subject: Subject,
    subject_runs: Sequence[HeldOut],
    of: Mapping[Side, Regions],
    counts: NDArray[np.float32],
    *,
    measure: Measure = CORRELATION,
    track: Track,
    note: Note,
) -> dict[Side, dict[str, Resampled]]:
    """Return, by side, what resamples say of the runs' mean scores over the vertices of every ROI that has some.

    Parameters
    ----------
    subject_runs
        Runs that held out the same images.
    counts : (n_resamples, n_validation)
        As `draw` draws them; the same ones for whatever is to be compared.
    measure
        What the score is.
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
    members = {side: members_of(rois, subject.n_vertices(side)) for side, rois in present.items()}
    if all(len(np.unique(held.folds)) == 1 for held in subject_runs):
        return {
            side: {
                name: Redrawn(means)
                for name, means in zip(
                    rois, redrawn(subject, side, subject_runs, members[side], counts, measure, track), strict=True
                )
            }
            for side, rois in present.items()
        }
    for held in subject_runs:
        measure.small_fold(int(np.unique(held.folds, return_counts=True)[1].min()))
    fitted = _fitted(subject_runs, subject, members, measure, track, note)
    models, kinds = _models(subject_runs), _kinds(subject_runs)
    n_roles = np.array([regression_of(held.run.settings).n_roles for held in subject_runs])
    resampled: dict[Side, dict[str, Resampled]] = {}
    for side, rois in present.items():
        of_runs = [predicted_influence(subject, side, held, members[side], measure, track) for held in subject_runs]
        means, predicted = (np.stack(each) for each in zip(*of_runs, strict=True))
        told = None if fitted is None else np.stack([influence[side] for influence in fitted])
        parts = [
            (means[:, column], predicted[:, :, column], None if told is None else told[:, :, column])
            for column in range(len(rois))
        ]
        resampled[side] = {
            name: Linearised(*part, counts, models, n_roles, kinds) for name, part in zip(rois, parts, strict=True)
        }
    return resampled


def _models(subject_runs: Sequence[HeldOut]) -> NDArray[np.int64]:
    """Return the numbers of the runs, (n_runs,): the same where nothing differs but how penalties are chosen."""
    every = [
        replace(held.run.settings, alphas=USUAL_ALPHAS, alpha_by="gcv", former_penalties=False) for held in subject_runs
    ]
    return np.array([every.index(settings) for settings in every])


def _kinds(subject_runs: Sequence[HeldOut]) -> NDArray[np.int64]:
    """Return the numbers of the runs, (n_runs,): the same where no model can come to be another's by its weights."""
    every = []
    for settings in (held.run.settings for held in subject_runs):
        regression = regression_of(settings)
        every.append((regression.name, settings.features if regression.n_roles > 2 else ()))
    return np.array([every.index(kind) for kind in every])


def predicted_influence(
    subject: Subject, side: Side, held: HeldOut, members: NDArray[np.float32], measure: Measure, track: Track
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean scores, (n_rois,), and how much each image moves them as one predicted, (n_images, n_rois)."""
    wanted = np.flatnonzero(members.any(axis=1))
    folds = np.unique(held.folds)
    means, moved = np.zeros(members.shape[1]), np.zeros((len(held.rows), members.shape[1]))
    for block in read_blocks(subject, side, [held], wanted, track=track, doing="resampling"):
        weights = members[block.vertices] / len(folds)
        for fold in folds:
            rows = held.folds == fold
            measured, predicted = block.measured[rows], block.predicted[0][rows]
            means += measure.score(measured, predicted) @ weights
            influence = measure.of_images(measured, predicted, int((~rows).sum()))
            moved[rows] += influence @ weights * measure.small_fold(int(rows.sum()))
    return means, moved


def _fitted(
    subject_runs: Sequence[HeldOut],
    subject: Subject,
    members: Mapping[Side, NDArray[np.float32]],
    measure: Measure,
    track: Track,
    note: Note,
) -> list[dict[Side, NDArray[np.float64]]] | None:
    """Return by side how much images move mean scores by the models they are in, (n_images, n_rois); None: unknown.

    One entry a run; where one does not tell, no other is fitted once more.
    """
    silent = [held.run.name for held in subject_runs if not regression_of(held.run.settings).has_gains]
    influences = []
    for held in subject_runs if not silent else ():
        try:
            influence = FoldsAgain(held.run, subject, track=track, note=note).influence(members, measure)
        except (MissingStep, UsageError) as error:
            note(f"{error.message}: {AS_WIDE}")
            return None
        if influence is None:
            silent.append(held.run.name)
            break
        influences.append({side: of_images[held.rows] for side, of_images in influence.items()})
    if silent:
        verb = "does" if len(silent) == 1 else "do"
        note(f"{list_some(silent, 1)} {verb} not tell how folds depend on each other: {AS_WIDE}")
        return None
    return influences
