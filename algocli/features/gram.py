"""The Gram matrix of a feature store: every inner product between two images, in one pass over the features.

With X the n x d features less their mean over all images, K = X Xᵀ holds all that a linear model of the images
can know. Taking the mean away shifts the cloud of images as a whole: whatever centres again on its own rows, as
every fold of PCA or ridge does, is unaffected, and rounding is relative to differences between images instead of
to their common mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from algocli.compute.files import publish, read_json, write_json
from algocli.compute.lock import hold
from algocli.compute.track import Track, silent
from algocli.errors import DataError
from algocli.features.store import FeatureStore

# Large enough for the matrix product to run at full speed, small enough to waste little above the diagonal.
TILE_ROWS = 1024


class Gram:
    """The Gram matrix of one store, on disk, beside it: symmetric, n_stimuli x n_stimuli, float32."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._matrix = _open(folder / "matrix.npy")
        self.n_stimuli = len(self._matrix)

    def block(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return K[rows, columns] as a fresh float32 array, (len(rows), len(columns))."""
        block = np.empty((len(rows), len(columns)), np.float32)
        for start in range(0, len(rows), TILE_ROWS):
            part = rows[start : start + TILE_ROWS]
            np.take(self._matrix[part], columns, axis=1, out=block[start : start + len(part)])
        return block


def gram(store: FeatureStore, *, track: Track = silent) -> Gram:
    """Return the store's Gram matrix, computed on first use.

    One pass over column blocks: float32 products within a block, float64 sums over blocks. At most n² float64
    numbers and one block of columns are in memory.

    Raises
    ------
    DataError
        If the features are damaged, not finite, or too large.
    StorageError
        If the result cannot be written.
    """
    folder = store.folder / "gram"
    with hold(folder / "lock"):
        if not _is_made(folder, store.key):
            matrix = _accumulate(store, track)
            publish(folder / "matrix.npy", lambda stream: np.save(stream, matrix))
            write_json(folder / "record.json", {"key": store.key})
    return Gram(folder)


def _is_made(folder: Path, key: str) -> bool:
    return (folder / "record.json").is_file() and read_json(folder / "record.json").get("key") == key


def _accumulate(store: FeatureStore, track: Track) -> NDArray[np.float32]:
    total = np.zeros((store.n_stimuli, store.n_stimuli), np.float64)
    blocks = store.column_blocks()
    features = np.empty((store.n_stimuli, blocks[0].stop), np.float32)
    product = np.empty((TILE_ROWS, TILE_ROWS), np.float32)
    for columns in track(blocks, total=len(blocks), label=f"subject {store.subject}: Gram matrix", unit="blocks"):
        block = features[:, : columns.stop - columns.start]
        _read_centred(store, columns, block)
        for rows, others in _lower_tiles(store.n_stimuli):
            tile = product[: rows.stop - rows.start, : others.stop - others.start]
            # An overflow is told once, below, and not by numpy for every tile.
            with np.errstate(over="ignore", invalid="ignore"):
                np.matmul(block[rows], block[others].T, out=tile)
                total[rows, others] += tile
    # No product of two images is larger than that of the larger one with itself: the diagonal speaks for all.
    if not (np.diagonal(total) <= np.finfo(np.float32).max).all():
        raise DataError(
            f"{store.folder} holds features too large for their products to be float32",
            hint="scale them down, or choose another layer",
        )
    return _symmetric(total)


def _read_centred(store: FeatureStore, columns: slice, block: NDArray[np.float32]) -> None:
    """Fill `block` with a block of columns less their mean."""

    def read(rows: slice) -> NDArray[np.float64]:
        # Decompressing and converting from float16 cost as much as a tenth of the product: use both cores.
        block[rows] = store.read(rows, columns)
        sums: NDArray[np.float64] = block[rows].sum(axis=0, dtype=np.float64)
        return sums

    with ThreadPoolExecutor() as pool:
        sums = sum(pool.map(read, [slice(shard.start, shard.stop) for shard in store.shards]))
        mean = np.asarray(sums / store.n_stimuli)
        if not np.isfinite(mean).all():
            raise DataError(f"{store.folder} holds features that are not finite", hint="algocli cache verify")
        shift = mean.astype(np.float32)
        list(pool.map(lambda rows: np.subtract(block[rows], shift, out=block[rows]), _row_blocks(len(block))))


def _row_blocks(n_rows: int) -> list[slice]:
    return [slice(start, min(start + TILE_ROWS, n_rows)) for start in range(0, n_rows, TILE_ROWS)]


def _lower_tiles(n_rows: int) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles on and below the diagonal: the rest follows from symmetry."""
    for i, rows in enumerate(_row_blocks(n_rows)):
        for others in _row_blocks(n_rows)[: i + 1]:
            yield rows, others


def _symmetric(lower: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the whole matrix in float32 from the tiles on and below the diagonal."""
    whole = np.empty(lower.shape, np.float32)
    for rows, others in _lower_tiles(len(lower)):
        whole[rows, others] = lower[rows, others]
        # On the diagonal this makes symmetric to the last bit what the matrix product left a rounding apart.
        whole[others, rows] = whole[rows, others].T
    return whole


def _open(path: Path) -> NDArray[Any]:
    try:
        return cast("NDArray[Any]", np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged", hint="delete its folder and train again") from error
