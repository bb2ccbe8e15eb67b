"""Ordinary least squares on components, for every vertex of a hemisphere at once.

The scores S of a fold are orthogonal and centred, so the coefficients need no solver: diag(1/w) Sᵀ Y. All folds
are therefore one product of a tall matrix with the responses, which are read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import Components

# Rows a block of the product: float32 within, float64 across.
BLOCK_ROWS = 2048


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

    def predict(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from scores, (n_stimuli, n_components)."""
        predicted = scores @ self.weights
        predicted += self.intercept
        return predicted


def fit_ols(components: Sequence[Components], responses: NDArray[np.float32]) -> list[LinearModel]:
    """Fit one model for each set of components.

    Parameters
    ----------
    components
        One entry a fold; each knows the rows of `responses` that it was fitted on.
    responses : (n_train, n_vertices)
        Read once, in blocks of rows.
    """
    design = np.hstack([_columns(fold, len(responses)) for fold in components])
    products = np.zeros((design.shape[1], responses.shape[1]), np.float64)
    for start in range(0, len(responses), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        # What is not finite shows in the intercepts, and is told from there with its place in the file.
        with np.errstate(invalid="ignore", over="ignore"):
            products += design[rows].T @ np.asarray(responses[rows], dtype=np.float32)
    models = []
    for fold in components:
        n_rows = len(fold.variances) + 1
        mine, products = products[:n_rows], products[n_rows:]
        weights = mine[:-1] / np.sqrt(fold.variances)[:, None]
        models.append(LinearModel(weights.astype(np.float32), (mine[-1] / len(fold.fit)).astype(np.float32)))
    return models


def _columns(fold: Components, n_train: int) -> NDArray[np.float32]:
    """Return the fold's vectors and a column of ones, (n_train, n_components + 1), zero where a row is held out."""
    columns = np.zeros((n_train, fold.vectors.shape[1] + 1), np.float32)
    columns[fold.fit, :-1] = fold.vectors
    columns[fold.fit, -1] = 1
    return columns
