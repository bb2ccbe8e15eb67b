"""The Gram matrices that a model's components come from, as the settings ask, and views of images by them.

Several layers have a matrix each, or one as if they were one layer: with their features side by side, a matrix is the
sum of theirs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.track import Note, Track, silent, unheard
from algocli.encoding.fields import Fields
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.regressions.view import View
from algocli.encoding.stacked import stack
from algocli.encoding.stored import StoredFeatures, fitted_on
from algocli.features.algebra import ON_CPU, Algebra, uses_torch
from algocli.features.store.factor import Factor, n_multiplications
from algocli.features.store.gram import gram, is_at_hand, standardised_gram
from algocli.features.store.keys import digest_of
from algocli.features.store.matrices import Gram
from algocli.features.store.shards import FeatureStore

# Rows that are read at once: 40 MB at the challenge's size.
_ROWS = 1024
# Fits with inner folds of their own that are searched together: what is held out once, and the refit.
_BLENDED = 2
# What fits that are made together may take: ten of a hundred components do, of full rank a single one fills it.
FITS_BYTES = 2**30


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
        note: Note = unheard,
    ) -> None:
        self.settings = settings
        self.n_train = n_train
        self._device = device
        self._track = track
        self.n_stimuli = min(store.n_stimuli for store in stores)
        n_read = regression_of(settings).n_read(settings)
        self._read, self._stores = stores[:n_read], stores[n_read:]
        self._groups = multiplied(stores, settings)
        # What is divided by a spread over the fitted images has a matrix for each fit, and no other.
        plain = [] if settings.standardised else self._stores
        matrices = [gram(store, device=device, track=track, note=note) for store in plain]
        self._plain = [matrix.leading(self.n_stimuli) for matrix in matrices]

    def prepare(self, fits: Sequence[NDArray[np.int64]]) -> None:
        """Compute what passes over the features remain to be made for these fits, and leave it on the disk."""
        for fit in fits if self.settings.standardised else ():
            for group in self._groups:
                self._standardised(group, fit)

    def of(self, fit: NDArray[np.int64]) -> list[Any]:
        """Return what a model of the images `fit` is to be fitted on: a matrix for each layer, or one of all.

        Where features are read, it is the features of each layer, before what the others have.

        Raises
        ------
        DataError, StorageError
            If a matrix cannot be made.
        """
        settings = self.settings
        read = [StoredFeatures(store).leading(self.n_stimuli) for store in self._read]
        grams = self._grams(fit) if self._stores else []
        if self._are_apart or len(grams) < 2:
            return [*read, *grams]
        return [*read, join(self._stores, grams, fit, scaled=settings.scaled)]

    def weights(self, fit: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how much each layer's inner products count in each matrix of `of`, (n_matrices, n_layers).

        Layers whose features are read have none.
        """
        n_layers = len(self._stores)
        if self._are_apart:
            return np.eye(n_layers, dtype=np.float32)
        if n_layers == 1 or not self.settings.scaled:
            return np.ones((1, n_layers), np.float32)
        return np.array([[layer_weight(layer, fit) for layer in self._grams(fit)]], dtype=np.float32)

    @property
    def are_at_hand(self) -> bool:
        """Whether `of` opens what lies on the disk, for any fit: nothing is divided, and nothing summed up."""
        return not self._read and len(self._plain) == len(self._stores) and (self._are_apart or len(self._plain) < 2)

    @property
    def _are_apart(self) -> bool:
        """Whether every layer that has a Gram matrix is fitted on by its own."""
        return self.settings.keeps_layers_apart and not self._read

    def _grams(self, fit: NDArray[np.int64]) -> list[Gram]:
        return self._plain or [self._standardised(group, fit) for group in self._groups]

    def _standardised(self, stores: Sequence[FeatureStore], fit: NDArray[np.int64]) -> Gram:
        matrix = standardised_gram(stores, fit, device=self._device, track=self._track)
        return matrix.leading(self.n_stimuli)


def loads_torch(stores: Sequence[FeatureStore], settings: Fields, device: str) -> bool:
    """Say whether torch is needed for the passes over features that are still to be made."""
    groups = multiplied(stores, settings)
    if not settings.standardised:
        groups = [group for group in groups if not is_at_hand(Factor(tuple(group)))]
    return device != "cpu" or any(uses_torch(device, n_multiplications(group)) for group in groups)


