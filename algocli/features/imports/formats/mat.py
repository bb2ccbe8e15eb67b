"""MATLAB's files: those up to version 7, which scipy reads, and 7.3, which is HDF5.

Either way an array has the shape that MATLAB shows: a row an image.
"""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.opening import open_file
from algocli.errors import DataError, first_line
from algocli.features.imports.formats.hdf5 import open_hdf5_dataset
from algocli.features.imports.formats.labels import MOST_WORDS, as_words, is_list, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, of_array

# What scipy calls variables that hold numbers.
_NUMERIC = {"double", "single", "logical", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}
# Bytes of a number, at most.
_WIDEST = 8
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# MATLAB leaves this much room for a text of its own before HDF5 begins.
_USER_BLOCK = 512


def open_mat(path: Path, dataset: str | None) -> Matrix:
    """Open a variable.

    Raises
    ------
    DataError, UsageError
        As `open_matrix`.
    """
    if _is_hdf5(path):
        return open_hdf5_dataset(path, dataset)
    import scipy.io

    listed = _guarded(path, partial(scipy.io.whosmat, str(path)))
    shapes = {name: tuple(shape) for name, shape, kind in listed if kind in _NUMERIC}
    name = choose(path, shapes, dataset)
    check_memory(
        2 * _WIDEST * math.prod(shapes[name]), remedy="save the array with numpy.save, which is read in pieces"
    )
    # What is compressed cannot be read in part; and how few bytes MATLAB keeps whole numbers in, the array alone knows.
    array = _load(path, name)
    words = {
        other: partial(_read_words, path, other) for other, extent, kind in listed if _may_be_words(other, extent, kind)
    }

    return of_array(path, name, array, labels_within(path, len(array), words, name))


def _may_be_words(name: str, shape: tuple[int, ...], kind: str) -> bool:
    return rank_key(name) is not None and (is_list(shape) or kind == "char") and math.prod(shape) <= MOST_WORDS


def _is_hdf5(path: Path) -> bool:
    with open_file(path) as stream:
        start = stream.read(_USER_BLOCK + len(_HDF5_SIGNATURE))
    return start.startswith(_HDF5_SIGNATURE) or start[_USER_BLOCK:] == _HDF5_SIGNATURE


def _load(path: Path, name: str) -> NDArray[Any]:
    import scipy.io

    return np.asarray(_guarded(path, lambda: scipy.io.loadmat(str(path), variable_names=[name])[name]))


def _read_words(path: Path, name: str) -> list[str] | None:
    loaded = _load(path, name)
    if loaded.dtype == object:
        # A cell holds an array of its own; of one word, a single one.
        cells = [np.ravel(cell) for cell in loaded.ravel()]
        return [str(cell[0]) for cell in cells] if all(len(cell) == 1 for cell in cells) else None
    words = as_words(loaded)
    # What was made of characters is as wide as its longest word.
    return None if words is None else [word.rstrip() for word in words]


def _guarded(path: Path, read: Any) -> Any:
    # On a damaged file scipy raises nearly anything.
    try:
        return read()
    except Exception as error:
        raise DataError(
            f"{path} cannot be read as a .mat file: {first_line(error)}", hint="copy the file again"
        ) from error
