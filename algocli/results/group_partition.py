"""Parts of explained variance over subjects, ROI by ROI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import BOTH, Side
from algocli.results.group import GroupResult, GroupRow, check_group, few_subjects
from algocli.results.group_scores import Scores, by_place, mean_if_all, over_group
from algocli.results.part_rows import CHANCE, PartitionReport, PartRow
from algocli.results.partition import named_parts
from algocli.results.telling import Correction
from algocli.stats.groups import Alternative


@dataclass(frozen=True, kw_only=True)
class PartGroupRow(GroupRow):
    """One part of the variance of one ROI over subjects; `mean` is that of its shares of variance.

    Beside what every `GroupRow` has, `of_explainable` is the mean of the subjects' parts relative to their noise
    ceilings, where all of them have these.
    """

    part: str
    of_explainable: float | None


@dataclass(frozen=True, repr=False)
class GroupPartition(GroupResult):
    """A row for each side, ROI and part; `each` is the partition of every subject.

    p ask whether a set's own part, or the total, is above chance, and whether a shared part is other than chance.
    """

    shown: ClassVar[str] = "lies above chance (of a shared part: on the side that the mean is on)"
    family: ClassVar[str] = " of a part"
    head: ClassVar[tuple[str, ...]] = ("hemisphere", "roi", "part")

    sets: tuple[str, ...]
    parts: tuple[str, ...]
    rows: tuple[PartGroupRow, ...]
    classes: dict[str, str]
    each: PartitionReport
    corrected: Correction = "fdr"
    notes: tuple[str, ...] = ()

    @property
    def sided(self) -> str:
        """Say in words what p asks."""
        return "one-sided for a set's own part and the total, two-sided for shared parts"

    def explain(self) -> Iterator[str]:
        """Say what the unit is, and how numbers are to be read."""
        yield from super().explain()
        yield f"g, p and show are against chance: {CHANCE}"

    def of_roi(self, roi: str, hemisphere: Side = BOTH) -> list[PartGroupRow]:
        """Return a ROI's row of each part; by default of all sides together."""
        side = self.sides[0] if hemisphere == BOTH and len(self.sides) == 1 else hemisphere
        return [row for row in self.rows if (row.hemisphere, row.roi) == (side, roi)]


def group_partition(
    report: PartitionReport,
    *,
    chance: Mapping[SubjectId, Mapping[str, float]] | None = None,
    correct: Correction = "fdr",
    seed: int = 0,
) -> GroupPartition:
    """Sum up a partition over its subjects.

    Parameters
    ----------
    report
        Of two subjects or more. Without their intervals nothing is said of how many show a part.
    chance
        By subject what each part comes to where nothing is explained; by default 0.
    correct
        How to correct p for the number of ROIs, part by part: sides count together, and what pools them by itself.
    seed
        Of the flips of signs, where subjects are too many to try them all.

    Raises
    ------
    UsageError
        If there is but one subject.
    """
    check_group(report.subjects)
    places = product(report.sides, report.rois, report.parts)
    having = by_place(report.rows, places, lambda row: (row.hemisphere, row.roi, row.part))
    numbers = dict(_numbers(report, having, chance or {}, correct, seed))
    rows = tuple(
        PartGroupRow(
            hemisphere=side,
            roi=roi,
            part=part,
            of_explainable=mean_if_all([row.of_explainable for row in those]),
            **numbers[side, roi, part],  # type: ignore[arg-type]
        )
        for (side, roi, part), those in having.items()
    )
    few = few_subjects(len(report.subjects), "greater", rows, correct)
    return GroupPartition(report.sets, report.parts, rows, report.classes, report, correct, (*report.notes, *few))


def _numbers(
    report: PartitionReport,
    having: Mapping[tuple[Side, str, str], list[PartRow]],
    chance: Mapping[SubjectId, Mapping[str, float]],
    correct: Correction,
    seed: int,
) -> Iterator[tuple[tuple[Side, str, str], dict[str, float | int | None]]]:
    """Yield the numbers of every row, those of one part together: all sides, and what pools them."""
    shared = {part for part, sets in named_parts(report.sets).items() if len(sets) > 1}
    sides = [side for side in report.sides if side != BOTH]
    for part, family in product(report.parts, (sides, [BOTH] * (BOTH in report.sides))):
        about = [(side, roi, part) for side, roi in product(family, report.rois)]
        if not about:
            continue
        of = [(row.subject, place, (row.explained, row.low, row.high)) for place in about for row in having[place]]
        alternative: Alternative = "two-sided" if part in shared else "greater"
        nothing = np.array([[chance.get(subject, {}).get(part, 0.0)] for subject in report.subjects])
        scores = Scores.gather(of, report.subjects, about)
        numbers = over_group(scores, alternative, correct=correct, seed=seed, chance=nothing)
        yield from zip(about, numbers, strict=True)
