"""How the models of a run's folds depend on each other: they were fitted on many of the same images.

Two things are found by fitting the run's folds once more, on the components that are kept beside the Gram matrices:
what chance gives such folds (responses of vertices, each brought into a random order before anything is fitted), and
how much each image moves the scores of the folds in whose models it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.budget import check_memory
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

# Vertices at once where arrays of n_fit x vertices are made and dropped.
VERTICES = 1024


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
            scores = view.project(fold.held_out)
            for side, weights in members.items():
                responses = self.subject.responses("train", side)
                [model] = self.regression.fit(self.settings, [view.without_kernels()], responses, self.note)
                reach = _Reach.of(self.regression, model, view, fold, scores)
                if reach is None:
                    return None
                for block in blocks(responses.shape[1], VERTICES):
                    wanted = np.flatnonzero(weights[block].any(axis=1)) + block.start
                    if len(wanted):
                        totals[side][fold.fit] += reach.of_fitted(responses, wanted, measure) @ weights[wanted]
        return {side: total / len(self.folds) for side, total in totals.items()}

    def _views(self, doing: str) -> Iterator[tuple[Fold, View]]:
        kernels = Kernels(self.stores, self.settings, len(self.subject.train_stimuli), track=self.track)
        label = f"subject {self.subject.id}: {doing}"
        for fold in self.track(self.folds, total=len(self.folds), label=label, unit="folds"):
            yield fold, view_of(kernels, fold.fit)


class _Reach(NamedTuple):
    """How far the fitted images of a fold reach into what it predicts of those held out."""

    regression: Regression
    model: Any
    linear: LinearModel
    view: View
    fold: Fold
    scores: Scores

    @classmethod
    def of(cls, regression: Regression, model: Any, view: View, fold: Fold, scores: Scores) -> _Reach | None:
        """Return it of a model; None where that has no form to tell it by."""
        linear = regression.as_linear(model)
        return None if linear is None else cls(regression, model, linear, view, fold, scores)

    def of_fitted(
        self, responses: NDArray[np.float32], vertices: NDArray[np.int64], measure: Measure
    ) -> NDArray[np.float32]:
        """Return what the fold's score gains with the weight of each fitted image, (n_fit, n_vertices)."""
        fit, held_out = self.fold.fit, self.fold.held_out
        fitted = [components.scores for components in self.view.components]
        gains = self.regression.gains(self.model, self.view, vertices)
        assert gains is not None  # as `has_gains` says
        predicted = self._predict(self.scores, vertices)
        slope = measure.of_predicted(np.asarray(responses[held_out])[:, vertices], predicted).slope
        slope *= np.float32(measure.small_fold(len(held_out)))
        # By the intercept, which is a mean, an image reaches all predictions alike.
        reach: NDArray[np.float32] = np.tile(slope.sum(axis=0) / np.float32(len(fit)), (len(fit), 1))
        leverage = np.full(reach.shape, np.float32(1 / len(fit)))
        for fit_scores, held_out_scores, gain in zip(fitted, self.scores, gains, strict=True):
            reach += fit_scores @ (gain * (held_out_scores.T @ slope))
            leverage += fit_scores**2 @ gain
        left = np.asarray(responses[fit])[:, vertices] - self._predict(fitted, vertices)
        # What the model would leave of an image that it had not seen.
        left /= np.maximum(1 - leverage, np.float32(1 / len(fit)))
        reach *= left
        return reach

    def _predict(self, scores: Scores, vertices: NDArray[np.int64]) -> NDArray[np.float32]:
        predicted: NDArray[np.float32] = np.hstack(scores) @ self.linear.weights[:, vertices]
        return predicted + self.linear.intercept[vertices]


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
        for rows in blocks(len(columns), VERTICES):
            columns[rows, here] = np.asarray(responses[rows])[:, drawn[here] - (stop - n)]
    return rng.permuted(columns, axis=0)
