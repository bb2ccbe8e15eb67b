"""Tables that have runs as rows, the best first, each by its place on the command line and its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from algocli.cli.console import TIGHT, room, table_width
from algocli.cli.roi_tables import Table
from algocli.results.ranked import told_apart, without_beginning
from algocli.results.telling import DASH, shortened

if TYPE_CHECKING:
    from algocli.results.difference_rows import Comparison
    from algocli.results.group_compare import GroupComparison

# Columns that give way to a run's name, in this order; the files have them.
_FIRST_TO_GO = ("g", "worse", "better", "best %")
# Letters that a run's name is cut down to where the screen has no room for more.
_LEAST_NAME = 12


def columned(
    comparison: Comparison | GroupComparison,
    what: str,
    order: Sequence[str],
    columns: dict[str, dict[str, str]],
    best: dict[str, str],
) -> Iterator[Table]:
    """Yield a table of runs, or as few as the screen holds, with the place of the best run below each column."""
    names, limit = list(columns), room()
    n_each = len(names)
    while True:
        some = [names[start : start + n_each] for start in range(0, len(names), n_each)]
        tables = [_of_columns(comparison, order, {name: columns[name] for name in part}, best) for part in some]
        if limit is None or n_each == 1 or all(table_width(*table, TIGHT) <= limit for table in tables):
            break
        # As even as can be, and in any case fewer.
        n_each = min(n_each - 1, -(-len(names) // (len(some) + 1)))
    for head, lines in tables:
        yield f"{what}: mean r (validation), best run first", *_with_names(comparison, order, head, lines)


def _of_columns(
    comparison: Comparison | GroupComparison,
    order: Sequence[str],
    columns: dict[str, dict[str, str]],
    best: dict[str, str],
) -> tuple[list[str], list[list[str]]]:
    lines = [[place_of(comparison, run), *(cells[run] for cells in columns.values())] for run in order]
    return ["run", *(f"{name} " for name in columns)], [*lines, [], ["best", *(f"{best[name]} " for name in columns)]]


def named_rows(
    comparison: Comparison | GroupComparison, what: str, columns: Sequence[str], cells: Mapping[str, Sequence[str]]
) -> Table:
    """Return a table of runs, each with its name, for which columns give way."""
    order, title = list(cells), f"{what}: mean r (validation), best run first"
    kept = [["run", *columns], *([place_of(comparison, run), *cells[run]] for run in order)]
    for gone in (None, *_FIRST_TO_GO):
        at = [place for place, name in enumerate(kept[0]) if name != gone]
        kept = [[line[place] for place in at] for line in kept]
        named = _with_names(comparison, order, kept[0], kept[1:])
        if len(named[0]) > len(kept[0]):
            return title, *named
    # A line that the screen breaks can be read; a number without a name tells nothing.
    return title, [*kept[0], " name"], [[*line, f" {run}"] for line, run in zip(kept[1:], order, strict=True)]


def _with_names(
    comparison: Comparison | GroupComparison, order: Sequence[str], columns: list[str], lines: list[list[str]]
) -> tuple[list[str], list[list[str]]]:
    """Put the runs' names behind their rows, of long ones what tells them apart; none where there is no room."""
    limit, full = room(), comparison.names
    short, _ = told_apart(full)
    left = max(map(len, full)) if limit is None else limit - table_width(columns, lines, TIGHT) - 2 * TIGHT
    shortest = without_beginning(short)
    words = next((list(names) for names in (full, short, shortest) if max(map(len, names)) <= left), None)
    if words is None and left >= _LEAST_NAME:
        words = [shortened(name, left) for name in shortest]
    if words is None or len(set(words)) < len(words):
        return columns, lines
    called = dict(zip(full, words, strict=True))
    named = [[*line, f" {called[run]}"] for line, run in zip(lines, order, strict=False)]
    return [*columns, " name"], named + [[*line, ""] if line else [] for line in lines[len(order) :]]


def best_of(runs: Sequence[str], means: Sequence[float | None], comparison: Comparison | GroupComparison) -> str:
    """Return the place of the run of the largest mean; a dash where none has one."""
    known = {run: value for run, value in zip(runs, means, strict=True) if value is not None}
    return place_of(comparison, max(known, key=lambda run: known[run])) if known else DASH


def place_of(comparison: Comparison | GroupComparison, run: str) -> str:
    """Return the place in which a run was named, from 1."""
    return str(comparison.names.index(run) + 1)
