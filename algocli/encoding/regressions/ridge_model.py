"""The model that ridge regression makes, and what every way to choose its penalties does with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import Components
from algocli.encoding.loadings import Loadings
from algocli.encoding.regressions.models import LinearModel
from algocli.errors import UsageError

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

    def gains(self, fold: Components, vertices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return by how much each component counts at some vertices, (n_components, n_vertices)."""
        penalised = fold.variances[:, None] + self.alphas[self.chosen[vertices]]
        return (1 / penalised).astype(np.float32)


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


def best(errors: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return the position of the least of each column, (n_alphas, n_vertices); of those that tie, the last."""
    ties = errors <= errors.min(axis=0) * (1 + TIE)
    last: NDArray[np.int16] = (len(errors) - 1 - np.argmax(ties[::-1], axis=0)).astype(np.int16)
    return last
