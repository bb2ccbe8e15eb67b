"""The tables of a report's page: a subject's ROIs by class, and what subjects have in common."""

from __future__ import annotations

from collections.abc import Iterator

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import heading
from algocli.results.over_subjects import SubjectsRow, over_subjects
from algocli.results.page.tables import Cell, Column, Group, Table, count, largest, number, roi_rows, span
from algocli.results.report_rows import Report, RoiRow
from algocli.results.telling import DASH

_N = Column("n", "number of vertices")
_MEDIAN = Column("median\N{NO-BREAK SPACE}r", "median correlation over the vertices")
_MEAN = Column("mean\N{NO-BREAK SPACE}r", "mean correlation over the vertices")
_INTERVAL = Column("95 % interval", "95 % interval of the mean r over held-out images drawn anew")
_ACCURACY = Column("accuracy %", "mean noise-normalised encoding accuracy, min(100, 100 r\N{SUPERSCRIPT TWO} / NC)")
_ADJUSTED = Column("adjusted %", "the same without what chance adds to r\N{SUPERSCRIPT TWO}, signed and not cut off")
_SIGNIFICANT = Column("significant %", "share of vertices explained better than chance, q up to .05")
_RANGE = Column("range", "lowest and highest subject's median r")
_SUBJECTS = Column("subjects", "number of subjects that have the ROI")


def roi_table(report: Report, subject: SubjectId) -> Table:
    """Return one subject's ROIs, class by class, both hemispheres side by side; all vertices are the foot."""
    groups, foot = roi_rows(
        report.by_class(report.rois_of(subject)),
        lambda roi: (cell for h in report.sides for cell in _cells(report, report.row(subject, h, roi))),
    )
    return Table(
        f"rois-{subject}",
        f"Subject {subject}: correlations and accuracy by ROI",
        (Column("ROI"), *_sides(report, _columns(report))),
        groups,
        foot,
    )


def subjects_table(report: Report) -> Table:
    """Return the median over subjects, then one row a subject, of all its vertices or of the one ROI there is."""
    roi = report.rois_side_by_side[0]
    rows = []
    for subject in report.subjects:
        sides = [cell for h in report.sides for cell in _cells(report, report.row(subject, h, roi))]
        rows.append((Cell(f"Subject {subject}", subject), *sides))
    middle = [cell for h in report.sides for cell in _cells(report, over_subjects(report, h, roi))]
    return Table(
        "subjects",
        f"{roi}, subject by subject",
        (Column("Subject"), *_sides(report, _columns(report))),
        (Group("", tuple(rows)),),
        head=((Cell("Median over subjects"), *middle),),
    )


def over_subjects_table(report: Report) -> Table:
    """Return one row a ROI: medians over the subjects that have it, and their range."""
    columns = [_SUBJECTS, _MEDIAN, _RANGE, _MEAN, *_last_columns(report)]
    groups, foot = roi_rows(
        report.by_class(report.rois),
        lambda roi: (cell for h in report.sides for cell in _common(report, over_subjects(report, h, roi))),
    )
    return Table(
        "rois-all",
        f"Medians over {len(report.subjects)} subjects by ROI",
        (Column("ROI"), *_sides(report, columns)),
        groups,
        foot,
    )


def _columns(report: Report) -> list[Column]:
    intervals = [_INTERVAL] * report.has_intervals
    return [_N, _MEDIAN, _MEAN, *intervals, *_last_columns(report)]


def _last_columns(report: Report) -> list[Column]:
    accuracies = [_ACCURACY] * report.has_accuracy + [_ADJUSTED] * report.has_adjusted
    return accuracies + [_SIGNIFICANT] * report.has_significance


def _sides(report: Report, columns: list[Column]) -> Iterator[Column]:
    for hemisphere in report.sides:
        for column in columns:
            yield Column(column.name, column.about, heading(hemisphere))


def _cells(report: Report, row: RoiRow | SubjectsRow | None) -> Iterator[Cell]:
    """Yield a ROI's numbers in one hemisphere; a ROI that is absent has dashes."""
    if row is None or not row.n_vertices:
        yield from [Cell(DASH)] * len(_columns(report))
        return
    full = _full(report)
    yield from (count(row.n_vertices), number(row.median_r).heated(full), number(row.mean_r).heated(full))
    if report.has_intervals:
        yield span(row.low, row.high)
    yield from _last(report, row)


def _common(report: Report, row: SubjectsRow) -> Iterator[Cell]:
    full = _full(report)
    yield from (count(row.n_subjects), number(row.median_r).heated(full), span(row.lowest_r, row.highest_r))
    yield number(row.mean_r).heated(full)
    yield from _last(report, row)


def _last(report: Report, row: RoiRow | SubjectsRow) -> Iterator[Cell]:
    if report.has_accuracy:
        yield number(row.accuracy, 1).heated(100)
    if report.has_adjusted:
        yield number(row.adjusted_accuracy, 1).heated(100)
    if report.has_significance:
        yield number(None if row.significant_share is None else 100 * row.significant_share, 0).heated(100)


def _full(report: Report) -> float | None:
    """Return the r that has all of the colour, the same in the tables of all subjects: the largest of any ROI."""
    return largest(r for row in report.rows for r in (row.median_r, row.mean_r))
