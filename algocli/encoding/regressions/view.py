"""What a model is fitted on: components of some images, and what they know of all others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.stacked import StackedComponents
from algocli.features.algebra import Algebra

# One entry a layer, or a single one of all: scores, (n_stimuli, n_components) float32; of a regression that reads
# features these, in any precision, or what reads them row by row.
Scores = list[Any]


@dataclass(frozen=True)
class View:
    """What some fitted images know of all others: components, one entry a layer, or a single one of all layers joined.

    Kernels are Gram matrices and components `Components`; where features are read, they are `stored.StoredFeatures` and
    `stored.AsStored`. `inner` is what the regression asks for beside these (`Regression.make_inner_folds`), and mostly
    empty.
    """

    kernels: list[Any]
    components: list[Any]
    inner: list[Any]
    algebra: Algebra

    def project(self, rows: NDArray[np.int64]) -> Scores:
        """Score other images, (n_rows, n_components) each."""
        if isinstance(self.components[0], StackedComponents):
            return [self.components[0].project_layers(self.kernels, rows, self.algebra)]
        pairs = zip(self.components, self.kernels, strict=True)
        return [components.project(kernel, rows, self.algebra) for components, kernel in pairs]

    def without_kernels(self) -> View:
        """Return what models are fitted on; the Gram matrices, which are large, have served their purpose."""
        return replace(self, kernels=[])
