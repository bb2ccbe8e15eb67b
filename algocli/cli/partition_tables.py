"""The tables of `algocli partition`: a column for each part, sets told by letters, both hemispheres pooled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from string import ascii_uppercase
from typing import TYPE_CHECKING

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import ALL_VERTICES

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
    from algocli.cli.console import out, show_table

    legend = "".join(f"\n{letter} {name}" for letter, name in zip(ascii_uppercase, summary.sets, strict=False))
    for place, (title, first, lines) in enumerate(_tables(summary)):
        if place:
            out().print()
        show_table([first, "n", *_headers(summary)], lines, title=title + legend)


def _tables(summary: PartitionReport) -> Iterator[tuple[str, str, Iterator[list[str]]]]:
    """Yield each table's title, first column and lines."""
    from algocli.results.telling import SCORED_ON

    for number in summary.subjects:
        for what, pick in _UNITS.items():
            if any(pick(row) is not None for row in summary.rows if row.subject == number):
                yield f"Subject {number}: percent of {what}, {SCORED_ON}", "ROI", _roi_lines(summary, number, pick)
    if len(summary.subjects) > 1:
        for roi in [ALL_VERTICES] if ALL_VERTICES in summary.rois else summary.rois:
            title = f"{roi}, subject by subject: percent of variance (validation)"
            yield title, "subject", _subject_lines(summary, roi, _UNITS["variance"])


def _headers(summary: PartitionReport) -> list[str]:
    from algocli.stats.partition import unions

    letters = ascii_uppercase[: len(summary.sets)]
    if len(letters) > MOST_IN_FULL:
        return [*letters, *(f"by {size}" for size in range(2, len(letters) + 1)), "total"]
    return [*("".join(sorted(part)) for part in unions(letters)), "total"]


def _roi_lines(summary: PartitionReport, number: SubjectId, pick: _Pick) -> Iterator[list[str]]:
    """Yield a subject's rows, each ROI class under its name."""
    heading = ""
    for roi in summary.rois:
        rows = summary.of_roi(number, roi)
        # Another subject's data names it, this one's does not.
        if not rows:
            continue
        roi_class = summary.classes.get(roi, "")
        if roi_class != heading:
            heading = roi_class
            yield []
            yield from [[heading]] if heading else []
        yield [f"  {roi}" if roi_class else roi, *_cells(summary, rows, pick)]


def _subject_lines(summary: PartitionReport, roi: str, pick: _Pick) -> Iterator[list[str]]:
    for number in summary.subjects:
        yield [str(number), *_cells(summary, summary.of_roi(number, roi), pick)]


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
