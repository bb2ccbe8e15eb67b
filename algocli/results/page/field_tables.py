"""The table of receptive fields on a report's page, beside that of scores."""

from __future__ import annotations

from collections.abc import Iterator

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import heading
from algocli.results.page.tables import Cell, Column, Table, count, number, roi_rows
from algocli.results.report_rows import Report, RoiRow

# What each column has of a row, by how much it is multiplied, and its digits.
_COLUMNS = (
    (Column("n", "number of vertices"), "n_vertices", 1, 0),
    (Column("fields %", "vertices with a window that explains more than the whole image"), "field_share", 100, 0),
    (Column("eccentricity", "median, in degrees of visual angle"), "median_eccentricity", 1, 2),
    (Column("angle", "mean, in degrees: 0 to the right, 90 up, 180 to the left"), "mean_angle", 1, 0),
    (Column("size", "median standard deviation of the windows, in degrees of visual angle"), "median_size", 1, 2),
    (
        Column("margin %", "by how much less error a window leaves than the whole image, median"),
        "median_margin",
        100,
        1,
    ),
    (Column("rim %", "windows whose centres are as far out as any that was tried"), "rim_share", 100, 0),
)


def field_table(report: Report, subject: SubjectId) -> Table:
    """Return what the windows of one subject's ROIs have in common, both hemispheres side by side."""
    groups, foot = roi_rows(
        report.by_class(report.rois_of(subject)),
        lambda roi: (cell for h in report.sides for cell in _cells(report.row(subject, h, roi))),
    )
    columns = (Column(each.name, each.about, heading(h)) for h in report.sides for each, *_ in _COLUMNS)
    title = f"Subject {subject}: receptive fields by ROI"
    return Table(f"fields-{subject}", title, (Column("ROI"), *columns), groups, foot)


def _cells(row: RoiRow | None) -> Iterator[Cell]:
    for _, name, times, digits in _COLUMNS:
        value = None if row is None else getattr(row, name)
        # What rounds to a whole turn is to the right.
        if name == "mean_angle" and value is not None:
            value = round(value) % 360
        if name == "n_vertices":
            yield count(value)
        else:
            cell = number(None if value is None else times * value, digits)
            yield cell.heated(100) if name == "field_share" else cell
