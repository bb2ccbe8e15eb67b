"""The tables of `algocli partition`: a column for each part, sets told by letters, both hemispheres pooled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from string import ascii_uppercase
from typing import TYPE_CHECKING

from algocli.cli.roi_tables import Table, roi_lines, show_tables
from algocli.dataset.sides import all_of

if TYPE_CHECKING:
    from algocli.results.partition import PartitionReport, PartRow

# Four sets have fifteen parts: too many columns for a screen.
MOST_IN_FULL = 3

_Pick = Callable[["PartRow"], float | None]
_UNITS: dict[str, _Pick] = {
    "variance": lambda row: row.explained,
    "explainable variance": lambda row: row.of_explainable,
}


def show_parts(summary: PartitionReport) -> None:
    """Print each subject's parts in percent of variance and, where there are ceilings, of the explainable."""
    legend = "\n".join(f"{letter} {name}" for letter, name in zip(ascii_uppercase, summary.sets, strict=False))
    show_tables(_tables(summary), legend)


def remarks(summary: PartitionReport, regression: str) -> Iterator[str]:
    """Say how the table is to be read."""
    from algocli.encoding.regressions.registry import find_regression

    if len(summary.sets) > MOST_IN_FULL:
        yield "A: what A alone explains; by 2: all that exactly two sets share; total: all sets, the sum"
        yield "each shared part by itself: --json, --csv FILE or -o FOLDER"
    else:
        yield "A: what A alone explains; AB: what exactly A and B share; total: all sets, the sum of the parts"
    yield "a shared part below 0: the sets explain more together than apart (suppression), or noise"
    yield "a set's own part below 0: with it the others' predictions get worse, as they do from too few images"
    kind = find_regression(regression)
    if kind is not None and not kind.has_penalties:
        pays = f"{kind.title} pays for every component of every layer on new images"
        yield f"{pays}: unless images are many, ridge is fairer"
    if summary.has_ceilings:
        yield f"explainable: a ROI's mean over its mean noise ceiling; {all_of(summary.sides)} together"


def _tables(summary: PartitionReport) -> Iterator[Table]:
    """Yield each table's title, columns and lines."""
    from algocli.results.telling import SCORED_ON

    columns = ["n", *_headers(summary)]
    for number in summary.subjects:
        for what, pick in _UNITS.items():
            if any(pick(row) is not None for row in summary.rows if row.subject == number):
                cells = {roi: _cells(summary, summary.of_roi(number, roi), pick) for roi in summary.rois_of(number)}
                title = f"Subject {number}: percent of {what}, {SCORED_ON}"
                yield title, ["ROI", *columns], roi_lines(summary, cells)
    if len(summary.subjects) > 1:
        for roi in summary.rois_side_by_side:
            rows = {number: summary.of_roi(number, roi) for number in summary.subjects}
            lines = [[str(number), *_cells(summary, rows[number], _UNITS["variance"])] for number in rows]
            yield f"{roi}, subject by subject: percent of variance (validation)", ["subject", *columns], lines


def _headers(summary: PartitionReport) -> list[str]:
    from algocli.stats.partition import unions

    letters = ascii_uppercase[: len(summary.sets)]
    if len(letters) > MOST_IN_FULL:
        return [*letters, *(f"by {size}" for size in range(2, len(letters) + 1)), "total"]
    return [*("".join(sorted(part)) for part in unions(letters)), "total"]


def _cells(summary: PartitionReport, rows: Sequence[PartRow], pick: _Pick) -> list[str]:
    """Return the number of vertices and each part in percent; of many sets, the shared parts summed by their size."""
    from algocli.cli.console import DASH, number
    from algocli.stats.partition import unions

    if not rows or rows[0].n_vertices == 0:
        return [DASH] * (2 + len(_headers(summary)) - 1)
    values = [None if (share := pick(row)) is None else 100 * share for row in rows]
    if len(summary.sets) > MOST_IN_FULL:
        *parts, total = values
        sized = zip(map(len, unions(summary.sets)), parts, strict=True)
        by_size = {size: [value for _, value in group] for size, group in groupby(sized, key=lambda pair: pair[0])}
        values = [*by_size.pop(1), *(_sum(shared) for shared in by_size.values()), total]
    return [number(rows[0].n_vertices, 0), *(number(value, 1) for value in values)]


def _sum(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) if present else None
