"""What several subjects have in common: medians over them of what a report says of each."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from algocli.dataset.sides import Side
from algocli.results.report_rows import Report, RoiRow


@dataclass(frozen=True)
class SubjectsRow:
    """A ROI of one hemisphere over the subjects that have it: medians, and the range of the median r.

    `accuracy` and `adjusted_accuracy` need the noise ceilings of all of them; whatever no subject has is None, as is
    the interval: each subject's is about its own images.
    """

    roi: str
    hemisphere: Side
    n_subjects: int
    n_vertices: float | None
    median_r: float | None
    mean_r: float | None
    accuracy: float | None
    adjusted_accuracy: float | None
    significant_share: float | None
    lowest_r: float | None
    highest_r: float | None
    low: None = None
    high: None = None


def over_subjects(report: Report, hemisphere: Side, roi: str) -> SubjectsRow:
    """Sum up one ROI over the subjects of a report that have vertices in it."""
    having = report.subjects if roi in report.rois else ()
    of_subjects = (report.row(number, hemisphere, roi) for number in having)
    rows = [row for row in of_subjects if row is not None and row.n_vertices]
    medians = [row.median_r for row in rows if row.median_r is not None]
    all_normalised = all(row.accuracy is not None for row in rows)
    return SubjectsRow(
        roi,
        hemisphere,
        len(rows),
        _median(row.n_vertices for row in rows),
        _median(medians),
        _median(row.mean_r for row in rows),
        _median(row.accuracy for row in rows) if all_normalised else None,
        _median(row.adjusted_accuracy for row in rows) if all_normalised else None,
        _median(row.significant_share for row in rows),
        min(medians, default=None),
        max(medians, default=None),
    )


def as_one_subject(report: Report) -> Report:
    """Return a report of one subject, numbered 0, whose scores are the medians over all: a chart can be made of it."""
    summed = [over_subjects(report, hemisphere, roi) for hemisphere in report.sides for roi in report.rois]
    rows = [
        RoiRow(0, row.hemisphere, row.roi, round(row.n_vertices or 0), row.median_r, row.mean_r, row.accuracy)
        for row in summed
    ]
    return Report(report.run, tuple(rows), report.classes)


def _median(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None
