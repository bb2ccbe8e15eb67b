"""Tables of results as CSV files, at full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from algocli.compute.files import publish


def write_records(columns: Sequence[str], records: Iterable[Mapping[str, object]], path: Path) -> None:
    """Write one line a record; None is an empty cell.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    publish(path, lambda stream: stream.write(text.getvalue().encode()))
