"""A block of columns made ready to be multiplied with itself: shifted near its mean, and standardised where asked for.

An image far from all others has no say in a mean, which it would pull away from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.features.store.columns import inverse_spread

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from algocli.features.store.tiles import Tiles

# Columns that a thread standardises at once: 20 MB in float64 at the challenge's size.
_STANDARDISED_COLUMNS = 256
# Those that a thread shifts at once: by columns all of the work is shared, where by rows the mean of each would not be.
_SHIFTED_COLUMNS = 1024
# So many times farther from the middle than half of all images, an image is left out of means; of fewer images than
# these, none is.
FAR, FEWEST = 10.0, 8
# Images of whose features the middle is found.
_MIDDLE_ROWS = 64


def shift_columns(block: NDArray[np.float32], n_together: int, pool: ThreadPoolExecutor) -> None:
    """Take the mean of the first rows, but for those far from the others, away from a block of columns.

    That is near the mean of all, which `centre` takes away exactly, and needs no second pass over the block.
    """
    first, columns = block[:n_together], blocks(block.shape[1], _SHIFTED_COLUMNS)

    def distances(some: slice) -> NDArray[np.float64]:
        with np.errstate(over="ignore", invalid="ignore"):
            return _squared_distances(first[:, some])

    near = are_near(np.sum(list(pool.map(distances, columns)), axis=0))

    def shift(some: slice) -> None:
        # Each thread has its own way with warnings; what is not finite is told later, once.
        with np.errstate(over="ignore", invalid="ignore"):
            beginning = (first[:, some] if near.all() else first[near, some]).mean(axis=0, dtype=np.float64)
            block[:, some] -= beginning.astype(np.float32)

    list(pool.map(shift, columns))


def _squared_distances(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the squared distance of each image, (n_images,), from the middle of the first: no outlier moves that."""
    # The median: sorted side by side, in memory, so few numbers take an eighth of what numpy takes across its rows.
    first = np.sort(np.ascontiguousarray(features[:_MIDDLE_ROWS].T), axis=1)
    n = first.shape[1]
    middle = first[:, (n - 1) // 2 : n // 2 + 1].mean(axis=1)
    # A few rows at a time: a copy of all would be as large as a shard.
    parts = (features[part] - middle for part in blocks(len(features), _MIDDLE_ROWS))
    return np.concatenate([np.square(part, out=part).sum(axis=1, dtype=np.float64) for part in parts])


def are_near(squared_distances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which images, (n_images,), lie where most of them do; what is no number is left to whoever refuses it."""
    if len(squared_distances) < FEWEST:
        return np.ones(len(squared_distances), np.bool_)
    near: NDArray[np.bool_] = ~(squared_distances > FAR**2 * np.median(squared_distances))
    return near


def standardise(block: NDArray[np.float32], rows: NDArray[np.int64], pool: ThreadPoolExecutor) -> None:
    """Divide each column by its standard deviation over some rows, or make it nothing where it never varies there."""

    def divide(columns: slice) -> None:
        part = block[:, columns]
        with np.errstate(over="ignore", invalid="ignore"):
            part *= inverse_spread(part[rows]).astype(np.float32)

    list(pool.map(divide, blocks(block.shape[1], _STANDARDISED_COLUMNS)))


def centre(tiles: Tiles) -> None:
    """Make of the products of shifted features those of features less the mean of all images that are near it."""
    rows, near = tiles.rows, are_near(tiles.diagonal())
    means, weights = np.zeros(len(near)), near / near.sum()
    for (i, j), tile in tiles.items():
        means[rows[i]] += tile @ weights[rows[j]]
        if i != j:
            means[rows[j]] += weights[rows[i]] @ tile
    # (x - m)(y - m) = xy - xm - ym + mm, where xm is the mean of a row of products and mm that of all such means.
    means -= (means @ weights) / 2
    tiles.take_away(means)
