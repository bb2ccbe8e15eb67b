"""The tables that `algocli compare --prf` prints: receptive fields found beside those measured, ROI by ROI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from algocli.cli.roi_tables import Table, roi_lines, run_by_run

if TYPE_CHECKING:
    from algocli.results.prf import PrfComparison, PrfRow

# What each column has of a row, and its digits.
_COLUMNS = {
    "n": ("n_vertices", 0),
    "angle r": ("angle_r", 3),
    "off": ("angle_error", 0),
    "ecc r": ("eccentricity_r", 3),
    "rho": ("eccentricity_rho", 3),
    "ecc off": ("eccentricity_error", 2),
}

READING = (
    "n: vertices that have a receptive field in the run and in the files; of fewer than 5 nothing is told",
    "angle r: circular correlation of polar angle; ecc r, rho: Pearson's and Spearman's of eccentricity",
    "off: median of how far both are apart, in degrees of polar angle; ecc off: of visual angle",
)


def prf_tables(comparison: PrfComparison) -> Iterator[Table]:
    """Yield a table for each run, or for each side of one where both are too wide for the screen."""
    [subject] = comparison.subjects
    first, *others = _COLUMNS
    columns = ["ROI", *(name for side in comparison.sides for name in (f"{side} {first}", *others))]
    for run in comparison.runs:
        cells = {
            roi: [cell for side in comparison.sides for cell in _cells(comparison.of_roi(run, side, roi))]
            for roi in comparison.rois
        }
        table = (
            f"Subject {subject}: receptive fields beside those measured\n{run}",
            columns,
            roi_lines(comparison, cells),
        )
        yield from run_by_run(table, 1, len(_COLUMNS), len(comparison.sides))


def _cells(row: PrfRow | None) -> Iterator[str]:
    from algocli.cli.console import number

    for name, digits in _COLUMNS.values():
        is_absent = row is None or row.n_in_roi == 0
        yield number(None if is_absent else getattr(row, name), digits)
