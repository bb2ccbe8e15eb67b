"""The Gram matrices that a model's components come from: of each layer, or of all joined, as the settings ask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent
from algocli.encoding.fields import Fields
from algocli.encoding.joined import join, layer_weight
from algocli.features.algebra import uses_torch
from algocli.features.store.gram import Gram, gram, is_made, n_multiplications, standardised_gram
from algocli.features.store.shards import FeatureStore


class Kernels:
    """The Gram matrices of one subject's layers, computed on first use and shared by all fits.

    Their images are those that all layers have: where one has the training images alone, so has every matrix.
    """

    def __init__(
        self,
        stores: Sequence[FeatureStore],
        settings: Fields,
        n_train: int,
        *,
        device: str = "cpu",
        track: Track = silent,
    ) -> None:
        self.settings = settings
        self.n_train = n_train
        self._stores = stores
        self._device = device
        self._track = track
        self.n_stimuli = min(store.n_stimuli for store in stores)
        # What is divided by a spread over the fitted images has a matrix for each fit, and no other.
        plain = [] if settings.standardised else stores
        self._plain = [gram(store, device=device, track=track).leading(self.n_stimuli) for store in plain]

    def prepare(self, fits: Sequence[NDArray[np.int64]]) -> None:
        """Compute what passes over the features remain to be made for these fits, and leave it on the disk."""
        for fit in fits if self.settings.standardised else ():
            for group in _side_by_side(self._stores, self.settings):
                self._standardised(group, fit)

    def of(self, fit: NDArray[np.int64]) -> list[Gram]:
        """Return what a model of the images `fit` is to be fitted on: a matrix for each layer, or one of all.

        Raises
        ------
        DataError, StorageError
            If a matrix cannot be made.
        """
        settings = self.settings
        grams = self._grams(fit)
        if settings.keeps_layers_apart or len(grams) == 1:
            return grams
        return [join(self._stores, grams, fit, scaled=settings.scaled)]

    def weights(self, fit: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how much each layer's inner products count in each matrix of `of`, (n_matrices, n_layers)."""
        n_layers = len(self._stores)
        if self.settings.keeps_layers_apart:
            return np.eye(n_layers, dtype=np.float32)
        if n_layers == 1 or not self.settings.scaled:
            return np.ones((1, n_layers), np.float32)
        return np.array([[layer_weight(one, fit) for one in self._grams(fit)]], dtype=np.float32)

    def _grams(self, fit: NDArray[np.int64]) -> list[Gram]:
        return self._plain or [self._standardised(group, fit) for group in _side_by_side(self._stores, self.settings)]

    def _standardised(self, stores: Sequence[FeatureStore], fit: NDArray[np.int64]) -> Gram:
        found = standardised_gram(stores, fit, device=self._device, track=self._track)
        return found.leading(self.n_stimuli)


def loads_torch(stores: Sequence[FeatureStore], settings: Fields, device: str) -> bool:
    """Say whether torch is needed for the passes over features that are still to be made."""
    missing: Sequence[Sequence[FeatureStore]] = [[store] for store in stores if not is_made(store)]
    passes = _side_by_side(stores, settings) if settings.standardised else missing
    return device != "cpu" or any(uses_torch(device, n_multiplications(group)) for group in passes)


def _side_by_side(stores: Sequence[FeatureStore], settings: Fields) -> Sequence[Sequence[FeatureStore]]:
    """Group the stores of which one matrix will do: all, where no layer is treated apart from the others."""
    if settings.scaled or settings.keeps_layers_apart:
        return [[store] for store in stores]
    return [stores]
