"""The tables of receptive fields that `algocli report` prints below those of scores, where a run has found any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from algocli.cli.roi_tables import Table, roi_lines, run_by_run

if TYPE_CHECKING:
    from algocli.results.report_rows import Report, RoiRow

# What each column has of a row, by how much it is multiplied, and its digits.
_COLUMNS = {
    "fields %": ("field_share", 100, 0),
    "ecc": ("median_eccentricity", 1, 2),
    "angle": ("mean_angle", 1, 0),
    "size": ("median_size", 1, 2),
    "margin %": ("median_margin", 100, 1),
    "rim %": ("rim_share", 100, 0),
}

READING = (
    "fields %: vertices with a window that explains more than the whole image does; all else is of these alone",
    "ecc, size: medians in degrees of visual angle, size a standard deviation; angle: mean, 0 right, 90 up, 180 left",
    "ecc, angle and size are told between windows, where errors of those that were tried put the least",
    "margin %: by how much less error a window leaves than the whole image (generalised cross-validation, median)",
    "rim %: windows whose centres are as far out as any that was tried: they may see what lies beyond the image",
)


def field_tables(summary: Report) -> Iterator[Table]:
    """Yield a table for each subject, or for each side of one where both are too wide for the screen."""
    for number in summary.subjects:
        cells = {
            roi: [cell for side in summary.sides for cell in _cells(summary.row(number, side, roi))]
            for roi in summary.rois_of(number)
        }
        first, *others = _COLUMNS
        columns = ["ROI", *(name for side in summary.sides for name in (f"{side} {first}", *others))]
        table = f"Subject {number}: receptive fields", columns, roi_lines(summary, cells)
        yield from run_by_run(table, 1, len(_COLUMNS), len(summary.sides))


def _cells(row: RoiRow | None) -> Iterator[str]:
    from algocli.cli.console import number

    for name, times, digits in _COLUMNS.values():
        value = None if row is None else getattr(row, name)
        # What rounds to a whole turn is to the right.
        if name == "mean_angle" and value is not None:
            value = round(value) % 360
        yield number(None if value is None else times * value, digits)