def multiplied(stores: Sequence[FeatureStore], settings: Fields) -> Sequence[Sequence[FeatureStore]]:
    """Group those stores that have a Gram matrix: each by itself, or all of which one matrix of theirs will do.

    That is where features are standardised, and no layer is treated apart from the others. Layers whose features are
    read have none.
    """
    stores = stores[regression_of(settings).n_read(settings) :]
    if not settings.standardised or settings.scaled or settings.keeps_layers_apart:
        return [[store] for store in stores]
    return [stores] if stores else []


def join(stores: Sequence[FeatureStore], grams: Sequence[Gram], fit: NDArray[np.int64], *, scaled: bool) -> Gram:
    """Return the Gram matrix of the features of several layers side by side.

    It lies in memory; what is derived from it is kept beside the first layer's.

    Parameters
    ----------
    stores, grams
        One entry a layer, of the same images in the same order.
    fit
        The images that a model is to be fitted on.
    scaled
        Whether each layer is divided by the mean variance of its components over these images: a layer then counts
        for what it holds, not for how many features it has and how large they are. No other image has a say.
    """
    total = np.zeros((grams[0].n_stimuli,) * 2, np.float32)
    for layer in grams:
        weight = layer_weight(layer, fit) if scaled else np.float32(1)
        for rows in blocks(len(total), _ROWS):
            total[rows] += weight * layer.rows(rows)
    keys = digest_of({"keys": [store.key for store in stores], "scaled": scaled})
    n_features = sum(layer.n_features for layer in grams)
    return Gram(grams[0].folder / f"joined-{keys[:16]}", total, key=keys, n_features=n_features)


def layer_weight(gram: Gram, fit: NDArray[np.int64]) -> np.float32:
    """Return one over the mean variance of the components of these images; nothing for a layer that never varies."""
    sums = [gram.rows(rows)[:, fit].sum(axis=1, dtype=np.float64) for rows in blocks(gram.n_stimuli, _ROWS)]
    # What centring on both sides takes from the trace is n times the mean of all entries.
    trace = gram.diagonal(fit).sum(dtype=np.float64) - np.concatenate(sums)[fit].mean()
    return np.float32((len(fit) - 1) / trace if trace > 0 else 0)


def view_of(kernels: Kernels, fit: NDArray[np.int64], algebra: Algebra = ON_CPU) -> View:
    """Fit components on the images `fit`, as the settings of the kernels ask for.

    Raises
    ------
    DataError, UsageError
        If there are too few images, or float32 does not show their components.
    """
    return view_within(kernels.settings, kernels.n_train, kernels.of(fit), fit, algebra)


def view_within(
    settings: Fields, n_train: int, grams: list[Any], fit: NDArray[np.int64], algebra: Algebra = ON_CPU
) -> View:
    """Fit components on the images `fit` of what `Kernels.of` has returned; the first `n_train` may be fitted on.

    Raises
    ------
    DataError, UsageError
        As `view_of`.
    """
    components = [fitted_on(kernel, fit, settings.n_components, algebra) for kernel in grams]
    if settings.join == "components":
        components = [stack(components, scaled=settings.scaled)]
    inner = regression_of(settings).make_inner_folds(settings, n_train, grams, fit, algebra)
    return View(grams, components, inner, algebra)


def fits_together(settings: Fields, n_fit: int, n_vertices: int) -> int:
    """Return how many fits may be in memory together: their components, and their coefficients of a hemisphere."""
    regression = regression_of(settings)
    if regression.one_at_a_time:
        return 1
    if regression.reads_features:
        # What they have in common is computed once, and is nearly all of the work; with inner folds each is many fits.
        return _BLENDED if regression.n_inner_folds(settings) else sys.maxsize
    n_components = (settings.n_components or n_fit) * (len(settings.features) if settings.join == "components" else 1)
    return max(1, FITS_BYTES // (4 * n_components * (n_fit * (1 + regression.n_inner_folds(settings)) + n_vertices)))
