"""Blends the predictions of several models, with weights of its own for every vertex.

The weights are what least squares gives when none may be negative (stacking), found on predictions of images that
the models had not seen. Predictions and responses are centred first, so a blend has an intercept and the weights
need not sum to one: where every model overstates a vertex, all of them are shrunk, which a sum of one would forbid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.cores import n_cores

# Vertices a thread works on at once: float64 copies of all models' predictions are a few megabytes.
BLOCK_VERTICES = 64
# Rows that are predicted at once, by every model: 20 MB a model at the challenge's size.
ROWS = 256
# A coefficient or gradient this small against the problem's own scale is zero.
ZERO = 1e-10

# The rows that an inner fold leaves out, the intercept of one of its models, (n_vertices,), and what returns every
# model's prediction of some of these rows.
FoldPredictions = tuple[NDArray[np.int64], NDArray[np.float32], Callable[[slice], list[NDArray[np.float32]]]]


@dataclass(frozen=True)
class Blend:
    """Weights of some models: a prediction is the sum of weight times the model's prediction, plus the intercept.

    Attributes
    ----------
    weights : (n_models, n_vertices) float64
        None is negative; where no model helps a vertex all are zero.
    intercept : (n_vertices,) float64
    """

    weights: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def predict(self, predictions: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Blend one prediction a model, (n_stimuli, n_vertices) each, which are taken one after the other."""
        total = np.asarray(self.intercept, dtype=np.float32)
        for weights, predicted in zip(self.weights.astype(np.float32), predictions, strict=True):
            total = total + weights * predicted
        return total


class BlendSums:
    """What fitting a blend needs of predictions and responses, summed over blocks of images as they come.

    For every vertex these are the inner products of the models' predictions with each other and with the responses:
    of the predictions themselves no more than a block need be at hand.
    """

    def __init__(self, n_models: int, n_vertices: int) -> None:
        # The responses stand behind the models: one row and column more.
        self._n = 0
        self._sums = np.zeros((n_models + 1, n_vertices))
        self._products = np.zeros((n_vertices, n_models + 1, n_models + 1))
        # Sums of squares of what lies far from zero say little about what varies: an image to start from does.
        self._origin: NDArray[np.float64] | None = None

    def add(self, predictions: Sequence[NDArray[np.floating]], measured: NDArray[np.floating]) -> None:
        """Add some images: one prediction a model and the responses, (n_stimuli, n_vertices) each."""
        columns = [*predictions, measured]
        if self._origin is None:
            self._origin = np.array([column[0] for column in columns], dtype=np.float64)
        self._n += len(measured)
        vertices = blocks(measured.shape[1], BLOCK_VERTICES)
        with ThreadPoolExecutor(n_cores()) as pool:
            list(pool.map(lambda block: self._add_block(columns, block), vertices))

    def _add_block(self, columns: Sequence[NDArray[np.float32]], block: slice) -> None:
        assert self._origin is not None
        # (n_vertices, n_models + 1, n_stimuli)
        x = np.stack([column[:, block].T for column in columns], axis=1, dtype=np.float64)
        x -= self._origin.T[block, :, None]
        self._sums[:, block] += x.sum(axis=2).T
        self._products[block] += x @ x.transpose(0, 2, 1)

    def fit(self) -> Blend:
        """Return the blend of least squared error on everything added."""
        assert self._origin is not None  # a blend of nothing is a mistake of the caller
        means = self._sums / self._n
        products = self._products - self._n * np.einsum("iv,jv->vij", means, means)
        weights = nonnegative_least_squares(products[:, :-1, :-1], products[:, :-1, -1]).T
        means += self._origin
        intercept = means[-1] - np.einsum("lv,lv->v", weights, means[:-1])
        return Blend(weights, intercept)


