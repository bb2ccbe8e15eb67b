"""The Gram matrix of a feature store: every inner product between two images, in one pass over the features.

With X the n x d features less the mean of the images, K = X Xᵀ holds all that a linear model of the images can know.
Taking a mean away shifts the cloud of images as a whole: whatever centres again on its own rows, as every fold of PCA
or ridge does, is unaffected, and rounding is relative to differences between images instead of to their common mean.
An image far from all others has no say in that mean, which it would pull away from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.addresses import Address
from algocli.compute.arrays import blocks, length, publishing_rows
from algocli.compute.budget import check_disk
from algocli.compute.caches import filling
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.compute.vouching import write_sealed
from algocli.dataset.vouched import was_written
from algocli.errors import DataError
from algocli.features.algebra import Algebra, Tile, algebra_on
from algocli.features.store.column_products import ColumnProducts
from algocli.features.store.columns import column_passes, n_passes
from algocli.features.store.finite import refuse_unusable
from algocli.features.store.keys import digest_of
from algocli.features.store.matrices import DIGEST, Gram, is_as_recorded, is_recorded
from algocli.features.store.published import fetch, is_published, publish_matrix
from algocli.features.store.readable import Readable
from algocli.features.store.shifted import centre, shift_columns, standardise
from algocli.features.store.tiles import Tiles, groups, places, zeros

# Large enough for the matrix product to run at full speed, small enough to waste little above the diagonal.
TILE_ROWS = 1024
# Where what is derived from another cache's matrix is kept.
LENT = "lent"


def gram(store: Readable, *, device: str = "cpu", track: Track = silent, note: Note = unheard) -> Gram:
    """Return the store's Gram matrix, computed on first use, or copied from beside features that lie at an address.

    What is made of features at an address of this cache's own is left there, too.

    Float32 products within a block of columns, float64 sums over blocks. In memory are one block of columns and half
    of n² float64 numbers, or as many of these as `tiles.GROUP_BYTES` takes: then there is a pass over the columns for
    each group of them, the others wait on the disk, and the result is the same to the last bit.

    Parameters
    ----------
    device
        Where products are multiplied; another changes no more than the last bits. On one machine a device always
        gives the same bits, whichever command asks.
    note
        How to say that what lies at an address is damaged, or that nothing could be left there.

    Raises
    ------
    DataError
        If the features are damaged, not finite, or too large.
    StorageError
        If the result cannot be written.
    """
    # A matrix is mapped into memory, which none is that lies at an address.
    lent = store.place / "gram" if store.is_borrowed and isinstance(store.place, Path) else None
    if lent and is_recorded(lent, store.key) and is_as_recorded(lent, store.n_stimuli, store.cache_dir):
        return Gram(store.folder / LENT, key=store.key, place=lent, n_features=store.n_features)
    if isinstance(store.place, Address):
        return _made_or_fetched(store, device, track, note)
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
        if not _is_whole(folder, key, stores):
            _compute(folder, key, stores, standard, device, track)
    return Gram(folder, key=key, n_features=sum(store.n_features for store in stores))


def _made_or_fetched(store: Readable, device: str, track: Track, note: Note) -> Gram:
    """Do the same with that of features at an address, which may lie beside them, and does from then on."""
    folder = store.folder / "gram"
    with filling(store.cache_dir), hold(folder / "lock"):
        is_new = not _is_whole(folder, store.key, [store])
        if is_new and fetch(store, folder, track, note):
            ColumnProducts(folder, store.key).forget()
        else:
            if is_new:
                _compute(folder, store.key, [store], None, device, track)
            publish_matrix(store, folder, track, note, anew=is_new)
    return Gram(folder, key=store.key, n_features=store.n_features)


def _is_whole(folder: Path, key: str, stores: Sequence[Readable]) -> bool:
    """Say whether a folder holds the Gram matrix of this key, as its record vouches for it."""
    return is_recorded(folder, key) and is_as_recorded(folder, _n_shared(stores), stores[0].cache_dir)


def _compute(
    folder: Path,
    key: str,
    stores: Sequence[Readable],
    standard: NDArray[np.int64] | None,
    device: str,
    track: Track,
) -> None:
    """Compute a Gram matrix into a folder, and its record. Hold its lock."""
    kept = ColumnProducts(folder, key)
    with closing(Tiles(blocks(_n_shared(stores), TILE_ROWS), folder)) as tiles:
        made = _accumulate(stores, standard, kept, tiles, device, track)
        digest = _save(folder / "matrix.npy", tiles, _n_shared(stores))
    was_written(folder / "matrix.npy", digest, stores[0].cache_dir)
    # One machine's, unless blocks come from several.
    products = made[0] if len(made) == 1 else {"blocks": made}
    write_sealed(folder / "record.json", {"key": key, "products": products, DIGEST: digest})
    kept.forget()


def is_made(store: Readable) -> bool:
    """Say whether a store's own Gram matrix is there already."""
    places = [place for place in (store.place, store.folder) if isinstance(place, Path)]
    return any(is_recorded(folder / "gram", store.key) for folder in places)


def is_at_hand(store: Readable) -> bool:
    """Say whether it is there, or lies beside features at an address: nothing is left to multiply.

    Raises
    ------
    DiskFault
        If the server does not answer.
    """
    return is_made(store) or is_published(store)


