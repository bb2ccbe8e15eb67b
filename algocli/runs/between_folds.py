"""How the models of a run's folds depend on each other: they were fitted on many of the same images.

Two things are found by fitting the run's folds once more, on the components that are kept beside the Gram matrices:
what chance gives such folds (responses of vertices, each brought into a random order before anything is fitted), and
how much each image moves the scores of the folds in whose models it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, take
from algocli.compute.budget import check_memory
from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.kernels import Kernels, view_of
from algocli.encoding.regressions.models import LinearModel
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.regression import Regression
from algocli.encoding.regressions.view import Scores, View
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold
from algocli.errors import UsageError
from algocli.runs.predictor import refuse_other_responses, stores_of
from algocli.runs.run import Run
from algocli.runs.splitting import saved_split
from algocli.stats.correlation import correlate
from algocli.stats.measures import CORRELATION, Measure

# Vertices that a thread has at once where arrays of n_fit x vertices are made and dropped, and how many threads at the
# most: each takes 50 MB at the challenge's size.
VERTICES, _THREADS = 256, 8
# Images whose responses at all vertices are read at once.
_ROWS = 256


class FoldsAgain:
    """The folds of one subject of a run, to be fitted once more.

    Raises
    ------
    MissingStep
        If the features are gone.
    UsageError
        If code of others, which the run names, would have to run.
    DataError
        If the responses are not those that the run was trained on.
    """

    def __init__(self, run: Run, subject: Subject, *, track: Track = silent, note: Note = unheard) -> None:
        self.subject, self.track, self.note = subject, track, note
        self.settings: Settings = run.settings
        self.regression: Regression = regression_of(self.settings)
        if self.regression.runs_code:
            raise UsageError(
                f"subject {subject.id}'s folds have to be fitted once more, which runs the code of "
                f"{self.regression.name}"
            )
        self.folds = saved_split(run.subject(subject.id), len(subject.train_stimuli)).folds
        self.stores = stores_of(run, subject.id, run.cache_dir)
        refuse_other_responses(run.subject(subject.id), subject, run.cache_dir, track)

    def chance(self, *, n_draws: int, seed: int) -> NDArray[np.float64]:
        """Return the mean r over folds of responses in random order, (n_draws,).

        Each draw is a vertex, of any side, whose responses to all training images were permuted before the first fold
        was fitted: whatever the regression chooses by itself, penalties or weights, it chooses for noise.

        Raises
        ------
        UsageError
            If they are too many for the memory.
        """
        n_train = len(self.subject.train_stimuli)
        check_memory(12 * n_train * n_draws, remedy="fewer n_permutations=... need less")
        noise = _permuted(self.subject, n_draws, seed)
        total = np.zeros(n_draws)
        for fold, view in self._views("chance"):
            [model] = self.regression.fit(self.settings, [view.without_kernels()], noise, self.note)
            predicted = self.regression.predict(model, view.project(fold.held_out), view.algebra)
            total += correlate(noise[fold.held_out], predicted)
        mean: NDArray[np.float64] = total / len(self.folds)
        return mean

    def influence(
        self, members: Mapping[Side, NDArray[np.float32]], measure: Measure = CORRELATION
    ) -> dict[Side, NDArray[np.float64]] | None:
        """Return how much each training image moves some means of a score by the models that it was fitted into.

        Parameters
        ----------
        members
            By side what each vertex counts in each of the means, (n_vertices, n_means).

        Returns
        -------
        dict or None
            By side (n_train, n_means): the derivative of the mean over folds by the image's weight among the fitted
            ones. None where the regression has no linear form to tell it by.
        """
        if not self.regression.has_gains:
            return None
        n_train = len(self.subject.train_stimuli)
        totals = {side: np.zeros((n_train, weights.shape[1])) for side, weights in members.items()}
        for fold, view in self._views("influence"):
            for side, weights in members.items():
                responses = self.subject.responses("train", side)
                [model] = self.regression.fit(self.settings, [view.without_kernels()], responses, self.note)
                reach = _Reach.of(self.regression, model, view, fold)
                if reach is None:
                    return None
                totals[side][fold.fit] += _sum_up(reach, responses, weights, measure)
        return {side: total / len(self.folds) for side, total in totals.items()}

    def _views(self, doing: str) -> Iterator[tuple[Fold, View]]:
        kernels = Kernels(self.stores, self.settings, len(self.subject.train_stimuli), track=self.track)
        label = f"subject {self.subject.id}: {doing}"
        for fold in self.track(self.folds, total=len(self.folds), label=label, unit="folds"):
            yield fold, view_of(kernels, fold.fit)


class _Reach(NamedTuple):
    """How far the fitted images of a fold reach into what it predicts of those held out.

    Attributes
    ----------
    fitted, held_out
        The scores of both, an entry for each of the view's components.
    squares : (n_fit, n_components)
        Those of the fitted images, squared, side by side.
    """

    regression: Regression
    model: Any
    linear: LinearModel
    view: View
    fold: Fold
    fitted: Scores
    held_out: Scores
    squares: NDArray[np.float32]

    @classmethod
    def of(cls, regression: Regression, model: Any, view: View, fold: Fold) -> _Reach | None:
        """Return it of a model; None where that has no form to tell it by."""
        linear = regression.as_linear(model)
        if linear is None:
            return None
        fitted = [components.scores for components in view.components]
        squares = np.hstack([np.square(scores) for scores in fitted])
        return cls(regression, model, linear, view, fold, fitted, view.project(fold.held_out), squares)

    def of_fitted(
        self, responses: NDArray[np.float32], vertices: NDArray[np.int64], measure: Measure
    ) -> NDArray[np.float32]:
        """Return what the fold's score gains with the weight of each fitted image, (n_fit, n_vertices)."""
        fit, held_out = self.fold.fit, self.fold.held_out
        gains = self.regression.gains(self.model, self.view, vertices)
        assert gains is not None  # as `has_gains` says
        predicted = self._predict(self.held_out, vertices)
        slope = measure.of_predicted(take(responses, held_out, vertices), predicted).slope
        slope *= np.float32(measure.small_fold(len(held_out)))
        # By the intercept, which is a mean, an image reaches all predictions alike.
        moved: NDArray[np.float32] = np.tile(slope.sum(axis=0) / np.float32(len(fit)), (len(fit), 1))
        for of_fit, of_held_out, gain in zip(self.fitted, self.held_out, gains, strict=True):
            moved += of_fit @ (gain * (of_held_out.T @ slope))
        moved *= take(responses, fit, vertices) - self._predict(self.fitted, vertices)
        moved /= self._left(gains)
        return moved

    def _left(self, gains: Sequence[NDArray[np.floating]]) -> NDArray[np.float32]:
        """Return by what to divide what is left of each fitted image, (n_fit, n_vertices or 1).

        So it becomes what the model would leave of an image that it had not seen. Vertices of the same gains, as those
        of one penalty have, share it.
        """
        n_fit = np.float32(len(self.squares))
        distinct, which = np.unique(np.vstack(gains), axis=1, return_inverse=True)
        left: NDArray[np.float32] = np.maximum(1 - 1 / n_fit - self.squares @ distinct, 1 / n_fit)
        return left[:, which.reshape(-1)]

    def _predict(self, scores: Scores, vertices: NDArray[np.int64]) -> NDArray[np.float32]:
        weights = self.linear.weights[:, vertices]
        predicted = np.tile(self.linear.intercept[vertices], (len(scores[0]), 1))
        stop = 0
        for part in scores:
            start, stop = stop, stop + part.shape[1]
            predicted += part @ weights[start:stop]
        return predicted


