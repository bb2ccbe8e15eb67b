"""A table as a page holds it: cells that know what to show and by what to be sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from algocli.dataset.sides import ALL_VERTICES
from algocli.results import telling
from algocli.results.telling import DASH


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number or word that it is sorted by; None goes last in either direction.

    `mark` is a sign beside the text, and `meaning` what it says to whoever cannot see it.
    """

    text: str
    key: float | str | None = None
    mark: str = ""
    meaning: str = ""


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A column's name, what it means, and the heading that it stands under with its neighbours, if any."""

    name: str
    about: str = ""
    heading: str = ""

    @property
    def full_name(self) -> str:
        """The name by which a column is known without its neighbours."""
        return f"{self.heading}, {self.name}" if self.heading else self.name


@dataclass(frozen=True)
class Group:
    """Rows under one name, which may be empty; the first cell of a row is its head."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """Rows in groups, to be sorted by any column; rows of `foot` stay below them.

    `ident` is the element's id, unique in a page.
    """

    ident: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    foot: tuple[Row, ...] = ()

    @property
    def headings(self) -> tuple[tuple[str, int], ...]:
        """Each heading and how many columns it covers, from left to right."""
        alike = groupby(self.columns, key=lambda column: column.heading)
        return tuple((heading, len(list(columns))) for heading, columns in alike)

    @property
    def has_headings(self) -> bool:
        """Say whether any columns stand under a heading."""
        return any(column.heading for column in self.columns)


def word(text: str) -> Cell:
    """Return a cell that is sorted as text, without regard to upper and lower case."""
    return Cell(text, text.lower())


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> Cell:
    """Return a number's cell; nothing to show is a dash."""
    text = telling.number(value, digits, signed=signed, grouped=True)
    return Cell(text, None if text == DASH else value)


def count(value: float | None) -> Cell:
    """Return a whole number's cell; 0 of something that is absent is no number but a dash."""
    return number(value or None, 0)


def span(low: float | None, high: float | None, *, signed: bool = False) -> Cell:
    """Return an interval's cell, sorted by its lower end."""
    if low is None or high is None:
        return Cell(DASH)
    return Cell(f"{number(low, signed=signed).text} to {number(high, signed=signed).text}", low)


def roi_rows(
    by_class: Iterable[tuple[str, Sequence[str]]], cells: Callable[[str], Iterable[Cell]]
) -> tuple[tuple[Group, ...], tuple[Row, ...]]:
    """Return the rows of ROIs, a group a class, and those of a table's foot, which is all vertices."""
    groups: list[Group] = []
    foot: list[Row] = []
    for name, rois in by_class:
        rows = {roi: (word(roi), *cells(roi)) for roi in rois}
        if ALL_VERTICES in rows:
            foot.append(rows.pop(ALL_VERTICES))
        if rows:
            groups.append(Group(name, tuple(rows.values())))
    return tuple(groups), tuple(foot)
