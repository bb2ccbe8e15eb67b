"""What a search for penalties is asked for, and the model that it makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.features.algebra import ON_CPU, Algebra


@dataclass(frozen=True)
class BandedModel:
    """A linear model of the components of several layers, and how its penalties were shared out.

    Attributes
    ----------
    weights : (n_all_components, n_vertices) float32
        Of the layers' components one below the other.
    intercept : (n_vertices,) float32
        Not finite where a response is not.
    widths
        How many components each layer has.
    shares : (n_layers, n_vertices) float32
        Of each layer; they sum to one.
    alphas : (n_alphas,) float64
        The penalties that there were to choose from, rising, in units of a layer's mean variance of a component.
    chosen : (n_vertices,) int16
        Which of them each vertex has, to be divided by a layer's share.
    r2 : (n_vertices,) float64
        R² of what inner folds left out, with these penalties.
    """

    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]
    widths: tuple[int, ...]
    shares: NDArray[np.float32]
    alphas: NDArray[np.float64]
    chosen: NDArray[np.int16]
    r2: NDArray[np.float64]

    @property
    def deltas(self) -> NDArray[np.float64]:
        """Himalaya's name for log(share / penalty), (n_layers, n_vertices); minus infinity for no share."""
        with np.errstate(divide="ignore"):
            logs: NDArray[np.float64] = np.log(self.shares, dtype=np.float64) - np.log(self.alphas[self.chosen])
        return logs

    @property
    def bands(self) -> list[NDArray[np.float32]]:
        """The weights of each layer, (n_components, n_vertices) each."""
        return np.split(self.weights, np.cumsum(self.widths)[:-1])

    def predict(self, scores: Sequence[NDArray[np.float32]], algebra: Algebra = ON_CPU) -> NDArray[np.float32]:
        """Predict responses, (n_stimuli, n_vertices), from scores of every layer, (n_stimuli, n_components) each."""
        predicted = algebra.multiply(np.hstack(scores), self.weights)
        predicted += self.intercept
        return predicted


@dataclass(frozen=True)
class Search:
    """What decides a search for penalties: how many draws of shares and their seed, the penalties, the inner folds.

    Attributes
    ----------
    n_iter, seed
        Of the draws; the first gives every layer the same share.
    alphas : (n_alphas,) float64
        Rising, in units of a layer's mean variance of a component.
    fold_seed
        Of the inner folds.
    """

    n_iter: int
    seed: int
    alphas: NDArray[np.float64]
    fold_seed: int = 0
