"""The tables that `algocli report` prints: a subject's ROIs by class, and subject beside subject.

A file or a pipe has them as they are read best. A terminal also has bars, and the adjusted accuracy, which is in the
CSV, the JSON and the page anyhow; what a narrow one does not hold gives way in this order: the adjusted accuracy, space
between the columns, bars, the hemispheres side by side.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from algocli.dataset.sides import Side, heading

if TYPE_CHECKING:
    from algocli.results.over_subjects import SubjectsRow
    from algocli.results.report_rows import Report, RoiRow
    from algocli.results.scoring import OverallAccuracy

# Vertices, median r, mean r, its interval, accuracy, adjusted accuracy and significant percent of a ROI in one
# hemisphere; None where there is nothing.
_Numbers = tuple[float | None, ...]

# Columns of the screen: a shorter bar tells nothing, a longer one no more.
_LEAST_BAR, _MOST_BAR = 8, 24


@dataclass(frozen=True)
class _Layout:
    """The hemispheres of each table, if it has adjusted accuracies, how wide a bar is (0: none), and a full one's r."""

    tables: tuple[tuple[Side, ...], ...]
    adjusted: bool = False
    bar: int = 0
    full: float = 1.0


def show_tables(summary: Report) -> None:
    """Print a table for each subject, of several subjects one that compares them, and the overall accuracy."""
    from algocli.cli import roi_tables
    from algocli.cli.console import out, show_remark

    layout = _choose_layout(summary)
    roi_tables.show_tables(_tables(summary, layout), summary.run, ends_in_bars=layout.bar > 0)
    if summary.has_fields:
        from algocli.cli.field_tables import field_tables

        out().print()
        roi_tables.show_tables(field_tables(summary), summary.run)
    if summary.overall is not None and summary.has_accuracy:
        out().print()
        out().print(_overall_line(summary.overall), markup=False)
    if summary.preparation:
        out().print()
    for line in summary.preparation:
        show_remark(line)


def _choose_layout(summary: Report) -> _Layout:
    from algocli.cli.console import ROOMY, TIGHT, room, shows_bars, table_width

    limit = room()
    side_by_side, stacked = _Layout((summary.sides,)), _Layout(tuple((side,) for side in summary.sides))
    if limit is None:
        return side_by_side
    in_full = [replace(side_by_side, adjusted=True)] * summary.has_adjusted
    for layout in (*in_full, side_by_side, stacked):
        tables = list(_tables(summary, layout))
        left_over = [limit - gap - max(table_width(*table[1:], gap) for table in tables) for gap in (ROOMY, TIGHT)]
        if left_over[-1] >= (_LEAST_BAR if layout.adjusted and shows_bars() else -TIGHT):
            break
    width = next((min(n, _MOST_BAR) for n in left_over if n >= _LEAST_BAR), 0) if shows_bars() else 0
    return replace(layout, bar=width, full=_full_bar(summary))


def _full_bar(summary: Report) -> float:
    """Return the largest r that there is, rounded up to a tenth."""
    most = max((r for row in summary.rows if (r := _r(_numbers(row), summary)) is not None), default=0.0)
    return max(0.1, math.ceil(round(10 * most, 6)) / 10)


def _tables(summary: Report, layout: _Layout) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yield each table's title, columns and lines."""
    from algocli.cli.roi_tables import roi_lines
    from algocli.results.telling import SCORED_ON

    scored = f"r on {SCORED_ON}"
    for number, sides in product(summary.subjects, layout.tables):
        rows = {roi: [summary.row(number, side, roi) for side in sides] for roi in summary.rois_of(number)}
        lines = list(roi_lines(summary, {roi: _cells(rows[roi], summary, layout) for roi in rows}))
        yield f"Subject {number}{_of(sides)}: {scored}", _columns(summary, "ROI", sides, layout), lines
    if len(summary.subjects) > 1:
        for roi, sides in product(summary.rois_side_by_side, layout.tables):
            lines = list(_subject_lines(summary, roi, sides, layout))
            title = f"{roi}, subject by subject: {scored}"
            # With a hemisphere in it, it would be longer than the tables are wide.
            title = title if len(sides) > 1 else f"{roi}{_of(sides)}, subject by subject: r (validation)"
            yield title, _columns(summary, "subject", sides, layout), lines


