"""What every format comes down to: a matrix that is read by rows, and what its rows are called where that is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError, UsageError
from algocli.features.imports.formats.labels import Labels, is_image_name

# Arrays that are listed of a file that holds many.
_SHOWN = 12


def _complete(rows: Sequence[int]) -> None:
    """Find nothing missing: the format has no holes, or shows them otherwise."""


@dataclass(frozen=True)
class Made:
    """How an array was made, where that was here and not by another program.

    Attributes
    ----------
    digest
        Of all that its rows follow from: they need not be made to know whether they are stored.
    about
        What is recorded of it.
    """

    digest: str
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Matrix:
    """An array on disk with one row an image; what has more than two axes is flattened row by row.

    Attributes
    ----------
    labels
        What the rows are called, where the file or one beside it says so.
    refuse_holes
        Raises a DataError if one of some rows was never written.
    made
        None where another program wrote it.
    """

    path: Path
    dataset: str | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    _read: Callable[[Sequence[int]], NDArray[Any]]
    labels: Labels | None = None
    refuse_holes: Callable[[Sequence[int]], None] = _complete
    made: Made | None = None

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


def of_array(path: Path, dataset: str | None, array: NDArray[Any], labels: Labels | None = None) -> Matrix:
    """Return the matrix of an array that lies in memory or is mapped."""

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return np.asarray(array[selection(rows)])

    return Matrix(path, dataset, array.shape, array.dtype, read, labels)


def stack(
    path: Path,
    shapes: Mapping[str, tuple[int, ...]],
    dtypes: Mapping[str, np.dtype[Any]],
    read_many: Callable[[Sequence[str]], Sequence[NDArray[Any]]],
    refuse_holes: Callable[[Sequence[str]], None] | None = None,
) -> Matrix | None:
    """Return the matrix of a file's arrays, a row each; None where they are not of one kind, each named after an image.

    Parameters
    ----------
    shapes, dtypes
        Those of all arrays, by their names.
    read_many
        Reads arrays by their names.
    refuse_holes
        Raises a DataError if one of some arrays was never written.
    """
    kinds = {(shape, dtypes[name]) for name, shape in shapes.items()}
    if len(shapes) < 2 or len(kinds) != 1 or not all(map(is_image_name, shapes)):
        return None
    names = list(shapes)
    ((shape, dtype),) = kinds

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return np.stack([np.asarray(array) for array in read_many([names[row] for row in rows])])

    def check(rows: Sequence[int]) -> None:
        if refuse_holes is not None:
            refuse_holes([names[row] for row in rows])

    labels = Labels(tuple(names), f"{path.name}, by which its arrays are called")
    return Matrix(path, None, (len(names), *shape), dtype, read, labels, check)


def choose(path: Path, shapes: Mapping[str, tuple[int, ...]], dataset: str | None) -> str:
    """Return the array asked for, or the only one that features can be in.

    Parameters
    ----------
    shapes
        Those of all arrays in the file, by their names; the name of one without any is empty.

    Raises
    ------
    UsageError
        If there is no such array, or several would do.
    DataError
        If none would.
    """
    listed = _listed(shapes)
    if dataset is not None:
        name = dataset if dataset in shapes else dataset.strip("/")
        if name not in shapes or not name:
            raise UsageError(f"{path} has no dataset {dataset}; its datasets: {listed if '' not in shapes else 'none'}")
        return name
    # Images, activations of more axes and labels lie beside features; a matrix is what they are most likely in, and
    # a single column the least.
    for fits in (_is_wide, _is_matrix, _has_more_axes):
        fit = [name for name, shape in shapes.items() if fits(shape)]
        if len(fit) == 1:
            return fit[0]
        if fit:
            raise UsageError(
                f"{path} holds several arrays: {listed}", hint=f"choose one, for instance dataset={fit[0]!r}"
            )
    if list(shapes) == [""]:
        return ""
    raise DataError(f"{path} holds no array of images x features; its datasets: {listed}")


def selection(rows: Sequence[int]) -> slice | list[int]:
    """Return how to ask for rows: a run of them as a slice, which costs least."""
    return slice(rows.start, rows.stop) if isinstance(rows, range) and rows.step == 1 else list(rows)


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    first = [f"{name} {shape}" for name, shape in islice(shapes.items(), _SHOWN)]
    more = [f"and {len(shapes) - _SHOWN} others"] if len(shapes) > _SHOWN else []
    return ", ".join([*first, *more]) or "none"


def _is_wide(shape: tuple[int, ...]) -> bool:
    # MATLAB has no lists: its ids are a matrix of one column, or of one row.
    return len(shape) == 2 and min(shape) > 1


def _is_matrix(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2


def _has_more_axes(shape: tuple[int, ...]) -> bool:
    return len(shape) > 2
