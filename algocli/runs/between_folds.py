"""How the models of a run's folds depend on each other: they were fitted on many of the same images.

Two things are found by fitting the run's folds once more, on the components that are kept beside the Gram matrices:
what chance gives such folds (responses of vertices, each brought into a random order before anything is fitted), and
how much each image moves the scores of the folds in whose models it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.budget import check_memory
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.encoding.kernels import Kernels, view_of
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.regression import Regression, View
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold, make_folds
from algocli.errors import UsageError
from algocli.runs.predictor import stores_of
from algocli.runs.run import Run
from algocli.stats.correlation import correlate
from algocli.stats.influence import of_predicted

# Vertices at once where arrays of n_fit x vertices are made and dropped.
VERTICES = 1024


@dataclass(frozen=True)
class Influence:
    """How much each training image moves some means over the vertices of a side, (n_train, n_means) each.

    Attributes
    ----------
    predicted
        As one that is held out and predicted.
    fitted
        As one that the models of other folds were fitted on; None where the regression does not tell.
    """

    predicted: NDArray[np.float64]
    fitted: NDArray[np.float64] | None


class FoldsAgain:
    """The folds of one subject of a run, to be fitted once more."""

    def __init__(
        self, run: Run, subject: Subject, *, trust_code: bool = False, track: Track = silent, note: Note = unheard
    ) -> None:
        self.subject, self.track, self.note = subject, track, note
        self.settings: Settings = run.settings
        self.regression: Regression = regression_of(self.settings)
        if self.regression.runs_code and not trust_code:
            raise UsageError(
                f"subject {subject.id}'s folds have to be fitted once more, which runs the code of "
                f"{self.regression.name}",
                hint="trust_remote_code=True allows it",
            )
        self.folds = make_folds(self.settings, len(subject.train_stimuli))
        self.stores = stores_of(run, subject.id, run.cache_dir)

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

    def influence(self, members: Mapping[Side, NDArray[np.float32]]) -> dict[Side, Influence]:
        """Return how much each training image moves the mean of r over folds and some vertices.

        Parameters
        ----------
        members
            By side what each vertex counts in each of the means, (n_vertices, n_means).
        """
        n_train = len(self.subject.train_stimuli)
        found = {
            side: Influence(np.zeros((n_train, w.shape[1])), np.zeros((n_train, w.shape[1])))
            for side, w in members.items()
        }
        tells = True
        for fold, view in self._views("influence"):
            scores = view.project(fold.held_out)
            for side, weights in members.items():
                responses = self.subject.responses("train", side)
                [model] = self.regression.fit(self.settings, [view.without_kernels()], responses, self.note)
                fitted = _Fitted(self.regression, model, view, fold, scores)
                for block in blocks(responses.shape[1], VERTICES):
                    wanted = np.flatnonzero(weights[block].any(axis=1)) + block.start
                    if len(wanted):
                        tells &= fitted.add_to(found[side], responses, wanted, weights[wanted] / len(self.folds))
        return found if tells else {side: Influence(both.predicted, None) for side, both in found.items()}

    def _views(self, doing: str) -> Iterator[tuple[Fold, View]]:
        kernels = Kernels(self.stores, self.settings, len(self.subject.train_stimuli), track=self.track)
        label = f"subject {self.subject.id}: {doing}"
        for fold in self.track(self.folds, total=len(self.folds), label=label, unit="folds"):
            yield fold, view_of(kernels, fold.fit)


class _Fitted:
    """The model of a fold, of all vertices of a side."""

    def __init__(
        self, regression: Regression, model: Any, view: View, fold: Fold, scores: list[NDArray[np.float32]]
    ) -> None:
        self.regression, self.model, self.view, self.fold, self.scores = regression, model, view, fold, scores
        self.linear = regression.as_linear(model)
        self.predicted = regression.predict(model, scores, view.algebra)

    def add_to(
        self,
        found: Influence,
        responses: NDArray[np.float32],
        vertices: NDArray[np.int64],
        weights: NDArray[np.float32],
    ) -> bool:
        """Add what this fold's images do to the means; say whether what the fitted ones do could be told."""
        held_out, fit = self.fold.held_out, self.fold.fit
        of_held_out = of_predicted(np.asarray(responses[held_out])[:, vertices], self.predicted[:, vertices])
        found.predicted[held_out] += of_held_out.influence @ weights
        gains = self.regression.gains(self.model, self.view, vertices)
        if gains is None or self.linear is None or found.fitted is None:
            return False
        fitted = [components.scores for components in self.view.components]
        slope = of_held_out.slope - of_held_out.slope.mean(axis=0)
        reach = np.zeros((len(fit), len(vertices)), np.float32)
        leverage = np.full(reach.shape, np.float32(1 / len(fit)))
        for own, others, gain in zip(fitted, self.scores, gains, strict=True):
            reach += own @ (gain * (others.T @ slope))
            leverage += own**2 @ gain
        predicted = np.hstack(fitted) @ self.linear.weights[:, vertices] + self.linear.intercept[vertices]
        # What the model would leave of an image that it had not seen.
        left = (np.asarray(responses[fit])[:, vertices] - predicted) / np.maximum(1 - leverage, 1 / len(fit))
        found.fitted[fit] += (left * reach) @ weights
        return True


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
