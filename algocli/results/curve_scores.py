"""The scores of one subject's models of growing numbers of images, ROI by ROI, and what their curves come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.dataset.sides import Side
from algocli.results.curve_rows import CeilingRow, CurveRow
from algocli.results.redrawing import LEVEL, draw, members_of
from algocli.results.regions import Chosen, Regions, regions
from algocli.runs.growing import Growing, Predicted
from algocli.runs.networks import networks_of
from algocli.runs.run import Run
from algocli.stats.influence import FEWEST, WIDEST, Measured, small_fold
from algocli.stats.saturation import fit_saturation

# Vertices at once: their responses to a few thousand images stay below what is given back to the system, and asked for
# anew, each time.
_VERTICES = 1024
# A ceiling this many times as high as what all images reach, at the upper end of its interval, is none that they bound.
_TOO_FAR = 2.0
# A model's r by ROI, and how much each held-out image moves them where that is told.
_Score = tuple[NDArray[np.float64], NDArray[np.float32] | None]


@dataclass(frozen=True)
class Learned:
    """The curves of one subject, what they come to, and what readers have to know."""

    rows: tuple[CurveRow, ...]
    ceilings: tuple[CeilingRow, ...]
    notes: tuple[str, ...]


def learn_one(run: Run, models: Growing, chosen: Chosen, n_resamples: int, seed: int) -> Learned:
    """Fit one subject's models, and score them.

    Raises
    ------
    UsageError, DataError
        As `learn` does.
    """
    of = {side: regions(models.subject, side, chosen) for side in models.subject.sides}
    scores = _Scores(models, of)
    for predicted in models.predict():
        scores.add(predicted)
    rows, ceilings = list[CurveRow](), list[CeilingRow]()
    for side in models.subject.sides:
        rows += scores.rows(run, side)
        ceilings += scores.ceilings(run, side, n_resamples, seed)
    return Learned(tuple(rows), tuple(ceilings), tuple(_tell_fewer(models)))


@dataclass(frozen=True)
class _Side:
    """What is gathered of one side: of the ROIs that have a vertex, in order.

    Attributes
    ----------
    members : (n_vertices, n_rois)
    scores : (n_sizes, n_repeats, n_rois)
        Mean r over the folds so far.
    influence : (n_sizes, n_held_out, n_rois)
        How much each held-out image moves the score of the first repeat.
    """

    rois: tuple[str, ...]
    members: NDArray[np.float32]
    scores: NDArray[np.float64]
    influence: NDArray[np.float64]


class _Scores:
    """The scores of one subject's models, ROI by ROI."""

    def __init__(self, growing: Growing, of: Mapping[Side, Regions]) -> None:
        self.growing, self.of = growing, of
        sizes = [len(fold.held_out) for fold in growing.folds]
        self.first = np.cumsum([0, *sizes])
        # Too few images in a fold say nothing of how sure its r is.
        self.is_sure = min(sizes) >= FEWEST
        self.n_components = growing.components()
        self.sides: dict[Side, _Side] = {}
        for side, rois in of.items():
            present = {roi: vertices for roi, vertices in rois.items() if len(vertices)}
            shape = (len(growing.sizes), growing.n_repeats, len(present))
            influence = np.zeros((shape[0], self.first[-1], shape[2]))
            members = members_of(present, growing.subject.n_vertices(side))
            self.sides[side] = _Side(tuple(present), members, np.zeros(shape), influence)

    def add(self, predicted: Predicted) -> None:
        """Score what some models predict."""
        side, n_folds = self.sides[predicted.side], len(self.growing.folds)
        sizes = self.growing.sizes

        def score(block: slice) -> list[_Score]:
            members, scores = side.members[block], list[_Score]()
            responses, each = predicted.at(block)
            measured = Measured(responses)
            for point, some in zip(predicted.points, each, strict=True):
                if point.repeat == 0 and self.is_sure:
                    r, influence = measured.correlate_with_influence(some)
                    scores.append((r @ members, influence @ members))
                else:
                    scores.append((measured.correlate(some) @ members, None))
            return scores

        wanted = [block for block in blocks(len(side.members), _VERTICES) if side.members[block].any()]
        with each_by_itself():
            for scores in in_threads(score, wanted, n_threads=n_cores()):
                for point, (r, influence) in zip(predicted.points, scores, strict=True):
                    place, rows = sizes.index(point.n_images), slice(self.first[point.fold], self.first[point.fold + 1])
                    side.scores[place, point.repeat] += r / n_folds
                    if influence is not None:
                        side.influence[place, rows] += influence * small_fold(len(influence)) / n_folds

    def rows(self, run: Run, side: Side) -> Iterator[CurveRow]:
        """Yield a row for each ROI and size."""
        of_side, growing = self.sides[side], self.growing
        origin = networks_of(run).fields
        for roi, vertices in self.of[side].items():
            for place, n in enumerate(growing.sizes):
                n_repeats = growing.repeats_of(n)
                head = (run.name, growing.subject.id, side, roi, len(vertices), n, self.n_components[n], n_repeats)
                if roi not in of_side.rois:
                    yield CurveRow(*head, None, None, **origin)
                    continue
                r = of_side.scores[place, :n_repeats, of_side.rois.index(roi)]
                sd = float(r.std(ddof=1)) if n_repeats > 1 else None
                yield CurveRow(*head, float(r.mean()), sd, **origin)

    def ceilings(self, run: Run, side: Side, n_resamples: int, seed: int) -> Iterator[CeilingRow]:
        """Yield what each ROI's curve comes to."""
        of_side, growing = self.sides[side], self.growing
        origin, lost = networks_of(run).fields, growing.n_lost()
        sizes = np.array([n - lost[n] for n in growing.sizes], float)
        n_lost = lost[growing.sizes[-1]]
        counts = draw(int(self.first[-1]), n_resamples=n_resamples, seed=seed) if self.is_sure else None
        scores = self._filled(of_side.scores)
        means = np.stack(
            [of_size[: growing.repeats_of(n)].mean(axis=0) for of_size, n in zip(scores, growing.sizes, strict=True)]
        )
        fitted = fit_saturation(sizes, means)
        for roi, vertices in self.of[side].items():
            head = (run.name, growing.subject.id, side, roi, len(vertices), growing.sizes[-1])
            if roi not in of_side.rois:
                yield CeilingRow(*head, None, None, None, None, None, n_lost, **origin)
                continue
            column = of_side.rois.index(roi)
            reached, ceiling = float(means[-1, column]), float(fitted.ceiling[column])
            low = high = None
            is_bounded = not fitted.is_open[column]
            if counts is not None:
                drawn = self._redrawn(scores[:, :, column], of_side.influence[:, :, column], counts, seed)
                again = fit_saturation(sizes, drawn)
                low, high = (float(end) for end in np.quantile(again.ceiling, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
                is_open = np.mean(again.is_open) > (1 - LEVEL) / 2
                high = None if is_open or high > _TOO_FAR * reached else high
                is_bounded = is_bounded and high is not None
            half_at = float(fitted.half_at[column]) + n_lost if is_bounded else None
            yield CeilingRow(*head, reached, ceiling if is_bounded else None, low, high, half_at, n_lost, **origin)

    def _filled(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give sizes of fewer repeats those that they have once more, until all have as many."""
        repeats = np.arange(scores.shape[1])
        having = [repeats % self.growing.repeats_of(n) for n in self.growing.sizes]
        return np.stack([of_size[which] for of_size, which in zip(scores, having, strict=True)])

    def _redrawn(
        self, scores: NDArray[np.float64], influence: NDArray[np.float64], counts: NDArray[np.float32], seed: int
    ) -> NDArray[np.float64]:
        """Return a ROI's curve in resamples of held-out images and of repeats, (n_sizes, n_resamples)."""
        n_repeats, n_folds = scores.shape[1], len(self.growing.folds)
        repeats = np.random.default_rng([seed, n_repeats]).integers(n_repeats, size=(len(counts), n_repeats))
        # Models of several folds share images, which makes their mean less sure, by so much at the most.
        wider = WIDEST if n_folds > 1 else 1.0
        drawn: NDArray[np.float64] = scores[:, repeats].mean(axis=2) + wider * influence @ (counts - 1).T
        return drawn


def _tell_fewer(models: Growing) -> Iterator[str]:
    """Say where few images have fewer components than asked for."""
    asked = models.settings.n_components
    fewer = {n: most for n, most in models.components().items() if most != asked}
    if fewer:
        told = ", ".join(f"{most} of {n}" for n, most in fewer.items())
        yield f"subject {models.subject.id}: few images have fewer components than {asked}: {told} images"
