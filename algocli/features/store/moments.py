"""The sum of each image's features, and of their squares: what the Gram matrix, which lost a mean, does not tell.

With them it tells how images correlate over features. They take one pass over the features, and are kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, keep, read_kept
from algocli.compute.caches import where_writable
from algocli.compute.cores import n_cores
from algocli.compute.threads import in_threads
from algocli.compute.track import Track, silent
from algocli.features.store.readable import Readable
from algocli.stats.similarity.distances import Moments


def moments(store: Readable, folder: Path, *, track: Track = silent) -> Moments:
    """Return the moments of every image's features, computed on first use.

    Parameters
    ----------
    folder
        Where they are kept: that of the store's Gram matrix, `Gram.folder`.

    Raises
    ------
    DataError
        If the features are damaged.
    StorageError
        If they cannot be kept.
    """
    path = folder / "moments.npz"
    kept = read_kept(path, store.key)
    if kept is None:
        parts = blocks(store.n_stimuli, store.rows_per_shard)
        sums = in_threads(lambda rows: _sums(store, rows), parts, n_threads=n_cores())
        label = f"subject {store.subject}: each image's sums"
        both = np.concatenate(list(track(sums, total=len(parts), label=label, unit="blocks")), axis=1)
        kept = {"sums": both[0], "squares": both[1]}
        with where_writable(folder):
            keep(path, store.key, kept)
    return Moments(kept["sums"], kept["squares"], store.n_features)


def _sums(store: Readable, rows: slice) -> NDArray[np.float64]:
    """Return the sums of some images' features, and of their squares, (2, n_rows)."""
    result = np.zeros((2, rows.stop - rows.start))
    for columns in store.column_blocks():
        block = store.read(rows, columns).astype(np.float64)
        result += block.sum(axis=1), np.einsum("ij,ij->i", block, block)
    return result