def _of(sides: Sequence[Side]) -> str:
    return f", {heading(sides[0]).lower()}" if len(sides) == 1 else ""


def _overall_line(overall: OverallAccuracy) -> str:
    from algocli.cli.console import number

    rest = number(overall.mean_without_zero_ceiling, 1)
    mean, median = number(overall.mean, 1), number(overall.median, 1)
    line = (
        f"All vertices, validation %: mean {mean} ({rest} without {overall.n_zero_ceiling:,} NC = 0), median {median}"
    )
    if overall.adjusted_mean is None:
        return line
    return f"{line}\nadjusted for the number of images: mean {number(overall.adjusted_mean, 1)}"


def _columns(summary: Report, first: str, sides: Sequence[Side], layout: _Layout) -> list[str]:
    r = "" if summary.has_accuracy else " r"
    # The interval takes the median's place: both would not fit into a hundred columns.
    scores = [f"mean{r}", "95 %"] if summary.has_intervals else [f"median{r}", f"mean{r}"]
    scores += ["acc %"] * summary.has_accuracy + ["adj %"] * layout.adjusted + ["sig"] * summary.has_significance
    counts = ["n"] if len(sides) == 1 else [f"{side} n" for side in sides]
    return [first, *(word for count in counts for word in (count, *scores)), *_axis(summary, layout)]


def _axis(summary: Report, layout: _Layout) -> list[str]:
    """Return the heading of the bars, if there are any: from 0 to the r of a full one."""
    if not layout.bar:
        return []
    end = f"{layout.full:.1f}"
    between = layout.bar - len("0") - len(end)
    name = " mean " if summary.has_intervals else " median "
    return [f"0{name if len(name) <= between else '':^{between}}{end}"]


def _subject_lines(summary: Report, roi: str, sides: Sequence[Side], layout: _Layout) -> Iterator[list[str]]:
    """Yield a ROI's row of each subject, and the median over subjects."""
    from algocli.results.over_subjects import over_subjects

    for number in summary.subjects:
        yield [str(number), *_cells([summary.row(number, side, roi) for side in sides], summary, layout)]
    yield []
    yield ["median", *_cells([over_subjects(summary, side, roi) for side in sides], summary, layout)]


def _numbers(row: RoiRow | SubjectsRow | None) -> _Numbers:
    if row is None or row.n_vertices == 0:
        return (None,) * 8
    percent = None if row.significant_share is None else 100 * row.significant_share
    return row.n_vertices, row.median_r, row.mean_r, row.low, row.high, row.accuracy, row.adjusted_accuracy, percent


def _cells(rows: Sequence[RoiRow | SubjectsRow | None], summary: Report, layout: _Layout) -> Iterator[str]:
    from algocli.cli.console import bar, number

    sides = [_numbers(row) for row in rows]
    for n_vertices, median_r, mean_r, low, high, accuracy, adjusted, percent in sides:
        yield number(n_vertices, 0)
        if summary.has_intervals:
            yield from (number(mean_r), _interval(low, high))
        else:
            yield from (number(median_r), number(mean_r))
        if summary.has_accuracy:
            yield number(accuracy, 1)
        if layout.adjusted:
            yield number(adjusted, 1)
        if summary.has_significance:
            yield number(percent, 0)
    if layout.bar:
        known = [r for side in sides if (r := _r(side, summary)) is not None]
        yield bar(statistics.mean(known) / layout.full, layout.bar) if known else ""


def _r(numbers: _Numbers, summary: Report) -> float | None:
    """Return the r that a bar shows: the mean where it has an interval, else the median."""
    _, median_r, mean_r, *_ = numbers
    return mean_r if summary.has_intervals else median_r


def _interval(low: float | None, high: float | None) -> str:
    from algocli.cli.console import DASH, number

    return DASH if low is None or high is None else f"{number(low)} {number(high)}"
