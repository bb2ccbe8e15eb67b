"""Opens an n x d array that another program wrote, as .npy, HDF5 or Zarr, to be read a block of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.arrays import open_array
from algocli.challenge.hdf5 import SUFFIXES, list_datasets, open_hdf5, read_rows
from algocli.challenge.ids import ID_COLUMN, parse_id, read_table
from algocli.errors import DataError, UsageError

NUMBERS = "fiub"


@dataclass(frozen=True)
class Matrix:
    """An array on disk with one row an image; what has more than two axes is flattened row by row."""

    path: Path
    dataset: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _read: Callable[[Sequence[int]], NDArray[Any]]

    @property
    def n_rows(self) -> int:
        """The number of rows, whether or not a subject has an image for each."""
        return self.shape[0]

    @property
    def n_features(self) -> int:
        """The number of features of a row."""
        return math.prod(self.shape[1:])

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return f"{self.path.name}, {self.dataset}" if self.dataset else self.path.name

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        """Read rows in any order, (n_rows, n_features), in the file's own dtype."""
        return self._read(rows).reshape(len(rows), self.n_features)


def open_matrix(path: Path, dataset: str | None = None) -> Matrix:
    """Open an array; `dataset` names it within an HDF5 file or a Zarr group.

    Raises
    ------
    UsageError
        If the file is of another kind, or holds several arrays to choose from.
    DataError
        If it is missing or damaged, or holds no numbers by row.
    """
    kind = path.suffix.lower()
    if kind not in (".npy", ".zarr", *SUFFIXES):
        raise UsageError(
            f"{path} is of no kind that can be imported: .npy, .h5, .hdf5 and .zarr are",
            hint="save the array with numpy.save('features.npy', array)",
        )
    if kind == ".npy" and dataset is not None:
        raise UsageError(f"--dataset {dataset}: a .npy file holds one array, without a name")
    opened = {".npy": _open_npy, ".zarr": _open_zarr}.get(kind, _open_hdf5_dataset)(path, dataset)
    if len(opened.shape) < 2 or not all(opened.shape) or opened.dtype.kind not in NUMBERS:
        raise DataError(
            f"{opened.name} is {opened.dtype} of shape {opened.shape}; numbers, images x features, were expected"
        )
    return opened


def read_ids(path: Path) -> list[int]:
    """Read the NSD id of every row, from a .npy of whole numbers or a CSV file with the column nsd_id.

    Raises
    ------
    DataError
        If the file is missing or damaged, or holds something that is no NSD id.
    """
    if path.suffix.lower() == ".npy":
        ids = open_array(path)
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise DataError(f"{path} is {ids.dtype} of shape {ids.shape}; a list of whole numbers was expected")
        words = [str(nsd_id) for nsd_id in ids.tolist()]
    else:
        words = [word for (word,) in read_table(path, (ID_COLUMN,))]
    return [parse_id(word, str(path)) for word in words]


def _open_npy(path: Path, dataset: str | None) -> Matrix:
    array = open_array(path)

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return np.asarray(array[_selection(rows)])

    return Matrix(path, dataset, array.shape, array.dtype, read)


def _open_hdf5_dataset(path: Path, dataset: str | None) -> Matrix:
    with open_hdf5(path) as file:
        shapes = list_datasets(file)
        name = _choose(path, shapes, dataset)
        shape, dtype = shapes[name], np.dtype(file[name].dtype)

    def read(rows: Sequence[int]) -> NDArray[Any]:
        with open_hdf5(path) as file:
            return read_rows(file[name], rows)

    return Matrix(path, name, shape, dtype, read)


def _open_zarr(path: Path, dataset: str | None) -> Matrix:
    import zarr

    if not path.is_dir():
        raise DataError(f"{path} is no folder of a Zarr array" if path.exists() else f"{path} is missing")
    # On a damaged description zarr raises nearly anything.
    try:
        found: Any = zarr.open(str(path), mode="r")
        if isinstance(found, zarr.Group):
            arrays = {name: item for name, item in found.members(max_depth=None) if isinstance(item, zarr.Array)}
        else:
            arrays = {"": found}
    except Exception as error:
        raise DataError(f"{path} cannot be read as Zarr: {_reason(error)}") from error
    name = _choose(path, {name: tuple(array.shape) for name, array in arrays.items()}, dataset)
    array: Any = arrays[name]
    everything = (slice(None),) * (len(array.shape) - 1)

    def read(rows: Sequence[int]) -> NDArray[Any]:
        try:
            return np.asarray(array.oindex[(_selection(rows), *everything)])
        # A torn chunk shows as whatever its codec meets first.
        except (ValueError, RuntimeError, OSError, KeyError, IndexError) as error:
            raise DataError(f"{path} is damaged: {_reason(error)}", hint="copy it again") from error

    return Matrix(path, name or None, tuple(array.shape), np.dtype(array.dtype), read)


def _choose(path: Path, shapes: dict[str, tuple[int, ...]], dataset: str | None) -> str:
    """Return the array asked for, or the only one that features can be in."""
    listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "none"
    if dataset is not None:
        name = dataset.strip("/")
        if name not in shapes or not name:
            raise UsageError(f"{path} has no dataset {dataset}; its datasets: {listed if '' not in shapes else 'none'}")
        return name
    # Images, activations of more axes and labels lie beside features; a matrix is what they are most likely in.
    for n_axes in (range(2, 3), range(3, 33)):
        fit = [name for name, shape in shapes.items() if len(shape) in n_axes]
        if len(fit) == 1:
            return fit[0]
        if fit:
            raise UsageError(
                f"{path} holds several arrays: {listed}", hint=f"choose one, for instance --dataset {fit[0]}"
            )
    if list(shapes) == [""]:
        return ""
    raise DataError(f"{path} holds no array of images x features; its datasets: {listed}")


def _selection(rows: Sequence[int]) -> slice | list[int]:
    """Return how to ask for rows: a run of them as a slice, which costs least."""
    return slice(rows.start, rows.stop) if isinstance(rows, range) and rows.step == 1 else list(rows)


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
