"""The Gram matrix of a feature store: every inner product between two images, in one pass over the features, or few.

With X the n x d features less the mean of the images, K = X Xᵀ holds all that a linear model of the images can know.
Taking a mean away shifts the cloud of images as a whole: whatever centres again on its own rows, as every fold of PCA
or ridge does, is unaffected, and rounding is relative to differences between images instead of to their common mean.
An image far from all others has no say in that mean, which it would pull away from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, publishing_rows
from algocli.compute.budget import check_disk
from algocli.compute.caches import filling
from algocli.compute.lock import hold
from algocli.compute.track import Track, silent
from algocli.compute.vouching import write_sealed
from algocli.dataset.vouched import was_written
from algocli.errors import DataError
from algocli.features.algebra import Algebra, algebra_on
from algocli.features.store.columns import column_passes, inverse_spread
from algocli.features.store.keys import digest_of
from algocli.features.store.matrices import DIGEST, Gram, is_as_recorded, is_recorded
from algocli.features.store.readable import Readable
from algocli.features.store.tiles import Place, Tiles, groups, zeros

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# Large enough for the matrix product to run at full speed, small enough to waste little above the diagonal.
TILE_ROWS = 1024
# Columns that a thread standardises at once: 20 MB in float64 at the challenge's size.
_STANDARDISED_COLUMNS = 256
# Those that a thread shifts at once: by columns all of the work is shared, where by rows the mean of each would not be.
_SHIFTED_COLUMNS = 1024
# So many times farther from the middle than half of all images, an image is left out of means; of fewer images than
# these, none is.
FAR, FEWEST = 10.0, 8
# Images of whose features the middle is found.
_MIDDLE_ROWS = 64
# Where what is derived from another cache's matrix is kept.
LENT = "lent"


def gram(store: Readable, *, device: str = "cpu", track: Track = silent) -> Gram:
    """Return the store's Gram matrix, computed on first use.

    Float32 products within a block of columns, float64 sums over blocks. In memory are one block of columns and half
    of n² float64 numbers, or as many of these as `tiles.GROUP_BYTES` takes: then there is a pass over the columns for
    each group of them, the others wait on the disk, and the result is the same to the last bit.

    Parameters
    ----------
    device
        Where products are multiplied; another changes no more than the last bits. On one machine a device always
        gives the same bits, whichever command asks.

    Raises
    ------
    DataError
        If the features are damaged, not finite, or too large.
    StorageError
        If the result cannot be written.
    """
    lent = store.place / "gram"
    if store.is_borrowed and is_recorded(lent, store.key) and is_as_recorded(lent, store.n_stimuli, store.cache_dir):
        return Gram(store.folder / LENT, key=store.key, place=lent, n_features=store.n_features)
    return _made(store.folder / "gram", store.key, [store], None, device, track)


def standardised_gram(
    stores: Sequence[Readable],
    rows: NDArray[np.int64],
    *,
    device: str = "cpu",
    track: Track = silent,
) -> Gram:
    """Return the Gram matrix of the standardised features of one or several stores, side by side.

    Every feature is divided by its standard deviation over the images `rows`; one that never varies among them
    counts for nothing. What is divided by cannot be had from another Gram matrix, so that each set of images has a
    pass over the features of its own, and is kept like `gram`'s, beside the first store.

    Parameters
    ----------
    stores
        Of the same images in the same order; where some lack the last ones, these are left out of all.
    rows : (n_rows,)
        The images that a model is to be fitted on: no other has a say in what is divided by.
    device, track
        As for `gram`.

    Raises
    ------
    DataError, StorageError
        As `gram`.
    """
    fitted = hashlib.sha256(np.ascontiguousarray(rows, dtype=np.int64).tobytes()).hexdigest()
    key = digest_of({"keys": [store.key for store in stores], "standardised": fitted})
    return _made(stores[0].folder / "standardised" / key[:16], key, stores, rows, device, track)


def _made(
    folder: Path,
    key: str,
    stores: Sequence[Readable],
    standard: NDArray[np.int64] | None,
    device: str,
    track: Track,
) -> Gram:
    """Open the Gram matrix that a folder holds under this key, computing it where there is none."""
    with filling(stores[0].cache_dir), hold(folder / "lock"):
        if not (is_recorded(folder, key) and is_as_recorded(folder, _n_shared(stores), stores[0].cache_dir)):
            algebra = algebra_on(device, n_multiplications(stores))
            with closing(_accumulate(stores, standard, algebra, track, folder)) as tiles:
                digest = _save(folder / "matrix.npy", tiles, _n_shared(stores))
            was_written(folder / "matrix.npy", digest, stores[0].cache_dir)
            write_sealed(folder / "record.json", {"key": key, "products": algebra.provenance, DIGEST: digest})
    return Gram(folder, key=key, n_features=sum(store.n_features for store in stores))


def is_made(store: Readable) -> bool:
    """Say whether a store's own Gram matrix is there already."""
    return any(is_recorded(folder / "gram", store.key) for folder in (store.place, store.folder))


def n_multiplications(stores: Sequence[Readable]) -> float:
    """Return how many multiplications a Gram matrix of these stores, side by side, takes: half of all, by symmetry."""
    return float(_n_shared(stores)) ** 2 * sum(store.n_features for store in stores) / 2


