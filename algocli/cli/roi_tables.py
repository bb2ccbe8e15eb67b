"""What the tables of `report`, `compare` and `partition` have in common: one below the other, ROIs by class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from algocli.cli.console import out, show_table

if TYPE_CHECKING:
    from algocli.results.rows import RowsOfRois

# A table's title, its columns and its lines.
Table = tuple[str, Sequence[str], Iterable[Sequence[str]]]


def show_tables(tables: Iterable[Table], legend: str, *, ends_in_bars: bool = False) -> None:
    """Print tables with an empty line between any two, and the legend below the title of each."""
    for place, (title, columns, lines) in enumerate(tables):
        if place:
            out().print()
        show_table(columns, lines, title=f"{title}\n{legend}", ends_in_bars=ends_in_bars)


def roi_lines(summary: RowsOfRois, cells: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    """Yield ROIs with their cells, each ROI class under its name."""
    for place, (roi_class, rois) in enumerate(summary.by_class(cells)):
        if place or roi_class:
            yield []
        if roi_class:
            yield [roi_class]
        for roi in rois:
            yield [f"  {roi}" if roi_class else roi, *cells[roi]]
