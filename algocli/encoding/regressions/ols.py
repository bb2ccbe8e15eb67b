"""Ordinary least squares on components, for every vertex of a hemisphere at once.

The scores S of a fold are orthogonal and centred, so the coefficients need no solver: diag(1/w) Sᵀ Y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.algebra import ON_CPU, Algebra
from algocli.encoding.components import Components
from algocli.encoding.loadings import read_loadings


@dataclass(frozen=True)
class LinearModel:
    """Coefficients of one fold: predictions are scores @ weights + intercept.

    Attributes
    ----------
    weights : (n_components, n_vertices) float32
    intercept : (n_vertices,) float32
    """

    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def predict(self, scores: NDArray[np.float32], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from scores, (n_stimuli, n_components)."""
        predicted = algebra.multiply(scores, self.weights)
        predicted += self.intercept
        return predicted


def fit_ols(
    components: Sequence[Components], responses: NDArray[np.float32], algebra: Algebra = ON_CPU
) -> list[LinearModel]:
    """Fit one model for each set of components.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read once, in blocks of rows.
    """
    n_vertices = responses.shape[1]
    models = [
        LinearModel(np.empty((len(fold.variances), n_vertices), np.float32), np.empty(n_vertices, np.float32))
        for fold in components
    ]
    for block, loadings in read_loadings(components, responses, algebra):
        for fold, own, model in zip(components, loadings, models, strict=True):
            model.weights[:, block] = own.products / np.sqrt(fold.variances)[:, None]
            model.intercept[block] = own.means
    return models