def n_multiplications(stores: Sequence[Readable]) -> float:
    """Return how many multiplications a Gram matrix of these stores, side by side, takes: half of all, by symmetry."""
    return float(_n_shared(stores)) ** 2 * sum(store.n_features for store in stores) / 2


def blocks_left(store: Readable) -> list[int]:
    """Return the numbers of the column blocks whose products are neither kept nor in a matrix that is at hand."""
    if is_at_hand(store):
        return []
    kept = ColumnProducts(store.folder / "gram", store.key)
    return [number for number in range(n_passes([store])) if not kept.has(number)]


def multiply_block(store: Readable, number: int, *, device: str = "cpu") -> None:
    """Keep the products of one column block for `gram`, which adds up all of them; several processes may do so at once.

    In memory is the block alone.

    Parameters
    ----------
    number
        Which of the blocks, from 0 on.
    device
        As for `gram`.

    Raises
    ------
    DataError
        If the features are damaged.
    StorageError
        If the products cannot be written.
    """
    folder = store.folder / "gram"
    with filling(store.cache_dir), hold(folder / "lock", shared=True):
        kept = ColumnProducts(folder, store.key)
        if kept.has(number) or is_at_hand(store):
            return
        rows, algebra = blocks(store.n_stimuli, TILE_ROWS), algebra_on(device, n_multiplications([store]))
        tiles = places(rows)
        n_products = sum(length(rows[i]) * length(rows[j]) for i, j in tiles)
        for block in _prepared([store], None, [number], store.n_stimuli, "", silent):
            products = algebra.each_product([block[part] for part in rows], tiles)
            # What is not finite is told by whoever adds them up.
            with np.errstate(over="ignore", invalid="ignore"):
                kept.keep(number, products, n_products, algebra.provenance)


def _accumulate(
    stores: Sequence[Readable],
    standard: NDArray[np.int64] | None,
    kept: ColumnProducts,
    tiles: Tiles,
    device: str,
    track: Track,
) -> list[dict[str, Any]]:
    """Fill the tiles (i, j) on and below the diagonal, and return what multiplied; symmetry tells the rest.

    Products that are kept of a block are added when its turn comes.
    """
    parts, n_blocks = groups(tiles.rows), n_passes(stores)
    if len(parts) > 1:
        # Half of it in float64, and then all of it in float32.
        n_bytes = 2 * 4 * _n_shared(stores) ** 2
        check_disk(n_bytes, tiles.folder, remedy="name another cache_dir=..., or free some space")
    left = [number for number in range(n_blocks) if not kept.has(number)]
    made = [*kept.made([number for number in range(n_blocks) if number not in left])]
    algebra = algebra_on(device, n_multiplications(stores)) if left else None
    made += [algebra.provenance] if algebra else []
    label = f"subject {stores[0].subject}: {'Gram' if standard is None else 'standardised Gram'} matrix"
    for number, group in enumerate(parts, start=1):
        part = f"{label}, part {number} of {len(parts)}" if len(parts) > 1 else label
        n_rows = _n_needed(stores, tiles.rows[group[-1]].stop, standard)
        passes = _prepared(stores, standard, left, n_rows, part, track) if algebra else ()
        tiles.add(_sums(tiles.rows, group, kept, n_blocks, zip(left, passes, strict=True), algebra))
    try:
        refuse_unusable(stores, tiles)
    except DataError:
        # Whoever mends the features begins anew.
        kept.forget()
        raise
    centre(tiles)
    return [about for place, about in enumerate(made) if about not in made[:place]]


def _sums(
    rows: Sequence[slice],
    group: range,
    kept: ColumnProducts,
    n_blocks: int,
    passes: Iterable[tuple[int, NDArray[np.float32]]],
    algebra: Algebra | None,
) -> dict[Tile, NDArray[np.float64]]:
    """Return the tiles of a group, block of columns by block: of those that are kept, and of those that are read."""
    sums, n_added = zeros(rows, group), 0
    # What is not finite is told once, by whoever asks, and not by numpy for every tile.
    with np.errstate(over="ignore", invalid="ignore"):
        for number, block in passes:
            kept.add(range(n_added, number), sums, rows)
            if algebra:
                algebra.add_products([block[row] for row in rows[: group[-1] + 1]], sums)
            n_added = number + 1
        kept.add(range(n_added, n_blocks), sums, rows)
    return sums


def _n_needed(stores: Sequence[Readable], n_rows: int, standard: NDArray[np.int64] | None) -> int:
    """Count the images that are looked at for products of the first `n_rows`: by any they may be divided."""
    n_shared = _n_shared(stores)
    return n_shared if standard is not None else min(n_shared, max(n_rows, stores[0].rows_per_shard))


def _prepared(
    stores: Sequence[Readable],
    standard: NDArray[np.int64] | None,
    numbers: Sequence[int],
    n_rows: int,
    label: str,
    track: Track,
) -> Iterator[NDArray[np.float32]]:
    """Yield some blocks of columns, shifted, and standardised where asked for; the next overwrites the one before."""
    for _, block, pool in column_passes(stores, n_rows, label, track, numbers):
        with np.errstate(over="ignore", invalid="ignore"):
            shift_columns(block, stores[0].rows_per_shard, pool)
            if standard is not None:
                standardise(block, standard, pool)
        yield block


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
