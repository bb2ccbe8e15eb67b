"""How sure the parts of a variance partition are: each in every resample of the images that its runs held out.

A part is a sum and difference of the R² of runs, and the same images are drawn for all of these: what images do to all
runs alike cancels. What is bounded is what such models come to on average, fitted on such images and held against them,
of which a draw of held-out images alone tells too little (`_of_other_models`). R² of held-out images pays
for what a model has learned of noise, so that a set that explains nothing has a part below 0, and not at it. Even one
that knows nothing but the mean of the images that it was fitted on has an R² below 0, which is in the total and in the
part that all sets share: p asks whether these are above it, or other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice, check_whole
from algocli.compute.track import Note, Track
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import BOTH, Side
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.splits import Fold
from algocli.results.held_out import held_out
from algocli.results.part_rows import PartRow
from algocli.results.redrawing import LEVEL, draw
from algocli.results.regions import Regions, regions
from algocli.results.resampling import Linearised, Resampled, pooled, resample_rois
from algocli.results.telling import Correction
from algocli.runs.run import Run
from algocli.runs.splitting import saved_split
from algocli.stats.bootstrap import interval
from algocli.stats.families import corrected_p
from algocli.stats.measures import EXPLAINED
from algocli.stats.partition import Names, partition

_ALL: Names = frozenset()
# What differences of models in folds vary by at the least, in units of what their held-out images alone make them vary.
WITH_PENALTIES = 4 / 3
# How much of the variance of a difference of means that other images would have brought, models that learned nothing
# but noise would have brought to theirs: choices of penalties jump where there is nothing to choose by.
OF_CHOICES = 4
_ONE_DEVIATION = 0.683


@dataclass(frozen=True)
class Drawn:
    """One subject's parts, had other images been shown.

    Attributes
    ----------
    resampled : dict of (n_resamples,)
        By side, ROI and part, as rows name them.
    by_chance
        What each part comes to where nothing is explained but the mean of the fitted images.
    two_sided
        The parts that may well be below 0.
    """

    resampled: dict[tuple[Side, str, str], NDArray[np.float64]]
    by_chance: dict[str, float]
    two_sided: frozenset[str]


@dataclass(frozen=True)
class Resampling:
    """How often the images are drawn anew, from which random numbers, and how p is corrected.

    Raises
    ------
    UsageError
        If one of them is not what it can be.
    """

    n_resamples: int = 1000
    resample_seed: int = 0
    correct: Correction = "none"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_resamples", check_whole("n_resamples", self.n_resamples, 1))
        object.__setattr__(self, "resample_seed", check_whole("resample_seed", self.resample_seed, 0))
        object.__setattr__(self, "correct", check_choice("correct", self.correct, get_args(Correction)))


def check_enough(folds: Iterable[Fold]) -> None:
    """Refuse folds that have too few images to tell how sure a share of variance is.

    Raises
    ------
    UsageError
        If there is one; told before anything is trained.
    """
    for fold in folds:
        EXPLAINED.small_fold(len(fold.held_out))


def resample(
    subject: Subject,
    runs: Mapping[Names, Run],
    parts: Mapping[str, Names],
    chosen: Sequence[str],
    how: Resampling,
    *,
    track: Track,
    note: Note,
) -> Drawn:
    """Return what every part comes to in each resample of the held-out images.

    Parameters
    ----------
    runs
        The run of every union of the sets.
    parts
        Which sets have each part, by what rows name it; the name that has no sets is that of all parts together.
    chosen
        The names of the ROIs; those without a vertex are left out.

    Raises
    ------
    DataError
        If the responses are not those that a run was trained on.
    UsageError
        If the resamples are too many for the memory, or folds have too few images.
    """
    held = [held_out(run, subject.id) for run in runs.values()]
    counts = draw(len(held[0].rows), n_resamples=how.n_resamples, seed=how.resample_seed)
    of = {side: regions(subject, side, chosen) for side in subject.sides}
    resampled: dict[Side, dict[str, Resampled]] = {
        **resample_rois(subject, held, of, counts, measure=EXPLAINED, track=track, note=note)
    }
    if len(of) > 1:
        resampled[BOTH] = {
            roi: _of_both(roi, of, resampled) for roi in chosen if any(roi in rois for rois in resampled.values())
        }
    weights = _weights([*runs])
    folds = saved_split(held[0].subject_run, len(subject.train_stimuli)).folds
    has_penalties = any(regression_of(run.settings).has_penalties for run in runs.values())
    drawn = {
        (side, roi, part): _of_other_models(of_roi, weights[sets], weights[_ALL], folds, has_penalties=has_penalties)
        for side, rois in resampled.items()
        for roi, of_roi in rois.items()
        for part, sets in parts.items()
    }
    nothing = _of_mean(folds)
    # To no other part does a model of no set at all belong.
    chance = {part: nothing if sets in (_ALL, max(runs, key=len)) else 0.0 for part, sets in parts.items()}
    return Drawn(drawn, chance, frozenset(part for part, sets in parts.items() if len(sets) > 1))


def with_intervals(rows: Sequence[PartRow], drawn: Drawn, correct: Correction) -> list[PartRow]:
    """Give the rows of one subject their intervals and p.

    A family of ROIs that p is corrected for is that of one part: of all sides, or of what pools them.
    """
    tested: dict[int, PartRow] = {}
    families: dict[tuple[str, bool], list[int]] = {}
    for place, row in enumerate(rows):
        if (row.hemisphere, row.roi, row.part) in drawn.resampled:
            families.setdefault((row.part, row.hemisphere == BOTH), []).append(place)
    for (part, _), places in families.items():
        of_family = [drawn.resampled[rows[place].hemisphere, rows[place].roi, part] for place in places]
        beyond = np.array([rows[place].explained for place in places], np.float64) - drawn.by_chance[part]
        p = corrected_p(np.array(of_family), beyond, correct, above=part not in drawn.two_sided)
        for place, resampled, p_of_row in zip(places, of_family, p.tolist(), strict=True):
            low, high = interval(resampled, LEVEL)
            tested[place] = replace(rows[place], low=low, high=high, p=p_of_row)
    return [tested.get(place, row) for place, row in enumerate(rows)]


def _of_both(roi: str, of: Mapping[Side, Regions], resampled: Mapping[Side, Mapping[str, Resampled]]) -> Resampled:
    """Return a ROI of all sides, each of which counts by its vertices."""
    present = [side for side in of if roi in resampled[side]]
    n_vertices = [len(of[side][roi]) for side in present]
    return pooled([resampled[side][roi] for side in present], [n / sum(n_vertices) for n in n_vertices])


def _weights(every: Sequence[Names]) -> dict[Names, list[float]]:
    """Return what the R² of each union counts in every part; under the empty name, in all parts together."""
    counted = partition(dict(zip(every, np.eye(len(every)), strict=True)))
    counted[_ALL] = np.sum([*counted.values()], axis=0)
    return {part: values.tolist() for part, values in counted.items()}


def _of_other_models(
    resampled: Resampled,
    weights: Sequence[float],
    of_all: Sequence[float],
    folds: Sequence[Fold],
    *,
    has_penalties: bool,
) -> NDArray[np.float64]:
    """Return a weighted sum of R² in every resample, as models of other images would have made it vary.

    Models of one holdout are fitted once. That others would have learned other noise adds to the variance of their R²
    about as n_held_out / n_fit does to that of a difference of means. Where they choose penalties it is `OF_CHOICES`
    times that of noise, and the less, the surer it is that something is explained. What folds share is told by each
    image, but for the penalties that are chosen by it: a difference of models, which is little more than these where
    nothing is explained, varies by `WITH_PENALTIES` at the least. All is measured: so widened, intervals hold what they
    should (`tests.benchmarks.calibrated_parts`).

    Parameters
    ----------
    of_all
        The weights of the sum that all sets explain together.
    """
    drawn = resampled.contrast(weights)
    if isinstance(resampled, Linearised):
        least = np.asarray(weights) @ resampled.means + WITH_PENALTIES * (
            (resampled.counts - 1) @ (np.asarray(weights) @ resampled.predicted)
        )
        is_difference = has_penalties and abs(sum(weights)) < 0.5
        return least if is_difference and least.std() > drawn.std() else drawn
    others = len(folds[0].held_out) / len(folds[0].fit)
    if has_penalties:
        others *= OF_CHOICES * (1 - _surely(resampled.contrast(of_all)))
    wider: NDArray[np.float64] = drawn.mean() + np.sqrt(1 + others) * (drawn - drawn.mean())
    return wider


def _surely(drawn: NDArray[np.float64]) -> float:
    """Return the share of what is explained that is left one standard deviation below it; 0 where nothing is."""
    low, _ = interval(drawn, _ONE_DEVIATION)
    return low / float(drawn.mean()) if low > 0 else 0.0


def _of_mean(folds: Sequence[Fold]) -> float:
    """Return the R² to expect of the mean of the fitted images: that of a ratio that F has the distribution of."""
    n_held_out, n_fit = (np.array(sizes) for sizes in zip(*((len(f.held_out), len(f.fit)) for f in folds), strict=True))
    expected = -(1 + n_held_out / n_fit) / np.maximum(n_held_out - 3, 1)
    return float(expected.mean())
