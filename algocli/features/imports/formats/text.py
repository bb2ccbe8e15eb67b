"""Tables in text: a row an image, a column a feature, and perhaps one that names the image."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from algocli.compute.budget import check_memory
from algocli.compute.opening import check_file, lines_of, open_text
from algocli.errors import DataError, reading
from algocli.features.imports.formats.labels import counts, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, of_array

_SHOWN = 20
# What tables of images hold besides: numbers too, which would count as features.
_NO_FEATURE = re.compile(r"^(trial|session|subject|subj|cocoid)$|[a-z]I[dD]$|_id$", re.ASCII)
# What data frames call a column that numbers their rows.
_INDEX = ("", "index", "unnamed: 0", "__index_level_0__")
# A first line 0, 1, 2, ... is one of names, as data frames of arrays have them; of fewer columns it may be a row.
_FEWEST_COUNTED = 4


def open_table(path: Path, dataset: str | None) -> Matrix:
    """Read a .csv or .tsv file into memory, (n_rows, n_features) float64: its numbers exactly as they are written.

    A first line that names columns, or merely counts them, is passed over, and so is a first column that counts rows.

    Raises
    ------
    DataError
        If the file is damaged, a line has more or fewer cells than the first, or a cell is no number.
    UsageError
        If it does not fit into memory.
    """
    try:
        size = check_file(path)
        # Eight bytes take at least two characters.
        check_memory(4 * size, remedy="save the array with numpy.save, which is read in pieces")
        with open_text(path, size) as stream, reading(path):
            return _read(path, lines_of(path, stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no table in UTF-8: {error}") from error


def word_columns(path: Path, names: Sequence[str]) -> list[int]:
    """Return which columns of a table hold no features, by their names: they name, or number, its rows.

    Raises
    ------
    DataError
        If a column is no feature by its name, and says nothing of the image either.
    """
    is_index = [place == 0 and name.strip().lower() in _INDEX for place, name in enumerate(names)]
    places = [place for place, name in enumerate(names) if is_index[place] or rank_key(name) is not None]
    for name in names:
        if rank_key(name) is None and _NO_FEATURE.search(name.strip()):
            raise DataError(
                f"{path}: column {name.strip()} is no feature, by its name", hint="leave it out, or rename it"
            )
    return places


def readers(columns: Iterable[tuple[str, list[str]]]) -> dict[str, Callable[[], list[str]]]:
    """Return how to read the words of some columns; one that merely numbers the rows has none."""
    named = ((name if rank_key(name) is not None else "id", words) for name, words in columns)
    return {name: lambda words=words: words for name, words in named if any(words) and not counts(words)}  # type: ignore[misc]


def _read(path: Path, stream: Iterator[str]) -> Matrix:
    start = next(stream, "")
    lines = csv.reader(chain([start], stream), delimiter=_delimiter(path, start), skipinitialspace=True)
    first = next(lines, [])
    is_header = _is_header(path, first)
    places = (
        word_columns(path, first) if is_header else [place for place, cell in enumerate(first) if not _is_number(cell)]
    )
    names = first if is_header else [f"column {place + 1}" for place in range(len(first))]
    words: list[list[str]] = [[] for _ in places]
    n_columns = len(first)
    numbers, n_rows = array("d"), 0
    for cells in lines if is_header else chain([first], lines):
        if not cells:
            continue
        if len(cells) != n_columns:
            raise DataError(
                f"{path}, line {lines.line_num}: {len(cells)} cells; its first line has {n_columns}",
                hint="it was cut short, or joined of different tables: write it again",
            )
        for place, column in zip(reversed(places), reversed(words), strict=True):
            column.append(cells.pop(place).strip())
        _add(numbers, cells, f"{path}, line {lines.line_num}")
        n_rows += 1
    if not numbers:
        raise DataError(f"{path} holds no numbers")
    matrix = np.frombuffer(numbers, dtype=np.float64).reshape(n_rows, -1)
    read = readers((names[place] if is_header else "name", column) for place, column in zip(places, words, strict=True))
    return of_array(path, None, matrix, labels_within(path, n_rows, read))


def _add(numbers: array[float], cells: Sequence[str], where: str) -> None:
    try:
        numbers.extend(map(float, cells))
    except ValueError:
        bad = next(cell for cell in cells if not _is_number(cell))
        raise DataError(
            f"{where}: {bad[:_SHOWN]!r} is no number",
            hint="columns of features hold numbers alone; one of names is to be called file_name, one of ids nsd_id",
        ) from None
    # Python reads 1_5 as fifteen, which nobody writes so.
    if "_" in "".join(cells):
        raise DataError(f"{where} holds an underscore within a number")


def _delimiter(path: Path, start: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    # Where semicolons part cells, commas may be those of decimals. numpy.savetxt puts blanks unless told otherwise.
    return next((mark for mark in ";,\t" if mark in start), " ")


def _is_header(path: Path, cells: Sequence[str]) -> bool:
    words = [cell for cell in cells if not _is_number(cell)]
    if not words:
        return len(cells) >= _FEWEST_COUNTED and counts([cell.strip() for cell in cells])
    # A single word among numbers is a row's own name, unless it is what such a column is called.
    return len(words) > 1 or len(cells) == 1 or bool(word_columns(path, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
