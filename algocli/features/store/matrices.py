"""A matrix that was derived from stores, and what vouches for it: the record beside it, with its key and sha256."""

from __future__ import annotations

import math
from contextlib import suppress
from copy import copy
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.vouching import is_unchanged, read_sealed
from algocli.dataset.arrays import open_array
from algocli.dataset.vouched import is_whole
from algocli.errors import DataError
from algocli.features.algebra import Algebra, Multiplier

# Under which a record tells the sha256 of the matrix; one of old does not.
DIGEST = "sha256"
# What is larger is read anew for each product with it: two hundred columns cost as much to multiply as to read. It does
# not hang on what memory there is, as that would show in the last digits. A matrix of 22,000 images is held.
HELD_BYTES = 2 * 10**9
# Rows that are read at once for that.
READ_ROWS = 1024
# Whole rows at once, of which some columns are wanted: these stay in the processor's cache.
_ROWS = 64


class Gram:
    """A Gram matrix: symmetric, n_stimuli x n_stimuli, float32.

    What is derived from it is kept in its folder, unless it is a part of another that serves once (`keeps`).

    Parameters
    ----------
    folder
        Where what is derived from it is kept; by default the matrix itself is read from there, as it is needed.
    n_stimuli
        How many of its images count, from the first on; by default all.
    key
        What it was made from; what is derived from it is kept as that of no other.
    place
        Where the matrix is read from instead: another cache's, say, which is not to be written.
    n_features
        Of how many features it is, where that is known: of no more can it have components.
    """

    def __init__(
        self,
        folder: Path,
        matrix: NDArray[np.float32] | None = None,
        *,
        n_stimuli: int | None = None,
        key: str = "",
        place: Path | None = None,
        n_features: float = math.inf,
    ) -> None:
        self.folder = folder
        self._place = folder if place is None else place
        self.key = key
        self.n_features = n_features
        self._held = matrix
        self._first = slice(n_stimuli)
        self.keeps = True
        self.n_stimuli = len(self._open())

    def leading(self, n_stimuli: int) -> Gram:
        """Return what the first images have of it: other images have no say in it but for the mean, which drops out."""
        if n_stimuli == self.n_stimuli:
            return self
        fewer = copy(self)
        fewer._first, fewer.n_stimuli = slice(n_stimuli), n_stimuli
        return fewer

    def taken(self, rows: NDArray[np.int64]) -> Gram:
        """Return that of some images alone, in this order, in memory; what is derived from it is not kept."""
        part = Gram(self.folder, self.block(rows, rows), key=self.key, n_features=self.n_features)
        part.keeps = False
        return part

    def in_memory(self) -> NDArray[np.float32]:
        """Return the whole matrix, (n_stimuli, n_stimuli), not to be changed; it is kept by whoever asks."""
        # Whoever multiplies by all of it does so again and again; the first touch of a mapped page costs more
        # than reading it does.
        return np.array(self._open(), np.float32) if self._held is None else self._open()

    def multiplier(self, algebra: Algebra) -> Multiplier:
        """Return what multiplies (n_stimuli, n_columns) from the left by the whole matrix, again and again.

        It is held in memory for that, unless it is larger than `HELD_BYTES`: then it is read each time.
        """
        if self._held is not None or is_held(self.n_stimuli):
            return algebra.hold(self.in_memory())

        def multiply(right: NDArray[np.float32]) -> NDArray[np.float32]:
            parts = blocks(self.n_stimuli, READ_ROWS)
            return np.concatenate([algebra.multiply(np.array(self.rows(part)), right) for part in parts])

        return multiply

    def _open(self) -> NDArray[np.float32]:
        # Mapped anew each time, which costs little: what has been touched of a map stays in memory as long as it does,
        # and the matrices of many layers would be there together.
        whole = open_matrix(self._place) if self._held is None else self._held
        return whole[self._first, self._first]

    def rows(self, rows: slice) -> NDArray[np.float32]:
        """Return whole rows of K, (n_rows, n_stimuli), not to be changed."""
        block: NDArray[np.float32] = self._open()[rows]
        return block

    def block(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return K[rows, columns] as a fresh float32 array, (len(rows), len(columns))."""
        block, matrix = np.empty((len(rows), len(columns)), np.float32), self._open()
        for some in blocks(len(rows), _ROWS):
            # Where numpy has to look for places that are none, it takes into a copy first.
            np.take(matrix[rows[some]], columns, axis=1, out=block[some], mode="clip")
        return block

    def diagonal(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return K[i, i] for every i of `rows`."""
        diagonal: NDArray[np.float32] = np.asarray(self._open()[rows, rows])
        return diagonal


def is_held(n_stimuli: int) -> bool:
    """Say whether a matrix of so many images is held in memory by whoever multiplies by it."""
    return 4 * n_stimuli**2 <= HELD_BYTES


def is_recorded(folder: Path, key: str) -> bool:
    """Say whether a folder has the record of a matrix under this key; what is damaged is computed anew."""
    with suppress(DataError):
        return bool(read_sealed(folder / "record.json").get("key") == key)
    return False


def is_as_recorded(folder: Path, n_stimuli: int, cache_dir: Path) -> bool:
    """Say whether the matrix in a folder is the one that its record vouches for; one of old vouches for any that fits.

    Raises
    ------
    DataError
        If the record is missing or damaged.
    """
    digest = read_sealed(folder / "record.json").get(DIGEST)
    if digest is not None:
        return is_whole(folder / "matrix.npy", digest, cache_dir)
    with suppress(DataError):
        return open_matrix(folder).shape == (n_stimuli, n_stimuli)
    return False


def open_matrix(folder: Path) -> NDArray[np.float32]:
    """Open the matrix in a folder, (n_stimuli, n_stimuli), as a memory map.

    Raises
    ------
    DataError
        If it is missing or damaged.
    """
    path = folder / "matrix.npy"
    try:
        return open_array(path)
    except DataError as error:
        raise DataError(f"{path} is missing or damaged", hint="repeat the command: it is computed anew") from error


def matrix_fault(folder: Path) -> str | None:
    """Say what is wrong with a matrix by what its record vouches for; None where nothing is."""
    try:
        digest = read_sealed(folder / "record.json").get(DIGEST)
    except DataError as error:
        return error.message
    if digest is not None and not is_unchanged(folder / "matrix.npy", str(digest)):
        return f"{folder / 'matrix.npy'} is not what was written"
    return None
