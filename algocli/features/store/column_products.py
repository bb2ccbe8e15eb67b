"""The products of single blocks of a store's columns, kept until all are there: a Gram matrix of several makers.

Each is what a process that makes the whole matrix adds to its sums, to the bit, so that whoever adds them up in the
order of the columns comes to the same. They lie beside the matrix, each with a record once it is whole, and go when it
is made.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import length, publishing_rows
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset.arrays import open_array
from algocli.dataset.vouched import is_whole
from algocli.errors import DataError, writing
from algocli.features.algebra import Tiles
from algocli.features.store.tiles import places

# The folder that they lie in, within that of the matrix.
BLOCKS = "blocks"


class ColumnProducts:
    """The products of blocks of columns that are kept in a folder for one Gram matrix.

    Parameters
    ----------
    folder
        That of the matrix.
    key
        What the matrix is made from: those of another are none.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder / BLOCKS, key

    def has(self, number: int) -> bool:
        """Say whether those of a block are kept, whole; blocks count from 0, in the order of the columns."""
        record = self._record(number)
        return record is not None and is_whole(self._array(number), str(record.get("sha256")))

    def keep(self, number: int, products: Iterable[NDArray[np.float32]], n: int, made: dict[str, Any]) -> None:
        """Keep those of a block, n numbers in all, as they come; `made` says what multiplied.

        Raises
        ------
        StorageError
            If the disk is full or may not be written.
        """
        digest = hashlib.sha256()
        with publishing_rows(self._array(number), (n,), digest=digest) as write:
            for product in products:
                write(product)
        record = {"key": self._key, "products": made, "sha256": digest.hexdigest()}
        write_sealed(self._array(number).with_suffix(".json"), record)

    def add(self, numbers: Iterable[int], tiles: Tiles, rows: Sequence[slice]) -> None:
        """Add those of some blocks to sums, block after block: to some of the tiles of a matrix of these rows."""
        for number in numbers:
            kept, at = open_array(self._array(number)), 0
            for i, j in places(rows):
                n_rows, n_columns = length(rows[i]), length(rows[j])
                if (i, j) in tiles:
                    tiles[i, j] += kept[at : at + n_rows * n_columns].reshape(n_rows, n_columns)
                at += n_rows * n_columns

    def made(self, numbers: Iterable[int]) -> Iterator[dict[str, Any]]:
        """Yield what multiplied each of some blocks."""
        for number in numbers:
            record = self._record(number)
            if record is not None:
                yield record["products"]

    def forget(self) -> None:
        """Delete all that is kept.

        Raises
        ------
        StorageError
            If the folder may not be written.
        """
        if self._folder.exists():
            with writing(self._folder), suppress(FileNotFoundError):
                shutil.rmtree(self._folder)

    def _array(self, number: int) -> Path:
        return self._folder / f"{number:05d}.npy"

    def _record(self, number: int) -> dict[str, Any] | None:
        with suppress(DataError):
            record = read_sealed(self._array(number).with_suffix(".json"), kinds={"products": dict})
            return record if record.get("key") == self._key else None
        return None