def learn_weights(n_models: int, folds: Iterable[FoldPredictions], responses: NDArray[np.floating]) -> Blend:
    """Learn the weights of some models from what those of inner folds predict of the images that these leave out.

    Parameters
    ----------
    responses : (n_train, n_vertices)
    """
    sums = BlendSums(n_models, responses.shape[1])
    for rows, intercept, predict in folds:
        for some in blocks(len(rows), ROWS):
            measured = np.asarray(responses[rows[some]], dtype=np.float32)
            if not (np.isfinite(intercept).all() and np.isfinite(measured).all()):
                # Whoever asked tells where it is: there is nothing to learn from such responses.
                return Blend(np.zeros((n_models, responses.shape[1])), np.zeros(responses.shape[1]))
            sums.add(predict(some), measured)
    return sums.fit()


def blend_bytes(n_models: int, n_vertices: int) -> int:
    """Count the sums that weights are learned from, and every model's predictions of some rows."""
    return 8 * n_vertices * (n_models + 1) * (6 * (n_models + 1)) + 4 * n_vertices * 2 * n_models * ROWS


def nonnegative_least_squares(products: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimise bᵀ A b / 2 - cᵀ b over b >= 0, for many small problems at once.

    Each problem goes the way of Lawson and Hanson: the coefficient that would lower the error fastest is freed, the
    free ones are solved for, and those that turn negative on the way are fixed at zero again. Problems that are done
    wait for the others.

    Parameters
    ----------
    products : (n_problems, n_models, n_models)
        A, symmetric and positive semi-definite.
    targets : (n_problems, n_models)
        c.

    Returns
    -------
    (n_problems, n_models) float64
    """
    n_problems, n_models = targets.shape
    # With every model at length one the problems have one scale; one that never varies has no weight.
    lengths = np.sqrt(np.maximum(np.einsum("vii->vi", products), 0))
    usable = lengths > 0
    scale = np.where(usable, lengths, 1)
    a = products / (scale[:, :, None] * scale[:, None, :])
    c = targets / scale
    tolerance = ZERO * np.abs(c).max(axis=1, initial=0)
    b, free = np.zeros_like(c), np.zeros(c.shape, bool)
    active = np.arange(n_problems)
    # Each round frees one model of every problem that is not done; few need more rounds than there are models.
    for _ in range(10 * n_models):
        slope = c[active] - np.einsum("vij,vj->vi", a[active], b[active])
        slope[free[active] | ~usable[active]] = -np.inf
        steepest = slope.argmax(axis=1)
        going = slope[np.arange(len(active)), steepest] > tolerance[active]
        active, steepest = active[going], steepest[going]
        if not len(active):
            break
        free[active, steepest] = True
        _solve_free(a, c, b, free, active)
    return b / scale


def _solve_free(
    a: NDArray[np.float64],
    c: NDArray[np.float64],
    b: NDArray[np.float64],
    free: NDArray[np.bool_],
    active: NDArray[np.int64],
) -> None:
    """Move b of the active problems to the minimum over what is free, fixing on the way what would turn negative."""
    while len(active):
        solved = _restricted(a[active], c[active], free[active])
        old = b[active]
        below = free[active] & (solved <= 0)
        inside = ~below.any(axis=1)
        b[active[inside]] = solved[inside]
        active, solved, old, below = active[~inside], solved[~inside], old[~inside], below[~inside]
        # As far towards the minimum as none turns negative; whatever stopped it there is fixed.
        room = np.divide(old, old - solved, out=np.full_like(old, np.inf), where=below & (old > solved))
        room[below & (old <= solved)] = 0
        step = room.min(axis=1, initial=np.inf)[:, None]
        moved = np.where(free[active], old + step * (solved - old), 0)
        stopped = below & (room <= step)
        b[active] = np.where(stopped, 0, np.maximum(moved, 0))
        free[active] &= ~stopped


def _restricted(a: NDArray[np.float64], c: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Solve for the free coefficients of each problem; the others are zero."""
    both = free[:, :, None] & free[:, None, :]
    # The identity stands for what is fixed, so that all problems have one size; a trace of it keeps models that
    # predict the same from having no solution, and shares the weight between them.
    eye = np.eye(a.shape[1])
    system = np.where(both, a + 1e-12 * eye, eye)
    solved: NDArray[np.float64] = np.linalg.solve(system, np.where(free, c, 0)[:, :, None])[:, :, 0]
    return solved
