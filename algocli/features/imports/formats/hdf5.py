"""HDF5 files: a dataset of any program, in the order of its axes; of MATLAB, which writes them reversed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.hdf5 import list_datasets, open_hdf5, read_rows, refuse_absurd, refuse_unwritten
from algocli.dataset.hdf5_links import refuse_elsewhere
from algocli.errors import DataError
from algocli.features.imports.formats.labels import MOST_WORDS, as_words, is_list, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, stack

# What MATLAB writes beside every variable of its own.
_MATLAB = "MATLAB_class"
_LONGEST_WORD = 10_000


def open_hdf5_dataset(path: Path, dataset: str | None) -> Matrix:
    """Open a dataset; one that MATLAB wrote has the shape that MATLAB shows.

    Raises
    ------
    DataError, UsageError
        As `open_matrix`.
    """
    with open_hdf5(path) as file:
        # MATLAB keeps what cells hold in a group of its own.
        stored = {name: shape for name, shape in list_datasets(file).items() if not name.startswith("#")}
        shapes = {name: shape[::-1] if _is_matlabs(file[name]) else shape for name, shape in stored.items()}
        numeric = {name: shape for name, shape in shapes.items() if _holds_numbers(file[name])}
        dtypes = {name: np.dtype(file[name].dtype) for name in numeric}
        stacked = None if dataset else stack(path, numeric, dtypes, partial(_read_many, path), partial(_check, path))
        if stacked is not None:
            return stacked
        name = choose(path, numeric, dataset)
        shape, dtype, is_reversed = shapes[name], np.dtype(file[name].dtype), _is_matlabs(file[name])
        refuse_absurd(file[name])
        words = {other: partial(_read_words, path, file, other) for other in stored if rank_key(other) is not None}
        labels = labels_within(path, shape[0] if shape else 0, words, name)

    def read(rows: Sequence[int]) -> NDArray[Any]:
        with open_hdf5(path) as file:
            return read_rows(file[name], rows, by_last_axis=is_reversed)

    def refuse_holes(rows: Sequence[int]) -> None:
        with open_hdf5(path) as file:
            refuse_unwritten(file[name], rows, f"{path}, {name}", by_last_axis=is_reversed)

    return Matrix(path, name, shape, dtype, read, labels, refuse_holes)


def _read_many(path: Path, names: Sequence[str]) -> list[NDArray[Any]]:
    with open_hdf5(path) as file:
        return [np.asarray(file[name][()]) for name in names]


def _check(path: Path, names: Sequence[str]) -> None:
    with open_hdf5(path) as file:
        for name in names:
            dataset = file[name]
            refuse_unwritten(dataset, range(dataset.shape[0]), f"{path}, {name}")


def _is_matlabs(dataset: Any) -> bool:
    return _MATLAB in dataset.attrs


def _holds_numbers(dataset: Any) -> bool:
    # MATLAB's words are numbers to HDF5.
    kind = dataset.attrs.get(_MATLAB, b"")
    return dataset.dtype.kind not in "OSUT" and kind not in (b"char", b"cell", "char", "cell")


def _read_words(path: Path, file: Any, name: str) -> list[str] | None:
    dataset = file[name]
    kind = dataset.attrs.get(_MATLAB, b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if not (is_list(dataset.shape) or kind in ("cell", "char")):
        return None
    if math.prod(dataset.shape) > MOST_WORDS:
        raise DataError(f"{path}, {name} would be a list of {math.prod(dataset.shape):,} words")
    refuse_absurd(dataset)
    refuse_unwritten(dataset, range(dataset.shape[0]), f"{path}, {name}")
    if kind == "cell":
        return [_spell(_held(file, reference)) for reference in np.ravel(dataset[()])]
    if kind == "char":
        # One word a row, all of one length, stored by columns.
        return [_spell(codes) for codes in np.atleast_2d(dataset[()]).T]
    return as_words(np.asarray(dataset[()]))


def _held(file: Any, reference: Any) -> NDArray[Any]:
    """Return what a cell holds; it may have no name by which it would have been met before."""
    held = file[reference]
    refuse_elsewhere(held)
    if math.prod(held.shape) > _LONGEST_WORD:
        raise DataError(f"{held.file.filename} has a cell of {math.prod(held.shape):,} letters")
    return np.asarray(held[()])


def _spell(codes: NDArray[Any]) -> str:
    return "".join(map(chr, np.ravel(codes).astype(np.int64).tolist())).rstrip()
