"""A store column by column, as whatever looks at all images at once reads it: a block in float32, by all cores."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.features.store.readable import Readable

_EVERY_HALF = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


def read_columns(store: Readable, columns: slice, block: NDArray[np.float32], pool: ThreadPoolExecutor) -> None:
    """Fill `block`, (n_stimuli, n_columns), with some columns of a store's first images.

    Raises
    ------
    DataError
        If the store is damaged.
    """

    def read(rows: slice) -> None:
        _widen(store.read(rows, columns), block[rows])

    # Decompressing and widening cost as much as a tenth of a Gram matrix: use all cores.
    list(pool.map(read, blocks(len(block), store.rows_per_shard)))


def inverse_spread(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one over the standard deviation of each column, (n_columns,); nothing where it never varies."""
    spread: NDArray[np.float64] = features.std(axis=0, dtype=np.float64)
    # Rounding gives equal numbers a spread, and dividing by it would make a feature of nothing a large one.
    varies = features.max(axis=0) != features.min(axis=0)
    inverse: NDArray[np.float64] = np.divide(1, spread, out=np.zeros_like(spread), where=varies)
    return inverse


def _widen(features: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Copy features of any precision to float32."""
    if features.dtype == np.float16:
        # numpy converts half floats one by one in plain code; there are few enough of them to look each up.
        np.take(_EVERY_HALF, features.view(np.uint16), out=out, mode="clip")
    else:
        out[:] = features
