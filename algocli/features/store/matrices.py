"""What vouches for a matrix that was derived from stores: the record beside it, with its key and its sha256."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.vouching import is_unchanged, read_sealed
from algocli.dataset.arrays import open_array
from algocli.dataset.vouched import is_whole
from algocli.errors import DataError

# Under which a record tells the sha256 of the matrix; one of old does not.
DIGEST = "sha256"


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
