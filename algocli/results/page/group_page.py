"""What --group adds to a page: the tables over subjects, before those of each, and what they rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from algocli.dataset.sides import Side, heading
from algocli.results.group import GroupResult, GroupRow
from algocli.results.group_compare import GroupComparison
from algocli.results.group_report import GroupReport, RoiGroupRow
from algocli.results.how_sure import PEOPLE
from algocli.results.page.frame import Page
from algocli.results.page.pictures import Picture
from algocli.results.page.tables import Cell, Column, Table, largest, number, roi_rows, span
from algocli.results.telling import DASH

P = TypeVar("P", bound=Page)

MARK = "*"


def with_group(page: P, group: GroupResult, tables: Sequence[Table], pictures: Sequence[Picture] = ()) -> P:
    """Put what a group shows at the head of a page of its subjects.

    Parameters
    ----------
    tables, pictures
        Over subjects.
    """
    *before, command = page.repeat
    correct = f" --correct {group.corrected}" * (group.corrected != "fdr")
    return replace(
        page,
        overview=(*tables, *page.overview),
        pictures=(*pictures, *page.pictures),
        repeat=(*before, f"{command} --group{correct}"),
        how_sure=(("Over subjects", PEOPLE), *page.how_sure),
        notes=tuple(dict.fromkeys((*group.explain_all(), *page.notes, *group.notes))),
    )


def report_tables(group: GroupReport) -> tuple[Table, ...]:
    """Return a table for each side: a row a ROI, over subjects."""
    return tuple(_report_table(group, side) for side in group.sides)


def _report_table(group: GroupReport, side: Side) -> Table:
    rows = {row.roi: row for row in group.rows if row.hemisphere == side}
    groups, foot = roi_rows(group.by_class(rows), lambda roi: _report_cells(group, rows[roi]))
    columns = [Column("ROI"), *group_columns(group, "mean r")]
    columns += [Column("acc %", "mean over subjects of the noise-normalised accuracy")] * group.each.has_accuracy
    columns += [Column("significant %", "mean over subjects")] * group.each.has_significance
    title = f"Over {len(group.subjects)} subjects, {heading(side).lower()}: mean r by ROI"
    return Table(f"group-{side}", title, tuple(columns), groups, foot)


def _report_cells(group: GroupReport, row: RoiGroupRow) -> Iterator[Cell]:
    yield from group_cells(group, row)
    if group.each.has_accuracy:
        yield number(row.accuracy, 1).heated(100)
    if group.each.has_significance:
        yield number(_hundred(row.significant_share), 0).heated(100)


def compare_tables(group: GroupComparison) -> tuple[Table, ...]:
    """Return for each side which run is best in every ROI, and each run against the reference: a row a ROI."""
    best = (_best_table(group, side) for side in group.sides)
    differences = (_differences_table(group, side, place) for side in group.sides for place in range(len(group.runs)))
    return (*best, *differences)


def _best_table(group: GroupComparison, side: Side) -> Table:
    full = largest(r for row in group.rows for r in (row.reference_mean_r, row.mean_r))

    def cells(roi: str) -> Iterator[Cell]:
        best = group.best_of(side, roi)
        yield number(best.n_subjects or None, 0)
        yield Cell(DASH) if best.run is None else Cell(*_place_of(group, best.run))
        yield number(best.mean_r).heated(full)
        yield number(best.n_subjects_best if best.run else None, 0)
        for run in group.names:
            yield number(_hundred(best.shares.get(run)), 0).heated(100)

    groups, foot = roi_rows(group.by_class(group.rois), cells)
    columns = (
        Column("ROI"),
        Column("subjects", "number of subjects that have the ROI"),
        Column("best run", "of the highest mean r over subjects"),
        Column("mean r", "of the best run, over subjects"),
        Column("best of", "number of subjects of whom it is the best too"),
        *(
            Column(str(place), run, "percent of resamples in which a run is best", place)
            for place, run in enumerate(group.names, start=1)
        ),
    )
    title = f"Over {len(group.subjects)} subjects, {heading(side).lower()}: the best run by ROI"
    return Table(f"best-{side}", title, columns, groups, foot)


def _place_of(group: GroupComparison, run: str) -> tuple[str, int]:
    """Return a run's place in the tables, from 1, as text and as what it is sorted by."""
    place = group.names.index(run) + 1
    return str(place), place


def _differences_table(group: GroupComparison, side: Side, place: int) -> Table:
    rows = {roi: group.of_roi(side, roi)[place] for roi in group.rois}

    def cells(roi: str) -> Iterator[Cell]:
        row = rows[roi]
        yield from (number(row.reference_mean_r), number(row.mean_r), *group_cells(group, row, signed=True))
        yield from (number(n if row.n_subjects else None, 0) for n in (row.n_better, row.n_worse))

    groups, foot = roi_rows(group.by_class(rows), cells)
    columns = (
        Column("ROI"),
        Column("1", f"mean r of the reference, {group.reference}"),
        Column(str(place + 2), f"mean r of {group.runs[place]}"),
        *group_columns(group, "difference"),
        Column("better", "subjects whose own 95 % interval lies above 0"),
        Column("worse", "subjects whose own 95 % interval lies below 0"),
    )
    title = f"Over {len(group.subjects)} subjects, {heading(side).lower()}: run {place + 2} against run 1"
    return Table(f"group-{side}-{place + 2}", title, columns, groups, foot, run=place + 2)


def group_columns(group: GroupResult, mean: str) -> Iterator[Column]:
    """Yield the columns of `group_cells`."""
    yield Column("subjects", "number of subjects that have the ROI")
    yield Column(mean, "mean over subjects")
    yield Column("95 % interval", "of the mean: how far other people would have moved it")
    yield Column("sd", "standard deviation over subjects")
    if group.has_prevalence:
        yield Column("between", "standard deviation between subjects, without what their images make scores vary")
    yield Column("g", "effect size: the mean in standard deviations (Hedges)")
    yield Column("p", "by all flips of the subjects' signs")
    yield Column("p Wilcoxon", "by signed ranks")
    if group.corrected != "none":
        yield Column(f"p {group.corrected}", "p by flips, corrected for how many rows there are")
    if group.has_prevalence:
        yield Column("show", f"subjects whose own 95 % interval {group.shown}")
        about = "in how many of a hundred people it would be seen: most likely, and the 95 % interval of that"
        yield Column("prevalence %", about)


def group_cells(group: GroupResult, row: GroupRow, *, signed: bool = False) -> Iterator[Cell]:
    """Yield what every row over subjects has."""
    mean = number(row.mean, signed=signed).heated(largest(row.mean for row in group.rows))
    yield number(row.n_subjects or None, 0)
    yield replace(mean, mark=MARK, meaning="p <= .05") if row.stands_out else mean
    yield span(row.low, row.high, signed=signed)
    yield number(row.sd)
    if group.has_prevalence:
        yield number(row.sd_between)
    yield number(row.effect_size, 2)
    yield _p(row.p)
    yield _p(row.p_wilcoxon)
    if group.corrected != "none":
        yield _p(row.p_corrected)
    if group.has_prevalence:
        yield number(row.n_showing, 0)
        yield _prevalence(row)


def _prevalence(row: GroupRow) -> Cell:
    likely, low, high = map(_hundred, (row.prevalence, row.prevalence_low, row.prevalence_high))
    if likely is None or low is None or high is None:
        return Cell(DASH)
    return Cell(f"{likely:.0f} ({low:.0f} to {high:.0f})", likely)


def _p(value: float | None) -> Cell:
    return Cell("<.001", value) if value is not None and value < 0.0005 else number(value)


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share
