"""Components of several layers side by side: each layer's own leading ones, together an orthogonal basis again.

Joined features share one ranking of components, in which a small layer may have no part; here every layer keeps as
many as every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import RANK_TOLERANCE, Components
from algocli.errors import UsageError
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.store.matrices import Gram


@dataclass(frozen=True)
class StackedComponents(Components):
    """Components of several layers, rotated so that they are orthogonal to each other.

    Attributes
    ----------
    layers
        Each layer's own components.
    scales : (n_layers,) float64
        What a layer's scores are multiplied by before they stand beside those of others.
    rotation : (sum of the layers' n_components, n_components) float32
    """

    layers: tuple[Components, ...]
    scales: NDArray[np.float64]
    rotation: NDArray[np.float32]

    def rotate(self, scores: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Turn the layers' own scores of some images, (n_rows, n_components) each, into scores of these components."""
        return side_by_side(scores, self.scales) @ self.rotation

    def project_layers(
        self, grams: Sequence[Gram], others: NDArray[np.int64], algebra: Algebra = ON_CPU
    ) -> NDArray[np.float32]:
        """Score other images, (n_others, n_components), from the Gram matrix of each layer."""
        return self.rotate(
            [layer.project(gram, others, algebra) for layer, gram in zip(self.layers, grams, strict=True)]
        )


def stack(layers: Sequence[Components], *, scaled: bool) -> StackedComponents:
    """Put the components of several layers, fitted on the same images, side by side.

    Parameters
    ----------
    scaled
        Whether each layer is divided by the mean variance of its components over the fitted images, as `join` does.

    Raises
    ------
    UsageError
        If the layers have more components together than so many images can have dimensions.
    """
    fit = layers[0].fit
    n_components = sum(len(layer.variances) for layer in layers)
    if n_components > len(fit) - 1:
        raise UsageError(
            f"{n_components} components of {len(layers)} layers cannot be had from {len(fit)} images",
            hint=f"use n_components={(len(fit) - 1) // len(layers)} or fewer",
        )
    means = np.array([layer.mean_variance for layer in layers])
    scales = 1 / np.sqrt(means) if scaled else np.ones(len(layers))
    scores = side_by_side([layer.scores for layer in layers], scales)
    variances, rotation = np.linalg.eigh((scores.T @ scores).astype(np.float64))
    # What two layers have in common to the last digit is one direction, and rounding the other.
    kept = variances[::-1] > RANK_TOLERANCE * variances[-1]
    variances, rotation = variances[::-1][kept], rotation[:, ::-1][:, kept].astype(np.float32)
    vectors = (scores @ rotation) / np.sqrt(variances).astype(np.float32)
    total = float((scales**2 * [layer.total_variance for layer in layers]).sum())
    nowhere = np.zeros(0)
    return StackedComponents(fit, vectors, variances, nowhere, total, tuple(layers), scales, rotation)


def side_by_side(scores: Sequence[NDArray[np.float32]], scales: NDArray[np.float64]) -> NDArray[np.float32]:
    """Put scores of several layers side by side, (n_rows, n_all_components), each multiplied by its layer's scale."""
    return np.hstack([of_layer * np.float32(scale) for of_layer, scale in zip(scores, scales, strict=True)])
