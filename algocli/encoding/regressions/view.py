"""What a regression is fitted on: the components of some images, and what these know of all others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import Components
from algocli.encoding.stacked import StackedComponents
from algocli.features.algebra import Algebra
from algocli.features.store.gram import Gram

Scores = list[NDArray[np.float32]]


@dataclass(frozen=True)
class View:
    """What some fitted images know of all others: components, one entry a layer, or a single one of all layers joined.

    `inner` is what the regression asks for beside components (`Regression.look_within`), and mostly empty.
    """

    kernels: list[Gram]
    components: list[Components]
    inner: list[Any]
    algebra: Algebra

    def project(self, rows: NDArray[np.int64]) -> Scores:
        """Score other images, (n_rows, n_components) each."""
        if isinstance(self.components[0], StackedComponents):
            return [self.components[0].project_layers(self.kernels, rows, self.algebra)]
        pairs = zip(self.components, self.kernels, strict=True)
        return [own.project(kernel, rows, self.algebra) for own, kernel in pairs]

    def without_kernels(self) -> View:
        """Return what models are fitted on; the Gram matrices, which are large, have served their purpose."""
        return replace(self, kernels=[])
