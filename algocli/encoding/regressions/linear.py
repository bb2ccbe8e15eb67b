"""The linear model of components: what every regression that has a linear form comes down to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.features.algebra import ON_CPU, Algebra


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
