"""Parquet tables: a row an image, a column a feature, or one column that holds a list of them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.opening import check_file
from algocli.errors import DataError, UsageError, first_line, install_hint
from algocli.features.imports.formats.labels import as_words, labels_within
from algocli.features.imports.formats.matrix import Matrix, choose, of_array
from algocli.features.imports.formats.text import readers, word_columns

# Of a single column of lists: the columns of numbers that lie side by side have no name of their own.
_SIDE_BY_SIDE = ""


def open_parquet(path: Path, dataset: str | None) -> Matrix:
    """Read a table into memory; `dataset` names a column of lists where there are several.

    Raises
    ------
    UsageError
        If pyarrow, which reads such files, is not installed, or the table does not fit into memory.
    DataError
        If the file is damaged, or a column of features holds something else than numbers, or lacks some.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UsageError(f"{path}: reading .parquet needs pyarrow", hint=install_hint("parquet")) from error
    check_file(path)
    # On a damaged file pyarrow raises errors of its own and of Python.
    try:
        file = parquet.ParquetFile(path)
        size = sum(file.metadata.row_group(n).total_byte_size for n in range(file.metadata.num_row_groups))
        # Once as it is read, and once as a matrix.
        check_memory(2 * size, remedy="save the array with numpy.save, which is read in pieces")
        table = file.read()
    except UsageError:
        raise
    except Exception as error:
        raise DataError(f"{path} cannot be read as Parquet: {first_line(error)}", hint="copy the file again") from error
    return _of_table(path, table, dataset)


def _of_table(path: Path, table: Any, dataset: str | None) -> Matrix:
    names = list(table.column_names)
    # An index of words comes last in the file, and under a name that says what it is.
    places = {*word_columns(path, names), *(n for n, name in enumerate(names) if name.startswith("__index_level_"))}
    columns = {name: table.column(place) for place, name in enumerate(names) if place not in places}
    lists = {name: _stack(path, name, column) for name, column in columns.items() if _is_list(column)}
    if lists:
        name = choose(path, {name: array.shape for name, array in lists.items()}, dataset)
        matrix = lists[name]
    else:
        name, matrix = _SIDE_BY_SIDE, _side_by_side(path, columns)
        if dataset is not None:
            raise UsageError(f"dataset={dataset!r}: {path} holds one array, a column a feature")
    words = [(names[place], as_words(np.asarray(table.column(place).to_pylist())) or []) for place in sorted(places)]
    return of_array(path, name or None, matrix, labels_within(path, len(matrix), readers(words)))


def _is_list(column: Any) -> bool:
    return str(column.type).startswith(("list<", "large_list<", "fixed_size_list<"))


def _stack(path: Path, name: str, column: Any) -> NDArray[Any]:
    """Return a column of lists of one length as a matrix."""
    parts = column.combine_chunks()
    lengths = np.asarray([len(row) if row.is_valid else -1 for row in parts])
    if len(set(lengths.tolist())) != 1:
        odd = int(np.flatnonzero(lengths != lengths[0])[0])
        raise DataError(f"{path}, {name}: row {odd} has {lengths[odd]} numbers; the first row has {lengths[0]}")
    return _numbers(path, name, parts.flatten()).reshape(len(lengths), int(lengths[0]))


def _side_by_side(path: Path, columns: dict[str, Any]) -> NDArray[Any]:
    if not columns:
        raise DataError(f"{path} holds no column of numbers")
    return np.column_stack([_numbers(path, name, column) for name, column in columns.items()])


def _numbers(path: Path, name: str, column: Any) -> NDArray[Any]:
    if column.null_count:
        raise DataError(f"{path}, {name} lacks {column.null_count} of its numbers")
    values: NDArray[Any] = np.asarray(
        column.to_numpy(zero_copy_only=False) if _has_copies(column) else column.to_numpy()
    )
    if values.dtype.kind not in "fiub":
        raise DataError(
            f"{path}, {name} is {column.type}; columns of features hold numbers",
            hint="call a column of names file_name, one of ids nsd_id, and leave others out",
        )
    return values


def _has_copies(column: Any) -> bool:
    # An array may have to be copied and says so; a column of several chunks is copied anyway.
    return hasattr(column, "offset")
