"""Rows for whoever goes on with them elsewhere: in pandas, which nothing here needs, or from a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from algocli.compute.files import publish
from algocli.errors import UsageError


def as_frame(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows as a pandas.DataFrame, a column a key.

    Raises
    ------
    UsageError
        If pandas is not installed.
    """
    try:
        pandas = import_module("pandas")
    except ImportError as error:
        raise UsageError(
            "pandas is not installed", hint="table() gives the same rows as a list of dicts; or install pandas"
        ) from error
    return pandas.DataFrame(list(rows))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table as a CSV file, a line a row; None is an empty cell.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    # A file's name may hold bytes that are no text.
    publish(path, lambda stream: stream.write(text.getvalue().encode(errors="surrogateescape")))
