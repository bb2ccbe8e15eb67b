"""X of a Gram matrix K = X Xᵀ: features of stores side by side, standardised or as they are, block by block of columns.

What is made of it lies beside the first store, under a key that says what it was made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track
from algocli.features.store.columns import column_passes, n_passes
from algocli.features.store.keys import digest_of
from algocli.features.store.readable import Readable
from algocli.features.store.shifted import shift_columns, standardise


# Stores say how complete they are, which takes the disk, or a server.
@dataclass(frozen=True, eq=False, repr=False)
class Factor:
    """What a Gram matrix is multiplied from.

    Attributes
    ----------
    stores
        Of the same images in the same order; where some lack the last ones, these are left out of all. Features that
        are not standardised are one store's.
    standard : (n_rows,) or None
        The images over which every feature has a standard deviation of 1; None where features are as they are.
    """

    stores: tuple[Readable, ...]
    standard: NDArray[np.int64] | None = None

    @cached_property
    def key(self) -> str:
        """What tells the matrix from any other."""
        if self.standard is None:
            return self.stores[0].key
        rows = np.ascontiguousarray(self.standard, dtype=np.int64)
        fitted = hashlib.sha256(rows.tobytes()).hexdigest()
        return digest_of({"keys": [store.key for store in self.stores], "standardised": fitted})

    @property
    def folder(self) -> Path:
        """Where the matrix is kept, and what is kept for it meanwhile."""
        beside = self.stores[0].folder
        return beside / "gram" if self.standard is None else beside / "standardised" / self.key[:16]

    @property
    def cache_dir(self) -> Path:
        """The cache that it lies in."""
        return self.stores[0].cache_dir

    @property
    def title(self) -> str:
        """What a message calls the matrix."""
        return "Gram matrix" if self.standard is None else "standardised Gram matrix"

    @property
    def n_stimuli(self) -> int:
        """How many images all stores have."""
        return min(store.n_stimuli for store in self.stores)

    @property
    def n_features(self) -> int:
        """How many columns there are."""
        return sum(store.n_features for store in self.stores)

    @property
    def n_multiplications(self) -> float:
        """How many the matrix takes."""
        return n_multiplications(self.stores)

    @property
    def n_blocks(self) -> int:
        """How many blocks of columns there are."""
        return n_passes(self.stores)

    def blocks(self, numbers: Sequence[int], n_rows: int, label: str, track: Track) -> Iterator[NDArray[np.float32]]:
        """Yield some blocks of columns, (n_needed, n_columns), ready to be multiplied; the next overwrites the last.

        Parameters
        ----------
        numbers
            Which blocks, from 0 on, rising.
        n_rows
            Of how many images products are wanted, from the first on; there may be more rows.
        label
            What `track` says.

        Raises
        ------
        DataError
            If a store is damaged.
        """
        n_needed = self._n_needed(n_rows)
        for _, block, pool in column_passes(self.stores, n_needed, label, track, numbers):
            with np.errstate(over="ignore", invalid="ignore"):
                shift_columns(block, self.stores[0].rows_per_shard, pool)
                if self.standard is not None:
                    standardise(block, self.standard, pool)
            yield block

    def _n_needed(self, n_rows: int) -> int:
        """Count the images that are looked at for products of the first `n_rows`: by any they may be divided."""
        if self.standard is not None:
            return self.n_stimuli
        return min(self.n_stimuli, max(n_rows, self.stores[0].rows_per_shard))


def n_multiplications(stores: Sequence[Readable]) -> float:
    """Return how many multiplications a Gram matrix of these stores, side by side, takes: half of all, by symmetry."""
    n_stimuli = min(store.n_stimuli for store in stores)
    return float(n_stimuli) ** 2 * sum(store.n_features for store in stores) / 2
