"""Features that can be read a block at a time: what of a store its products need, and what a notebook sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.dataset.naming import SubjectId


class Block(Protocol):
    """Neighbouring rows that lie on disk together."""

    @property
    def start(self) -> int:
        """The first row."""
        ...

    @property
    def stop(self) -> int:
        """The row behind the last."""
        ...


class Readable(Protocol):
    """A matrix of features on disk, n_stimuli x n_features."""

    folder: Path
    key: str
    n_stimuli: int
    n_features: int
    dtype: np.dtype[Any]
    rows_per_shard: int

    @property
    def subject(self) -> SubjectId:
        """The subject whose images these are."""
        ...

    @property
    def shards(self) -> Sequence[Block]:
        """All blocks of rows, in order."""
        ...

    def read(self, rows: slice | Sequence[int] = slice(None), columns: slice = slice(None)) -> NDArray[Any]:
        """Read a block, (n_rows, n_columns), in the store's own dtype."""
        ...

    def column_blocks(self) -> list[slice]:
        """Return the column blocks in which a pass over the features costs least."""
        ...


class Rows:
    """Features that are read when rows are asked for, as from an array.

    Attributes
    ----------
    shape
        (n_stimuli, n_features).
    dtype
        That in which they are stored.
    """

    ndim = 2

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.shape = (source.n_stimuli, source.n_features)
        self.dtype = source.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return (
            f"features of {self.shape[0]} stimuli x {self.shape[1]}, {self.dtype.name}, read row by row when asked for"
        )

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """Read some rows, (n_rows, n_features); of a single one (n_features,).

        Rows are named as numpy does it, by a number, a slice, a list, or an array of True and False.
        """
        wanted = np.arange(len(self))[rows]
        if wanted.ndim == 0:
            row: NDArray[Any] = self._source.read(slice(int(wanted), int(wanted) + 1))[0]
            return row
        if not len(wanted):
            return np.empty((0, self.shape[1]), self.dtype)
        if (np.diff(wanted) == 1).all():
            return self._source.read(slice(int(wanted[0]), int(wanted[-1]) + 1))
        # A store reads rising rows, each once.
        rising, places = np.unique(wanted, return_inverse=True)
        return self._source.read([int(row) for row in rising])[places]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it: whoever makes an array of features has the memory for them."""
        return np.asarray(self._source.read(), dtype=dtype)
