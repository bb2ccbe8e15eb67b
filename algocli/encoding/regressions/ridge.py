"""Ridge regression on components, with a penalty of its own for every vertex.

In the basis of the components U, with variances w, the coefficients for a penalty alpha are sqrt(w) / (w + alpha) Uᵀ Y:
once Uᵀ Y is known, every alpha is a rescaling. Penalties are given in units of the mean variance of a component, so
that the same grid serves any layer, however many features it has and however they are scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.algebra import ON_CPU, Algebra
from algocli.encoding.components import Components
from algocli.encoding.loadings import Loadings, read_loadings, sum_squares
from algocli.encoding.regressions.ols import LinearModel
from algocli.encoding.settings import USUAL_ALPHAS
from algocli.errors import UsageError

RELATIVE_ALPHAS: NDArray[np.float64] = np.geomspace(*USUAL_ALPHAS)
# Scores this close together differ by rounding.
TIE = 1e-9
# Vertices at once where arrays of n_components x n_vertices are made and dropped.
VERTICES = 512


@dataclass(frozen=True)
class RidgeModel(LinearModel):
    """A linear model whose every vertex has a penalty of its own.

    Attributes
    ----------
    alphas : (n_alphas,) float64
        The penalties that there were to choose from, rising, in units of the sum of squares of a score.
    chosen : (n_vertices,) int16
        Which of them each vertex has.
    """

    alphas: NDArray[np.float64]
    chosen: NDArray[np.int16]

    @property
    def n_lowest(self) -> int:
        """How many vertices have the smallest penalty that there was: a smaller one might have served them better."""
        return int((self.chosen == 0).sum())

    @property
    def n_highest(self) -> int:
        """How many have the largest: mostly those that nothing predicts, for which no penalty is large enough."""
        return int((self.chosen == len(self.alphas) - 1).sum())


def fit_ridge(
    components: Sequence[Components],
    responses: NDArray[np.float32],
    relative_alphas: NDArray[np.float64] = RELATIVE_ALPHAS,
    algebra: Algebra = ON_CPU,
) -> list[RidgeModel]:
    """Fit one model for each set of components; each vertex's penalty is the best by generalised cross-validation.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
    relative_alphas : (n_alphas,)
        Rising, in units of the fold's mean variance of a component.

    Raises
    ------
    UsageError
        If the penalties are not positive and rising.
    """
    models = [empty_model(fold, responses.shape[1], relative_alphas) for fold in components]
    for block, loadings in read_loadings(components, responses, algebra):
        squares = sum_squares(components, responses[:, block])
        for fold, own, total, model in zip(components, loadings, squares, models, strict=True):
            for part in _parts(block):
                here = slice(part.start - block.start, part.stop - block.start)
                some = Loadings(own.products[:, here], own.means[here])
                model.chosen[part] = choose_by_gcv(fold, some, total[here], model.alphas)
                set_weights(model, part, fold, some)
    return models


def empty_model(fold: Components, n_vertices: int, relative_alphas: NDArray[np.float64]) -> RidgeModel:
    """Return a model of this fold's penalties whose weights and choices are yet to be set."""
    if not (len(relative_alphas) and relative_alphas[0] > 0 and (np.diff(relative_alphas) > 0).all()):
        raise UsageError("the penalties of ridge regression must be positive and rising")
    return RidgeModel(
        weights=np.empty((len(fold.variances), n_vertices), np.float32),
        intercept=np.empty(n_vertices, np.float32),
        alphas=relative_alphas * fold.mean_variance,
        chosen=np.empty(n_vertices, np.int16),
    )


def set_weights(model: RidgeModel, vertices: slice, fold: Components, loadings: Loadings) -> None:
    """Set what a model says of some vertices, whose penalties are chosen."""
    denominators = fold.variances[:, None] + model.alphas[model.chosen[vertices]]
    np.divide(loadings.products, denominators, out=denominators)
    denominators *= np.sqrt(fold.variances)[:, None]
    model.weights[:, vertices] = denominators
    model.intercept[vertices] = loadings.means


def choose_by_gcv(
    fold: Components, loadings: Loadings, squares: NDArray[np.float64], alphas: NDArray[np.float64]
) -> NDArray[np.int16]:
    """Choose each vertex's penalty by generalised cross-validation.

    Parameters
    ----------
    squares : (n_vertices,)
        The sums of squares of the responses less their mean.
    alphas : (n_alphas,)
        Rising.

    Returns
    -------
    (n_vertices,) int16
        Positions in `alphas`; of several that are equally good, the largest.
    """
    return best(gcv(fold, loadings, squares, alphas))


def gcv(
    fold: Components, loadings: Loadings, squares: NDArray[np.float64], alphas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return n_fit RSS / (n_fit - dof)² for every penalty and vertex, (n_alphas, n_vertices).

    The degrees of freedom count the intercept.
    """
    n_fit = len(fold.fit)
    left = alphas[:, None] / (fold.variances + alphas[:, None])
    with np.errstate(invalid="ignore", over="ignore"):
        explained = loadings.products**2
        # Where the components span all that so many images can, nothing lies outside; else it is there for any alpha.
        outside = 0 if len(fold.variances) == n_fit - 1 else np.maximum(squares - explained.sum(axis=0), 0)
        residual = left**2 @ explained + outside
    # n_fit - dof, without taking numbers that are almost equal from each other.
    free = n_fit - 1 - len(fold.variances) + left.sum(axis=1)
    score: NDArray[np.float64] = n_fit * residual / free[:, None] ** 2
    return score


def best(errors: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return the position of the least of each column, (n_alphas, n_vertices); of those that tie, the last."""
    ties = errors <= errors.min(axis=0) * (1 + TIE)
    last: NDArray[np.int16] = (len(errors) - 1 - np.argmax(ties[::-1], axis=0)).astype(np.int16)
    return last


def _parts(block: slice) -> list[slice]:
    starts = range(block.start, block.stop, VERTICES)
    return [slice(start, min(start + VERTICES, block.stop)) for start in starts]