def _accumulate(
    stores: Sequence[Readable], standard: NDArray[np.int64] | None, algebra: Algebra, track: Track, folder: Path
) -> Tiles:
    """Return the tiles (i, j) on and below the diagonal, float64; the rest follows from symmetry."""
    n_stimuli = _n_shared(stores)
    tiles = Tiles(blocks(n_stimuli, TILE_ROWS), folder)
    try:
        parts = groups(tiles.rows)
        if len(parts) > 1:
            # Half of it in float64, and then all of it in float32.
            check_disk(2 * 4 * n_stimuli**2, folder, remedy="name another cache_dir=..., or free some space")
        label = f"subject {stores[0].subject}: {'Gram' if standard is None else 'standardised Gram'} matrix"
        for number, group in enumerate(parts, start=1):
            part = f"{label}, part {number} of {len(parts)}" if len(parts) > 1 else label
            tiles.add(_products(stores, standard, algebra, tiles.rows[: group[-1] + 1], group, part, track))
        _refuse_unusable(stores, tiles)
        _centre(tiles)
    except BaseException:
        tiles.close()
        raise
    return tiles


def _products(
    stores: Sequence[Readable],
    standard: NDArray[np.int64] | None,
    algebra: Algebra,
    rows: Sequence[slice],
    group: range,
    label: str,
    track: Track,
) -> dict[Place, NDArray[np.float64]]:
    """Return the tiles of a group, which needs the products of the images in `rows`, in one pass over the features."""
    tiles = zeros(rows, group)
    # What is divided by may be of any image, and what is shifted by is of the first.
    n_rows = _n_shared(stores) if standard is not None else max(rows[-1].stop, stores[0].rows_per_shard)
    for _, block, pool in column_passes(stores, min(n_rows, _n_shared(stores)), label, track):
        # What is not finite is told once, by whoever asks, and not by numpy for every tile.
        with np.errstate(over="ignore", invalid="ignore"):
            _shift(block, stores[0].rows_per_shard, pool)
            if standard is not None:
                _standardise(block, standard, pool)
            algebra.add_products([block[part] for part in rows], tiles)
    return tiles


def _shift(block: NDArray[np.float32], n_together: int, pool: ThreadPoolExecutor) -> None:
    """Take the mean of the first rows, but for those far from the others, away from a block of columns.

    That is near the mean of all, which `_centre` takes away exactly, and needs no second pass over the block.
    """
    first, columns = block[:n_together], blocks(block.shape[1], _SHIFTED_COLUMNS)

    def distances(some: slice) -> NDArray[np.float64]:
        with np.errstate(over="ignore", invalid="ignore"):
            return _squared_distances(first[:, some])

    near = _are_near(np.sum(list(pool.map(distances, columns)), axis=0))

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


def _are_near(squared_distances: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which images, (n_images,), lie where most of them do; what is no number is left to whoever refuses it."""
    if len(squared_distances) < FEWEST:
        return np.ones(len(squared_distances), np.bool_)
    near: NDArray[np.bool_] = ~(squared_distances > FAR**2 * np.median(squared_distances))
    return near


def _standardise(block: NDArray[np.float32], rows: NDArray[np.int64], pool: ThreadPoolExecutor) -> None:
    """Divide each column by its standard deviation over some rows, or make it nothing where it never varies there."""

    def divide(columns: slice) -> None:
        part = block[:, columns]
        with np.errstate(over="ignore", invalid="ignore"):
            part *= inverse_spread(part[rows]).astype(np.float32)

    list(pool.map(divide, blocks(block.shape[1], _STANDARDISED_COLUMNS)))


def _refuse_unusable(stores: Sequence[Readable], tiles: Tiles) -> None:
    # No product of two images is larger than that of the larger one with itself: the diagonal speaks for all.
    if (tiles.diagonal() <= np.finfo(np.float32).max).all():
        return
    for store in stores:
        if not all(np.isfinite(store.read(slice(None), columns)).all() for columns in store.column_blocks()):
            raise DataError(f"{store.folder} holds features that are not finite", hint="algocli cache verify")
    where, remedy = " or ".join(str(store.folder) for store in stores), "scale them down, or choose another layer"
    raise DataError(f"{where} holds features too large for their products to be float32", hint=remedy)


def _centre(tiles: Tiles) -> None:
    """Make of the products of shifted features those of features less the mean of all images that are near it."""
    rows, near = tiles.rows, _are_near(tiles.diagonal())
    means, weights = np.zeros(len(near)), near / near.sum()
    for (i, j), tile in tiles.items():
        means[rows[i]] += tile @ weights[rows[j]]
        if i != j:
            means[rows[j]] += weights[rows[i]] @ tile
    # (x - m)(y - m) = xy - xm - ym + mm, where xm is the mean of a row of products and mm that of all such means.
    means -= (means @ weights) / 2
    tiles.take_away(means)


def _n_shared(stores: Sequence[Readable]) -> int:
    """Count the images that all stores have."""
    return min(store.n_stimuli for store in stores)


def _save(path: Path, tiles: Tiles, n_stimuli: int) -> str:
    """Write the whole matrix as a .npy file, float32, one block of rows at a time, and return its sha256."""
    digest = hashlib.sha256()
    with publishing_rows(path, (n_stimuli, n_stimuli), digest=digest) as write:
        for i in range(len(tiles.rows)):
            write(tiles.block(i))
    return digest.hexdigest()
