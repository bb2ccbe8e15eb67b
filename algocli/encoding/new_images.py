"""Scores of images that are no subject's own, from their features: by axes that are kept, or by the stores themselves.

Whatever components are made of, the scores are a linear function of an image's inner products with the stored images,
all less the mean of those that the components were fitted on, whatever the Gram matrix itself is centred on: a new
image needs no more than a row of such products, and scores of unit rows tell the function itself.
Axes are that function of the features. They are quick, and small as long as components are few; of thousands of
components they would outgrow the features that they are made of, and then each image is compared with all stored ones
instead. The scores are the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_disk
from algocli.compute.track import Track, silent
from algocli.encoding.kernels import Kernels, view_of
from algocli.encoding.regressions.view import View
from algocli.encoding.stacked import StackedComponents
from algocli.encoding.stored import AsStored, Beside, ByFeatures
from algocli.errors import DataError
from algocli.features.axes import Standard, load_axes, make_axes, multiply_stored, save_axes
from algocli.features.store.matrices import Gram
from algocli.features.store.shards import FeatureStore

# Rows that are scored at once: 40 MB at the challenge's size.
_ROWS = 1024
# Beside so long a row, what components take away from every row is lost in its last digit; a power of two divides
# exactly.
_LONG = np.float32(2**40)
# What the axes of one model may take, on disk and in memory while they are made: a thousand components of 46,656
# features are 187 MB.
AXES_BYTES = 2**29


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
    def rows(self) -> NDArray[np.int64]:
        """The fitted images, (n_fit,)."""
        rows: NDArray[np.int64] = self.view.components[0].fit
        return rows

    @property
    def n_components(self) -> tuple[int, ...]:
        """How many components there are: one entry a layer that has its own, or a single one."""
        return tuple(len(components.variances) for components in self.view.components)

    @property
    def n_read(self) -> int:
        """How many layers score images by their features as they are; they come first, and others by products."""
        return sum(isinstance(components, AsStored) for components in self.view.components)

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns of scores each entry of `view.components` has."""
        read, others = self.view.components[: self.n_read], self.n_components[self.n_read :]
        return (*(layer.features.store.n_features for layer in read), *others)

    def for_scores(self) -> Fit:
        """Return this without what only the fitting of a model needs."""
        return replace(self, view=replace(self.view, inner=[]))

    def by_products(self) -> Fit:
        """Return this without the layers whose features score images as they are."""
        return replace(self, view=replace(self.view, components=self.view.components[self.n_read :]))

    def score(self, products: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Score images by each layer's inner products with the stored ones, all less the fitted images' mean.

        Parameters
        ----------
        products : (n_images, n_stimuli) each

        Returns
        -------
        (n_images, n_components) float32, the components of all layers side by side
        """
        return self._project([_combine(weights, products) for weights in self.weights])

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
        return [_combine(weights, matrices) for weights in self.weights.T], constant

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
    view = replace(view.without_kernels(), components=[_about_their_mean(layer) for layer in view.components])
    return Fit(view, kernels.weights(fit), standard)


def _about_their_mean(components: Any) -> Any:
    """Return components for products of features less the fitted images' mean: nothing is left to take from these."""
    if isinstance(components, AsStored):
        return components
    if isinstance(components, StackedComponents):
        return replace(components, layers=tuple(_about_their_mean(layer) for layer in components.layers))
    return replace(components, column_means=np.zeros_like(components.column_means))


@dataclass(frozen=True)
class ByStores:
    """Scores by inner products with every stored image: a pass over each store whenever it is asked."""

    stores: Sequence[FeatureStore]
    fits: Sequence[Fit]
    track: Track = silent

    def score(self, features: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Read the stores and score: one array a fit, (n_images, n_components), of features (n_images, n_features)."""
        rows, standards = [fit.rows for fit in self.fits], [fit.standard for fit in self.fits]
        products = [
            multiply_stored(store, values, rows, standards, self.track)
            for store, values in zip(self.stores, features, strict=True)
        ]
        return [fit.score([layer[number] for layer in products]) for number, fit in enumerate(self.fits)]


@dataclass(frozen=True)
class LayerAxes:
    """The file of a layer's axes for one fit, and which of the components they are the layer's part of."""

    path: Path
    columns: NDArray[np.int64]


@dataclass(frozen=True)
class ByAxes:
    """Scores by axes that are kept on disk.

    Attributes
    ----------
    layers
        For each fit, one entry a layer.
    constants : (n_components,) each
        What every image's scores begin with, one entry a fit.
    """

    layers: Sequence[Sequence[LayerAxes]]
    constants: Sequence[NDArray[np.float32]]

    def score(self, features: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Load the axes one by one and score: one array a fit, (n_images, n_components)."""
        all_scores = []
        for layers, constant in zip(self.layers, self.constants, strict=True):
            scores = np.tile(constant, (len(features[0]), 1))
            for layer, values in zip(layers, features, strict=True):
                axes = load_axes(layer.path)
                if axes is None:
                    raise DataError(f"{layer.path} is missing or damaged", hint="repeat the command: it is made again")
                scores[:, layer.columns] += axes.multiply(values)
            all_scores.append(scores)
        return all_scores

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` makes the same of again, by names."""
        arrays: dict[str, NDArray[Any]] = {}
        for fit, (layers, constant) in enumerate(zip(self.layers, self.constants, strict=True)):
            arrays[f"constant-{fit}"] = constant
            for number, layer in enumerate(layers):
                arrays[f"axes-{fit}-{number}"] = np.array(layer.path.name)
                arrays[f"columns-{fit}-{number}"] = layer.columns
        return arrays

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], stores: Sequence[FeatureStore]) -> ByAxes | None:
        """Return what was kept; None where a file of axes is gone or damaged."""
        fits = range(sum(name.startswith("constant-") for name in arrays))
        layers = [
            [
                LayerAxes(_home(store) / str(arrays[f"axes-{fit}-{number}"]), arrays[f"columns-{fit}-{number}"])
                for number, store in enumerate(stores)
            ]
            for fit in fits
        ]
        if any(load_axes(layer.path) is None for some in layers for layer in some):
            return None
        return ByAxes(layers, [arrays[f"constant-{fit}"] for fit in fits])


Scorer = ByStores | ByAxes | ByFeatures | Beside


def axes_bytes(stores: Sequence[FeatureStore], fits: Sequence[Fit]) -> int:
    """Return what the axes of a model take."""
    widths = np.array([store.n_features for store in stores])
    # Layers that have components of their own have no part in those of others.
    apart = [fit.n_components if len(fit.n_components) == len(stores) else sum(fit.n_components) for fit in fits]
    return int(4 * sum((widths * n_components).sum() for n_components in apart))


def keep_axes(stores: Sequence[FeatureStore], fits: Sequence[Fit], track: Track = silent) -> ByAxes:
    """Make the axes of a model, those that are not kept already, in one pass over each store.

    Raises
    ------
    DataError
        If a store is damaged.
    StorageError
        If the disk is full or may not be written.
    """
    check_disk(axes_bytes(stores, fits), stores[0].folder, remedy="free some space; or train with fewer components")
    functions = [fit.coefficients(stores[0].n_stimuli) for fit in fits]
    per_layer = [
        _keep(store, [matrices[number] for matrices, _ in functions], fits, track)
        for number, store in enumerate(stores)
    ]
    return ByAxes(list(zip(*per_layer, strict=True)), [constant for _, constant in functions])


def _keep(
    store: FeatureStore, matrices: Sequence[NDArray[np.float32]], fits: Sequence[Fit], track: Track
) -> list[LayerAxes]:
    """Keep one layer's axes for every fit."""
    # What a layer has no part in, as the components of another, needs no axis.
    columns = [np.flatnonzero(matrix.any(axis=0)) for matrix in matrices]
    parts = [np.ascontiguousarray(matrix[:, some]) for matrix, some in zip(matrices, columns, strict=True)]
    paths = [_home(store) / _name(store, part, fit) for part, fit in zip(parts, fits, strict=True)]
    missing = [number for number, path in enumerate(paths) if load_axes(path) is None]
    if missing:
        chosen = [fits[n] for n in missing]
        made = make_axes(
            store, [parts[n] for n in missing], [fit.rows for fit in chosen], [fit.standard for fit in chosen], track
        )
        for number, axes in zip(missing, made, strict=True):
            save_axes(paths[number], axes)
    return [LayerAxes(path, some) for path, some in zip(paths, columns, strict=True)]


def _home(store: FeatureStore) -> Path:
    return store.folder / "axes"


def _name(store: FeatureStore, part: NDArray[np.float32], fit: Fit) -> str:
    """Name axes by all that they are made from: components found anew, or of other images, never have the same."""
    total = hashlib.sha256(store.key.encode())
    total.update(part.data)
    # Before, axes were less the mean of all images, and a run's constant made up for it.
    total.update(b"less the mean of" + np.ascontiguousarray(fit.rows).data)
    if fit.standard is not None:
        total.update(np.ascontiguousarray(fit.standard).data)
    return f"{total.hexdigest()[:16]}-{part.shape[1]:05d}.npz"
