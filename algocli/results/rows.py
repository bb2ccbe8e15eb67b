"""What tables of results have in common: rows by subject and ROI, and CSV files at full precision."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from algocli.compute.files import publish
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side


class Row(Protocol):
    """A row about one ROI of one subject."""

    @property
    def subject(self) -> SubjectId:
        """The subject's number or name."""
        ...

    @property
    def hemisphere(self) -> Side:
        """The side."""
        ...

    @property
    def roi(self) -> str:
        """The ROI's name."""
        ...


class RowsByRoi:
    """Rows, subject by subject and ROI by ROI."""

    rows: Sequence[Row]

    @property
    def subjects(self) -> tuple[SubjectId, ...]:
        """The subjects of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.hemisphere for row in self.rows))

    @property
    def rois(self) -> tuple[str, ...]:
        """The ROIs of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.roi for row in self.rows))


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
