"""A table as a page holds it: cells that know what to show and by what to be sorted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

ABSENT = "\N{EN DASH}"


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
        found: list[tuple[str, int]] = []
        for column in self.columns:
            if found and found[-1][0] == column.heading:
                found[-1] = (column.heading, found[-1][1] + 1)
            else:
                found.append((column.heading, 1))
        return tuple(found)

    @property
    def has_headings(self) -> bool:
        """Say whether any columns stand under a heading."""
        return any(column.heading for column in self.columns)


def word(text: str) -> Cell:
    """Return a cell that is sorted as text, without regard to upper and lower case."""
    return Cell(text, text.lower())


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> Cell:
    """Return a number's cell; nothing to show is a dash."""
    if value is None or math.isnan(value):
        return Cell(ABSENT)
    # A difference says its direction, and one that rounds to 0 has none. The plain hyphen for a minus is what a
    # spreadsheet reads where a table is copied to.
    has_sign = signed and float(f"{value:.{digits}f}") != 0
    return Cell(f"{value:{'+' if has_sign else ''}z,.{digits}f}", value)


def count(value: float | None) -> Cell:
    """Return a whole number's cell; 0 of something that is absent is no number but a dash."""
    return number(value or None, 0)


def span(low: float | None, high: float | None, *, signed: bool = False) -> Cell:
    """Return an interval's cell, sorted by its lower end."""
    if low is None or high is None:
        return Cell(ABSENT)
    return Cell(f"{number(low, signed=signed).text} to {number(high, signed=signed).text}", low)


def by_class(rows: Iterable[tuple[str, Row]]) -> tuple[Group, ...]:
    """Group consecutive rows, each given with the name of its class."""
    groups: list[Group] = []
    for name, cells in rows:
        if groups and groups[-1].name == name:
            groups[-1] = Group(name, (*groups[-1].rows, cells))
        else:
            groups.append(Group(name, (cells,)))
    return tuple(groups)
