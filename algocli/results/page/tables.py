"""A table as a page holds it: cells that know what to show and by what to be sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from algocli.dataset.sides import ALL_VERTICES
from algocli.results import telling
from algocli.results.telling import DASH

# Rows: more than a screen shows beside other things.
_SCREEN = 20


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number or word that it is sorted by; None goes last in either direction.

    `mark` is a sign beside the text, and `meaning` what it says to whoever cannot see it. `heat` is how much colour it
    has, from -1 to 1; 0 has none. `run`, of a row's head, is the place of the run that the row tells of, if it is one.
    """

    text: str
    key: float | str | None = None
    mark: str = ""
    meaning: str = ""
    heat: float = 0.0
    run: int | None = None

    def heated(self, full: float | None) -> Cell:
        """Give the cell a colour by its number; `full` has all of it. What is no number has none."""
        if not full or not isinstance(self.key, int | float):
            return self
        return replace(self, heat=round(min(1.0, max(-1.0, self.key / full)), 2))


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Column:
    """A column's name, what it means, and the heading that it stands under with its neighbours, if any.

    `run` is the place of the run that it tells of, from 1, where a reader may want to leave some out.
    """

    name: str
    about: str = ""
    heading: str = ""
    run: int | None = None

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
    """Rows in groups, to be sorted by any column; rows of `head` stay above them and those of `foot` below.

    `ident` is the element's id, unique in a page. `run` is the place of the run that all of it tells of, if it is one.
    """

    ident: str
    caption: str
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]
    foot: tuple[Row, ...] = ()
    head: tuple[Row, ...] = ()
    run: int | None = None

    @property
    def headings(self) -> tuple[tuple[str, int], ...]:
        """Each heading and how many columns it covers, from left to right."""
        return tuple((heading, width) for heading, width, _ in self.headings_of_runs)

    @property
    def headings_of_runs(self) -> tuple[tuple[str, int, int | None], ...]:
        """Each heading, how many columns it covers, and the run that it tells of."""
        alike = groupby(self.columns, key=lambda column: (column.heading, column.run))
        return tuple((heading, len(list(columns)), run) for (heading, run), columns in alike)

    @property
    def is_long(self) -> bool:
        """Say whether the rows fill a screen."""
        return sum(len(group.rows) for group in self.groups) > _SCREEN

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


def largest(values: Iterable[float | None]) -> float | None:
    """Return the size of the number farthest from 0, if there is any."""
    return max((abs(value) for value in values if value is not None), default=None)


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
