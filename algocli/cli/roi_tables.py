"""What the tables of `report`, `compare` and `partition` have in common: one below the other, ROIs by class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from algocli.cli.console import TIGHT, out, room, show_table, table_width

if TYPE_CHECKING:
    from algocli.results.rows import RowsOfRois

# A table's title, its columns and its lines.
Table = tuple[str, Sequence[str], Iterable[Sequence[str]]]


def show_tables(tables: Iterable[Table], legend: str, *, ends_in_bars: bool = False) -> None:
    """Print tables with an empty line between any two, and the legend below the title of each."""
    for place, (title, columns, lines) in enumerate(tables):
        if place:
            out().print()
        show_table(columns, lines, title=f"{title}\n{legend}" if legend else title, ends_in_bars=ends_in_bars)


def fits(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> bool:
    """Say whether the screen holds a table, its columns moved together."""
    limit = room()
    return limit is None or table_width(columns, lines, TIGHT) <= limit


def run_by_run(table: Table, n_before: int, n_each: int, n_runs: int) -> Iterator[Table]:
    """Yield a table of runs side by side or, where the screen does not hold it, a table for each of them.

    Parameters
    ----------
    n_before, n_each
        How many columns there are before those of the first run, and for each; the ones after go with every run.
    """
    title, columns, lines = table[0], table[1], [*table[2]]
    if fits(columns, lines):
        yield title, columns, lines
        return
    after = n_before + n_runs * n_each
    for start in range(n_before, after, n_each):
        kept = [*range(n_before), *range(start, start + n_each), *range(after, len(columns))]
        # A line of fewer cells names a ROI class, or draws a line.
        some = [[line[place] for place in kept] if len(line) == len(columns) else line for line in lines]
        yield title, [columns[place] for place in kept], some


def roi_lines(summary: RowsOfRois, cells: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield ROIs with their cells, each ROI class under its name."""
    for place, (roi_class, rois) in enumerate(summary.by_class(cells)):
        if place or roi_class:
            yield []
        if roi_class:
            yield [roi_class]
        for roi in rois:
            yield [f"  {roi}" if roi_class else roi, *cells[roi]]
