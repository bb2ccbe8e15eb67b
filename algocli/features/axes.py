"""What new images have in common with stored ones, of which one pass over a feature store tells everything.

The inner products of new features x with the stored ones X, times some coefficients C, can be had in two ways:
(x Xᵀ) C asks the store anew for every x, x (Xᵀ C) asks it once, for axes that any x can be multiplied by later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, keep, read_kept
from algocli.compute.track import Track, silent
from algocli.features.store.columns import column_passes, inverse_spread
from algocli.features.store.shards import FeatureStore

# Columns that a thread treats at once: 20 MB in float64 at the challenge's size.
_COLUMNS = 256
# The images whose spread features are divided by; None leaves features as they are.
Standard = NDArray[np.int64] | None


@dataclass(frozen=True)
class Axes:
    """Directions in the space of a layer's features.

    Attributes
    ----------
    mean : (n_features,) float32
        Over the images that the components were fitted on: others have no say.
    vectors : (n_features, n_axes) float32
    """

    mean: NDArray[np.float32]
    vectors: NDArray[np.float32]

    def multiply(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Return what images have along the axes, (n_images, n_axes), from their features, (n_images, n_features)."""
        centred: NDArray[np.float32] = features.astype(np.float32) - self.mean
        return centred @ self.vectors


def make_axes(
    store: FeatureStore,
    coefficients: Sequence[NDArray[np.float32]],
    fits: Sequence[NDArray[np.int64]],
    standards: Sequence[Standard],
    track: Track = silent,
) -> list[Axes]:
    """Combine the stored images into axes, for several sets of coefficients in one pass.

    Parameters
    ----------
    coefficients : (n_stimuli, n_axes) each
        How much of each image an axis has.
    fits
        The images, one set for each, whose mean features are taken away.
    standards
        One for each set: where features are standardised, over which images.

    Returns
    -------
    One entry a set: X D² times its coefficients, where D standardises; so inner products of axes with new features
    are those of standardised features with each other.

    Raises
    ------
    DataError
        If the store is damaged.
    """
    all_axes = [
        Axes(np.empty(store.n_features, np.float32), np.empty((store.n_features, some.shape[1]), np.float32))
        for some in coefficients
    ]
    for columns, block, mean in _read(store, fits[0], track):
        for axes, some, fit, standard in zip(all_axes, coefficients, fits, standards, strict=True):
            offset = _means(block, fit)
            axes.mean[columns] = mean + offset
            np.matmul(block.T, some, out=axes.vectors[columns])
            # As if the block had been taken less its mean over these images.
            axes.vectors[columns] -= offset[:, None] * some.sum(axis=0)
            if standard is not None:
                axes.vectors[columns] *= _inverse_variance(block, standard)[:, None]
    return all_axes


def multiply_stored(
    store: FeatureStore,
    features: NDArray[Any],
    fits: Sequence[NDArray[np.int64]],
    standards: Sequence[Standard],
    track: Track = silent,
) -> list[NDArray[np.float32]]:
    """Multiply new images by all stored ones, as the Gram matrix does with stored ones, in one pass.

    Parameters
    ----------
    features : (n_images, n_features)
    fits
        The images whose mean features are taken away; one set, or several at once.
    standards
        One for each set: where features are standardised, over which images.

    Returns
    -------
    One entry a set, (n_images, n_stimuli)

    Raises
    ------
    DataError
        If the store is damaged.
    """
    totals = [np.zeros((len(features), store.n_stimuli)) for _ in fits]
    for columns, block, mean in _read(store, fits[0], track):
        shifted = features[:, columns].astype(np.float32) - mean
        # Features as they are have the same products for every set.
        plain = shifted @ block.T if any(standard is None for standard in standards) else None
        for total, fit, standard in zip(totals, fits, standards, strict=True):
            scale = np.float32(1) if standard is None else _inverse_variance(block, standard)
            # (x - o)(y - o) = xy - xo - oy + oo, where o is how far the set's mean is from what was taken away.
            offset = _means(block, fit)
            scaled = offset * scale
            total += (shifted * scale) @ block.T if plain is None else plain
            total += offset @ scaled - (shifted @ scaled)[:, None] - block @ scaled
    return [total.astype(np.float32) for total in totals]


def save_axes(path: Path, axes: Axes) -> None:
    """Keep axes in a file.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    keep(path, path.name, {"mean": axes.mean, "vectors": axes.vectors})


def load_axes(path: Path) -> Axes | None:
    """Return axes that were kept; None where they were not, or the file is damaged or of other axes."""
    # Their name tells all that they are made from.
    kept = read_kept(path, path.name)
    return None if kept is None else Axes(kept["mean"], kept["vectors"])


def _read(
    store: FeatureStore, fit: NDArray[np.int64], track: Track
) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float32]]]:
    """Yield blocks of columns, (n_stimuli, n_columns), less their means over some images, and these means."""
    label = f"subject {store.subject}: stored features"
    for columns, block, pool in column_passes([store], store.n_stimuli, label, track):
        yield columns, block, _centre(block, fit, pool)


def _centre(block: NDArray[np.float32], fit: NDArray[np.int64], pool: ThreadPoolExecutor) -> NDArray[np.float32]:
    """Take the means of a block of columns over some images away, and return these."""
    mean = np.empty(block.shape[1], np.float32)

    def centre(part: slice) -> None:
        mean[part] = block[fit, part].mean(axis=0, dtype=np.float64)
        block[:, part] -= mean[part]

    list(pool.map(centre, blocks(len(mean), _COLUMNS)))
    return mean


def _means(block: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mean of each column over some rows, (n_columns,)."""
    means = np.empty(block.shape[1], np.float32)
    for part in blocks(block.shape[1], _COLUMNS):
        means[part] = block[rows, part].mean(axis=0, dtype=np.float64)
    return means


def _inverse_variance(block: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return one over the variance of each column over some rows, nothing where it never varies there."""
    inverse = np.zeros(block.shape[1], np.float32)
    for part in blocks(block.shape[1], _COLUMNS):
        inverse[part] = inverse_spread(block[rows, part]) ** 2
    return inverse
