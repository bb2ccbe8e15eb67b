"""The Gram matrix of a feature store: every inner product between two images, in one pass over the features.

With X the n x d features less the mean of the images, K = X Xᵀ holds all that a linear model of the images can know.
Taking a mean away shifts the cloud of images as a whole: whatever centres again on its own rows, as every fold of PCA
or ridge does, is unaffected, and rounding is relative to differences between images instead of to their common mean.
An image far from all others has no say in that mean, which it would pull away from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
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
from algocli.features.store.factor import Factor
from algocli.features.store.finite import refuse_unusable
from algocli.features.store.matrices import DIGEST, Gram, is_as_recorded, is_recorded
from algocli.features.store.published import fetch, is_published, publish_matrix
from algocli.features.store.readable import Readable
from algocli.features.store.shifted import centre
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
    return _made(Factor((store,)), device, track)


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
    return _made(Factor(tuple(stores), rows), device, track)


def _made(factor: Factor, device: str, track: Track) -> Gram:
    """Open the Gram matrix of a factor, computing it where there is none."""
    with filling(factor.cache_dir), hold(factor.folder / "lock"):
        if not _is_whole(factor):
            _compute(factor, device, track)
    return Gram(factor.folder, key=factor.key, n_features=factor.n_features)


def _made_or_fetched(store: Readable, device: str, track: Track, note: Note) -> Gram:
    """Do the same with that of features at an address, which may lie beside them, and does from then on."""
    factor = Factor((store,))
    with filling(store.cache_dir), hold(factor.folder / "lock"):
        is_new = not _is_whole(factor)
        if is_new and fetch(store, factor.folder, track, note):
            ColumnProducts(factor.folder, factor.key).forget()
        else:
            if is_new:
                _compute(factor, device, track)
            publish_matrix(store, factor.folder, track, note, anew=is_new)
    return Gram(factor.folder, key=factor.key, n_features=factor.n_features)


def _is_whole(factor: Factor) -> bool:
    """Say whether the Gram matrix of a factor is there, as its record vouches for it."""
    return is_recorded(factor.folder, factor.key) and is_as_recorded(factor.folder, factor.n_stimuli, factor.cache_dir)


def _compute(factor: Factor, device: str, track: Track) -> None:
    """Compute a Gram matrix into its folder, and its record. Hold its lock."""
    folder, kept = factor.folder, ColumnProducts(factor.folder, factor.key)
    with closing(Tiles(blocks(factor.n_stimuli, TILE_ROWS), folder)) as tiles:
        made = _accumulate(factor, kept, tiles, device, track)
        digest = _save(folder / "matrix.npy", tiles, factor.n_stimuli)
    was_written(folder / "matrix.npy", digest, factor.cache_dir)
    # One machine's, unless blocks come from several.
    products = made[0] if len(made) == 1 else {"blocks": made}
    write_sealed(folder / "record.json", {"key": factor.key, "products": products, DIGEST: digest})
    kept.forget()


def is_made(factor: Factor) -> bool:
    """Say whether a Gram matrix is there already, here or in the cache that lends its features."""
    folders = [factor.folder]
    if factor.standard is None and isinstance(factor.stores[0].place, Path):
        folders.append(factor.stores[0].place / "gram")
    return any(is_recorded(folder, factor.key) for folder in folders)


def is_at_hand(factor: Factor) -> bool:
    """Say whether it is there, or lies beside features at an address: nothing is left to multiply.

    Raises
    ------
    DiskFault
        If the server does not answer.
    """
    return is_made(factor) or (factor.standard is None and is_published(factor.stores[0]))


def blocks_left(factor: Factor) -> list[int]:
    """Return the numbers of the column blocks whose products are neither kept nor in a matrix that is at hand."""
    if is_at_hand(factor):
        return []
    kept = ColumnProducts(factor.folder, factor.key)
    return [number for number in range(factor.n_blocks) if not kept.has(number)]


def multiply_block(factor: Factor, number: int, *, device: str = "cpu") -> None:
    """Keep the products of one column block for whoever comes to the matrix itself, and adds up all of them.

    Several processes may do so at once. In memory is the block alone.

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
    with filling(factor.cache_dir), hold(factor.folder / "lock", shared=True):
        kept = ColumnProducts(factor.folder, factor.key)
        if kept.has(number) or is_at_hand(factor):
            return
        rows, algebra = blocks(factor.n_stimuli, TILE_ROWS), algebra_on(device, factor.n_multiplications)
        tiles = places(rows)
        n_products = sum(length(rows[i]) * length(rows[j]) for i, j in tiles)
        for block in factor.blocks([number], factor.n_stimuli, "", silent):
            products = algebra.each_product([block[part] for part in rows], tiles)
            # What is not finite is told by whoever adds them up.
            with np.errstate(over="ignore", invalid="ignore"):
                kept.keep(number, products, n_products, algebra.provenance)


def _accumulate(factor: Factor, kept: ColumnProducts, tiles: Tiles, device: str, track: Track) -> list[dict[str, Any]]:
    """Fill the tiles (i, j) on and below the diagonal, and return what multiplied; symmetry tells the rest.

    Products that are kept of a block are added when its turn comes.
    """
    parts, n_blocks = groups(tiles.rows), factor.n_blocks
    if len(parts) > 1:
        # Half of it in float64, and then all of it in float32.
        n_bytes = 2 * 4 * factor.n_stimuli**2
        check_disk(n_bytes, tiles.folder, remedy="name another cache_dir=..., or free some space")
    left = [number for number in range(n_blocks) if not kept.has(number)]
    made = [*kept.made([number for number in range(n_blocks) if number not in left])]
    algebra = algebra_on(device, factor.n_multiplications) if left else None
    made += [algebra.provenance] if algebra else []
    label = f"subject {factor.stores[0].subject}: {factor.title}"
    for number, group in enumerate(parts, start=1):
        part = f"{label}, part {number} of {len(parts)}" if len(parts) > 1 else label
        passes = factor.blocks(left, tiles.rows[group[-1]].stop, part, track) if algebra else ()
        tiles.add(_sums(tiles.rows, group, kept, n_blocks, zip(left, passes, strict=True), algebra))
    try:
        refuse_unusable(factor.stores, tiles)
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


def _save(path: Path, tiles: Tiles, n_stimuli: int) -> str:
    """Write the whole matrix as a .npy file, float32, one block of rows at a time, and return its sha256."""
    digest = hashlib.sha256()
    with publishing_rows(path, (n_stimuli, n_stimuli), digest=digest) as write:
        for i in range(len(tiles.rows)):
            write(tiles.block(i))
    return digest.hexdigest()
