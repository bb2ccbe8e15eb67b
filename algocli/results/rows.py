"""What tables of results have in common: rows by subject and ROI, and CSV files at full precision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from algocli.compute.choices import check_choice, check_word
from algocli.compute.tables import as_frame, write_rows
from algocli.dataset.naming import SubjectId, list_subjects
from algocli.dataset.sides import ALL_VERTICES, Side


class RoiRow(Protocol):
    """A row about one ROI."""

    @property
    def hemisphere(self) -> Side:
        """The side."""
        ...

    @property
    def roi(self) -> str:
        """The ROI's name."""
        ...


class Row(RoiRow, Protocol):
    """A row about one ROI of one subject."""

    @property
    def subject(self) -> SubjectId:
        """The subject's number or name."""
        ...


@dataclass(frozen=True, kw_only=True)
class OfRun:
    """What every row tells of where its numbers come from, so that those of several tables can stand together.

    Attributes
    ----------
    run
        Its name. Rows are equal if their numbers are, whatever made them.
    model, weights
        The networks of the run's features and their weights, several joined by ' + '; None where nobody knows.
    """

    run: str | None = field(default=None, compare=False)
    model: str | None = field(default=None, compare=False)
    weights: str | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class OfLayers(OfRun):
    """The same of rows that are about a whole run; `layer` has its layers, several joined by ' + '."""

    layer: str | None = field(default=None, compare=False)

    @property
    def origin(self) -> dict[str, Any]:
        """What a row tells of where its numbers come from."""
        return {name: getattr(self, name) for name in ORIGIN}


# As tables have them.
ORIGIN = ("run", "model", "layer", "weights")


class RowsOfRois:
    """Rows, ROI by ROI; `classes` tells the class of each ROI (`ALL_VERTICES` has none)."""

    rows: Sequence[RoiRow]
    classes: Mapping[str, str]

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.hemisphere for row in self.rows))

    @property
    def rois(self) -> tuple[str, ...]:
        """The ROIs of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.roi for row in self.rows))

    def region(self, roi: object) -> str:
        """Return the name of a region that rows are about, whatever its case.

        Raises
        ------
        UsageError
            If there is none.
        """
        word = check_word("roi", roi)
        spelled = {name.lower(): name for name in self.rois}
        return check_choice("roi", spelled.get(word.lower(), word), self.rois)

    def table(self) -> list[dict[str, Any]]:
        """Return the rows as dicts, a field a key."""
        return [asdict(row) for row in self.rows]  # type: ignore[call-overload]

    def to_pandas(self) -> Any:
        """Return `table` as a pandas.DataFrame.

        Raises
        ------
        UsageError
            If pandas is not installed.
        """
        return as_frame(self.table())

    def by_class(self, rois: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each class with those of some ROIs that follow one another in it; no class is ''."""
        for roi_class, together in groupby(rois, key=lambda roi: self.classes.get(roi, "")):
            yield roi_class, tuple(together)


class Columned(Protocol):
    """Rows that say which columns they have."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts, a column a key."""
        ...


class RowsByRoi(RowsOfRois):
    """Rows of several subjects, subject by subject and ROI by ROI."""

    rows: Sequence[Row]
    # What share of a subject's held-out images were held out of another of the subjects too.
    same_images: float = 0.0

    @property
    def subjects(self) -> tuple[SubjectId, ...]:
        """The subjects of the rows, each once, in their order."""
        return tuple(dict.fromkeys(row.subject for row in self.rows))

    def told(self, what: str) -> str:
        """Say how much there is of what, for people who print it."""
        return f"{what}: {len(self.rows)} rows, {list_subjects(self.subjects)}, {len(self.rois)} ROIs"

    @property
    def rois_side_by_side(self) -> tuple[str, ...]:
        """The ROIs that subjects are to be compared by: all vertices, or where these were not asked for, every one."""
        return (ALL_VERTICES,) if ALL_VERTICES in self.rois else self.rois

    def rois_of(self, subject: SubjectId) -> tuple[str, ...]:
        """Return the ROIs that a subject has rows of, in the order of `rois`: another's data may name more."""
        named = {row.roi for row in self.rows if row.subject == subject}
        return tuple(roi for roi in self.rois if roi in named)


def write_records(columns: Sequence[str], records: Iterable[Mapping[str, object]], path: Path) -> None:
    """Write one line a record; None is an empty cell.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_rows(path, columns, ([record.get(name) for name in columns] for record in records))


def write_csv(report: Columned, path: Path) -> None:
    """Write the rows as CSV at full precision, a missing number as an empty cell.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_records(report.columns, report.records, path)
