"""All columns of stores, a block at a time: for whatever looks at all images at once."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores
from algocli.compute.threads import one_ahead
from algocli.compute.track import Track
from algocli.features.store.readable import Readable

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_Pass = tuple[Readable, slice]
_Run = tuple[Readable, list[slice]]
# Bytes that are read ahead. Where a shard has few images, to ask for one block of it costs more than to read it: of a
# thousand images with a shard for every sixteen, four blocks at once take half the time.
_AHEAD_BYTES = 2**26
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

    # A few more readers than there are cores: some wait for the disk. Who works on a block does not wait for what is
    # read of the next.
    with ThreadPoolExecutor(n_cores()) as pool, ThreadPoolExecutor(n_cores() + 4) as readers:
        each = _each(passes, whole, pool, readers)
        for columns, block in track(each, total=len(passes), label=label, unit="blocks"):
            yield columns, block, pool


def n_passes(stores: Sequence[Readable]) -> int:
    """Count the blocks of columns of some stores."""
    return len(_passes(stores))


def _passes(stores: Sequence[Readable]) -> list[_Pass]:
    return [(store, columns) for store in stores for columns in store.column_blocks()]


def inverse_spread(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one over the standard deviation of each column, (n_columns,); nothing where it never varies."""
    spread: NDArray[np.float64] = features.std(axis=0, dtype=np.float64)
    # Rounding gives equal numbers a spread, and dividing by it would make a feature of nothing a large one.
    varies = features.max(axis=0) != features.min(axis=0)
    inverse: NDArray[np.float64] = np.divide(1, spread, out=np.zeros_like(spread), where=varies)
    return inverse


def _each(
    passes: Sequence[_Pass], whole: NDArray[np.float32], pool: ThreadPoolExecutor, readers: ThreadPoolExecutor
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield columns and their block; what is small is read while the blocks before are in use."""

    def ahead(run: _Run) -> tuple[_Run, list[NDArray[Any]] | None]:
        return run, _read(run, len(whole), readers) if _n_bytes(run, len(whole)) <= _AHEAD_BYTES else None

    for run, held in one_ahead(map(ahead, _runs(passes, len(whole)))):
        for columns in run[1]:
            block = whole[:, : length(columns)]
            _fill(block, run, columns, held, readers if held is None else pool)
            yield columns, block


def _runs(passes: Sequence[_Pass], n_stimuli: int) -> Iterator[_Run]:
    """Yield blocks that are read together: neighbours of one store, as many as are small enough."""
    store, columns = passes[0][0], [passes[0][1]]
    for other, some in passes[1:]:
        follows = other is store and some.start == columns[-1].stop
        if follows and _n_bytes((store, [*columns, some]), n_stimuli) <= _AHEAD_BYTES:
            columns.append(some)
        else:
            yield store, columns
            store, columns = other, [some]
    yield store, columns


def _n_bytes(run: _Run, n_stimuli: int) -> int:
    store, columns = run
    return n_stimuli * int(columns[-1].stop - columns[0].start) * store.dtype.itemsize


def _read(run: _Run, n_stimuli: int, pool: ThreadPoolExecutor) -> list[NDArray[Any]]:
    """Return the features of a run of blocks, those of each shard by themselves."""
    store, columns = run
    whole = slice(columns[0].start, columns[-1].stop)
    return list(pool.map(lambda rows: _features(store, rows, whole), blocks(n_stimuli, store.rows_per_shard)))


def _features(store: Readable, rows: slice, columns: slice) -> NDArray[Any]:
    """Return features of a shard, or of the first of its rows: read, unless they are in memory still."""
    shard = store.at_hand.get(rows.start // store.rows_per_shard)
    return store.read(rows, columns) if shard is None else shard[: length(rows), columns]


def _fill(
    block: NDArray[np.float32],
    run: _Run,
    columns: slice,
    held: Sequence[NDArray[Any]] | None,
    pool: ThreadPoolExecutor,
) -> None:
    store, first = run[0], run[1][0].start
    rows, inside = blocks(len(block), store.rows_per_shard), slice(columns.start - first, columns.stop - first)

    def fill(shard: int) -> None:
        features = _features(store, rows[shard], columns) if held is None else held[shard][:, inside]
        widen(features, block[rows[shard]])

    # Decompressing and widening cost as much as a tenth of a Gram matrix: use all cores.
    list(pool.map(fill, range(len(rows))))


def widen(features: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Copy features of any precision to float32."""
    if features.dtype != np.float16:
        out[:] = features
    elif torch := sys.modules.get("torch"):
        # Three times as fast as what follows, to the same bits, and not worth loading for that.
        torch.from_numpy(out).copy_(torch.from_numpy(np.require(features, requirements="W")))
    else:
        # numpy converts half floats one by one in plain code; there are few enough of them to look each up.
        np.take(_EVERY_HALF, features.view(np.uint16), out=out, mode="clip")