def _sum_up(
    reach: _Reach, responses: NDArray[np.float32], weights: NDArray[np.float32], measure: Measure
) -> NDArray[np.float64]:
    """Return what means of a fold's score gain with the weight of each fitted image, (n_fit, n_means)."""

    def of_some(vertices: NDArray[np.int64]) -> NDArray[np.float32]:
        moved: NDArray[np.float32] = reach.of_fitted(responses, vertices, measure) @ weights[vertices]
        return moved

    wanted = np.flatnonzero(weights.any(axis=1))
    parts = [wanted[part] for part in blocks(len(wanted), VERTICES)]
    total = np.zeros((len(reach.fold.fit), weights.shape[1]))
    # More than half of the time is not the products' own: that too is spread over the cores.
    with each_by_itself():
        for moved in in_threads(of_some, parts, n_threads=min(n_cores(), _THREADS)):
            total += moved
    return total


def _permuted(subject: Subject, n_draws: int, seed: int) -> NDArray[np.float32]:
    """Return the responses of vertices of any side, each in a random order of its own, (n_train, n_draws)."""
    rng = np.random.default_rng(seed)
    sides = {side: subject.responses("train", side) for side in subject.sides}
    n_vertices = [responses.shape[1] for responses in sides.values()]
    edges = np.cumsum(n_vertices)
    drawn = np.sort(rng.integers(0, edges[-1], n_draws))
    columns = np.empty((len(subject.train_stimuli), n_draws), np.float32)
    for responses, stop, n in zip(sides.values(), edges, n_vertices, strict=True):
        here = np.flatnonzero((drawn >= stop - n) & (drawn < stop))
        for rows in blocks(len(columns), _ROWS):
            columns[rows, here] = np.asarray(responses[rows])[:, drawn[here] - (stop - n)]
    return rng.permuted(columns, axis=0)
