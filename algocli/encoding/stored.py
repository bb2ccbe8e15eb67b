"""Features as they are stored, for a regression that is fitted on these and not on components.

They stand where a Gram matrix and its components would: the images of a view are told in the same way, by rows, and
what is handed to a model as the scores of others is their features, which are read when it asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.components import fit_components
from algocli.features.algebra import ON_CPU, Algebra
from algocli.features.store.shards import FeatureStore


class StoredFeatures:
    """The features of one layer, of all images of a store or of some.

    Parameters
    ----------
    rows : (n_stimuli,)
        Which images of the store these are; by default all, in their order.
    """

    def __init__(self, store: FeatureStore, rows: NDArray[np.int64] | None = None) -> None:
        self.store = store
        self.rows = np.arange(store.n_stimuli) if rows is None else rows
        self.n_stimuli = len(self.rows)

    def leading(self, n_stimuli: int) -> StoredFeatures:
        """Return those of the first images."""
        return StoredFeatures(self.store, self.rows[:n_stimuli])

    def taken(self, rows: NDArray[np.int64]) -> StoredFeatures:
        """Return those of some images, in this order."""
        return StoredFeatures(self.store, self.rows[rows])


@dataclass(frozen=True)
class AsStored:
    """What stands for the components of some fitted images: their features.

    Attributes
    ----------
    fit : (n_fit,)
        The rows of the fitted images.
    """

    features: StoredFeatures
    fit: NDArray[np.int64]

    @property
    def variances(self) -> NDArray[np.float64]:
        """Those of components, of which there are none."""
        return np.empty(0)

    def project(self, features: StoredFeatures, rows: NDArray[np.int64], algebra: Algebra = ON_CPU) -> FeatureRows:
        """Return the features of other images, (n_rows, n_features), still to be read."""
        return FeatureRows(features.store, features.rows[rows])


def fitted_on(kernel: Any, fit: NDArray[np.int64], n_components: int | None, algebra: Algebra = ON_CPU) -> Any:
    """Return the components of some images, given a Gram matrix; given features, what stands for them."""
    if isinstance(kernel, StoredFeatures):
        return AsStored(kernel, fit)
    return fit_components(kernel, fit, n_components, algebra)


@dataclass(frozen=True)
class FeatureRows:
    """Features of some images of a store, read when they are asked for: thousands of them would fill the memory."""

    store: FeatureStore
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """(n_rows, n_features)."""
        return len(self.rows), self.store.n_features

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> NDArray[Any]:
        """Read some rows, in the store's own dtype."""
        return self.store.features[self.rows[some]]


@dataclass(frozen=True)
class ByFeatures:
    """The features themselves, for models of these."""

    n_fits: int

    def score(self, features: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Put features (n_images, n_features) side by side: the same array for each fit."""
        return [np.hstack([np.asarray(layer, np.float32) for layer in features])] * self.n_fits


@dataclass(frozen=True)
class Beside:
    """The features of the first layers as they are, and beside them the scores that the others have together.

    Attributes
    ----------
    others
        What scores images by the features of the other layers.
    """

    n_read: int
    others: Any

    def score(self, features: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Score images: one array a fit, (n_images, all columns)."""
        read = [np.asarray(layer, np.float32) for layer in features[: self.n_read]]
        return [np.hstack([*read, scores]) for scores in self.others.score(features[self.n_read :])]
