"""How a model's components score an image, told from its inner products with the stored images alone.

Whatever components are made of, the scores are an affine function of these inner products: a new image needs no more
than a row of its own in each Gram matrix, and scores of unit rows tell the function itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.kernels import Kernels
from algocli.encoding.regressions.fitting import view_of
from algocli.encoding.regressions.view import View
from algocli.features.axes import Standard
from algocli.features.store.gram import Gram

# Rows that are scored at once: 40 MB at the challenge's size.
_ROWS = 1024
# Beside so long a row, what components take away from every row is lost in its last digit; a power of two divides
# exactly.
_LONG = np.float32(2**40)


@dataclass(frozen=True)
class Fit:
    """The components of some fitted images, and which layers' inner products they are of.

    Attributes
    ----------
    weights : (n_matrices, n_layers) float32
        How much each layer's inner products count in each Gram matrix.
    standard
        The images over which features are standardised; None where they are not.
    """

    view: View
    weights: NDArray[np.float32]
    standard: Standard

    @property
    def n_components(self) -> tuple[int, ...]:
        """How many components there are: one entry a layer that has its own, or a single one."""
        return tuple(len(own.variances) for own in self.view.components)

    def for_scores(self) -> Fit:
        """Return this without what only the fitting of a model needs."""
        return replace(self, view=replace(self.view, inner=[]))

    def score(self, products: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Score images by each layer's inner products with the stored ones.

        Parameters
        ----------
        products : (n_images, n_stimuli) each

        Returns
        -------
        (n_images, n_components) float32, the components of all layers side by side
        """
        return self._project([_combine(own, products) for own in self.weights])

    def coefficients(self, n_stimuli: int) -> tuple[list[NDArray[np.float32]], NDArray[np.float32]]:
        """Return the function that `score` is: a matrix for each layer, (n_stimuli, n_components), and a constant."""
        nothing = np.zeros((min(_ROWS, n_stimuli), n_stimuli), np.float32)
        constant = self._project([nothing[:1]] * len(self.weights))[0]
        matrices = []
        for which in range(len(self.weights)):
            matrix = np.empty((n_stimuli, len(constant)), np.float32)
            for start in range(0, n_stimuli, _ROWS):
                n_rows = min(_ROWS, n_stimuli - start)
                rows = np.eye(n_rows, n_stimuli, start, dtype=np.float32) * _LONG
                all_rows = [rows if other == which else nothing[:n_rows] for other in range(len(self.weights))]
                matrix[start : start + n_rows] = (self._project(all_rows) - constant) / _LONG
            matrices.append(matrix)
        return [_combine(own, matrices) for own in self.weights.T], constant

    def _project(self, rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Score images by a row of each Gram matrix, (n_images, n_stimuli) each."""
        # Of a Gram matrix, scoring asks nothing but rows.
        view = replace(self.view, kernels=[Gram(Path(), some) for some in rows])
        return np.hstack(view.project(np.arange(len(rows[0]))))


def _combine(weights: NDArray[np.float32], matrices: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Sum up matrices by their weights."""
    total = np.zeros_like(matrices[0])
    for weight, matrix in zip(weights, matrices, strict=True):
        total += weight * matrix
    return total


def fit_of(kernels: Kernels, fit: NDArray[np.int64]) -> Fit:
    """Fit components on the images `fit`, ready to score images that are not stored.

    Raises
    ------
    DataError, UsageError
        As `view_of`.
    """
    view = view_of(kernels, fit)
    standard = fit if kernels.settings.standardised else None
    return Fit(view.without_kernels(), kernels.weights(fit), standard)
