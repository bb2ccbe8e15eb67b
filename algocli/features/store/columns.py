"""All columns of stores, a block at a time: for whatever looks at all images at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores
from algocli.compute.track import Track
from algocli.features.store.readable import Readable

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_EVERY_HALF = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


def column_passes(
    stores: Sequence[Readable], n_stimuli: int, label: str, track: Track, only: Sequence[int] | None = None
) -> Iterator[tuple[slice, NDArray[np.float32], ThreadPoolExecutor]]:
    """Read all columns of some stores' first images, a block at a time, as whatever looks at all images at once does.

    Parameters
    ----------
    only
        The numbers of the only blocks to read, from 0 on, rising; by default all.

    Yields
    ------
    The columns; the block, (n_stimuli, n_columns) in float32, which may be changed and is overwritten by the next; and
    the threads that read it, to work on it.

    Raises
    ------
    DataError
        If a store is damaged.
    """
    passes = _passes(stores)
    # As wide for some as for all: where a block's rows begin in memory has no say in its products then.
    whole = np.empty((n_stimuli, max(length(columns) for _, columns in passes)), np.float32)
    passes = passes if only is None else [passes[number] for number in only]
    from concurrent.futures import ThreadPoolExecutor

    # A few more than there are cores: some wait for the disk.
    with ThreadPoolExecutor(n_cores() + 4) as pool:
        for store, columns in track(passes, total=len(passes), label=label, unit="blocks"):
            block = whole[:, : length(columns)]
            _read_columns(store, columns, block, pool)
            yield columns, block, pool


def n_passes(stores: Sequence[Readable]) -> int:
    """Count the blocks of columns of some stores."""
    return len(_passes(stores))


def _passes(stores: Sequence[Readable]) -> list[tuple[Readable, slice]]:
    return [(store, columns) for store in stores for columns in store.column_blocks()]


def inverse_spread(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one over the standard deviation of each column, (n_columns,); nothing where it never varies."""
    spread: NDArray[np.float64] = features.std(axis=0, dtype=np.float64)
    # Rounding gives equal numbers a spread, and dividing by it would make a feature of nothing a large one.
    varies = features.max(axis=0) != features.min(axis=0)
    inverse: NDArray[np.float64] = np.divide(1, spread, out=np.zeros_like(spread), where=varies)
    return inverse


def _read_columns(store: Readable, columns: slice, block: NDArray[np.float32], pool: ThreadPoolExecutor) -> None:
    def read(rows: slice) -> None:
        widen(store.read(rows, columns), block[rows])

    # Decompressing and widening cost as much as a tenth of a Gram matrix: use all cores.
    list(pool.map(read, blocks(len(block), store.rows_per_shard)))


def widen(features: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Copy features of any precision to float32."""
    if features.dtype == np.float16:
        # numpy converts half floats one by one in plain code; there are few enough of them to look each up.
        np.take(_EVERY_HALF, features.view(np.uint16), out=out, mode="clip")
    else:
        out[:] = features
