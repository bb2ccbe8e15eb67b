"""A run's scores over subjects, ROI by ROI."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from algocli.results.group import GroupResult, GroupRow, check_group, few_subjects
from algocli.results.group_scores import Scores, by_place, mean_if_all, over_group
from algocli.results.report_rows import Report
from algocli.results.rows import ORIGIN, OfLayers
from algocli.results.telling import Correction
from algocli.stats.groups import Alternative


@dataclass(frozen=True, kw_only=True)
class RoiGroupRow(OfLayers, GroupRow):
    """The mean r of one ROI of one side over subjects.

    Beside what every `GroupRow` has, `accuracy` and `adjusted_accuracy` are the means of the subjects' accuracies in
    percent, where all of them have noise ceilings, and `significant_share` that of their shares of significant
    vertices, where it was asked for.
    """

    accuracy: float | None
    adjusted_accuracy: float | None
    significant_share: float | None


@dataclass(frozen=True, repr=False)
class GroupReport(GroupResult):
    """A row for each side and ROI; `each` is the report of every subject, which has its intervals.

    p ask whether r is above 0, one-sided: a model that predicts the opposite has explained nothing.
    """

    head: ClassVar[tuple[str, ...]] = (*ORIGIN, *GroupResult.head)
    alternative: ClassVar[Alternative] = "greater"
    shown: ClassVar[str] = "lies above 0"
    optional: ClassVar[tuple[str, ...]] = (*GroupResult.optional, "significant_share")

    run: str
    rows: tuple[RoiGroupRow, ...]
    classes: dict[str, str]
    each: Report
    corrected: Correction = "fdr"
    notes: tuple[str, ...] = ()


def group_report(report: Report, *, correct: Correction = "fdr", seed: int = 0) -> GroupReport:
    """Sum up a report over its subjects.

    Parameters
    ----------
    report
        With the intervals of two subjects or more.
    correct
        How to correct p for the number of ROIs and sides.
    seed
        Of the flips of signs, where subjects are too many to try them all.

    Raises
    ------
    UsageError
        If there is but one subject.
    """
    check_group(report.subjects)
    places = list(product(report.sides, report.rois))
    having = by_place(report.rows, places, lambda row: (row.hemisphere, row.roi))
    scored = [(row.subject, place, (row.mean_r, row.low, row.high)) for place, rows in having.items() for row in rows]
    numbers = over_group(
        Scores.gather(scored, report.subjects, places), GroupReport.alternative, correct=correct, seed=seed
    )
    rows = tuple(
        RoiGroupRow(
            **report.rows[0].origin,
            hemisphere=side,
            roi=roi,
            **number,  # type: ignore[arg-type]
            accuracy=mean_if_all([row.accuracy for row in having[side, roi]]),
            adjusted_accuracy=mean_if_all([row.adjusted_accuracy for row in having[side, roi]]),
            significant_share=mean_if_all([row.significant_share for row in having[side, roi]]),
        )
        for (side, roi), number in zip(places, numbers, strict=True)
    )
    notes = (*report.notes, *few_subjects(len(report.subjects), GroupReport.alternative, rows, correct))
    return GroupReport(report.run, rows, report.classes, report, correct, notes)
