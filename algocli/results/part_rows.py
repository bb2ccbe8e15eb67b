"""Rows of a variance partition: each part of every ROI."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from algocli.compute.choices import check_choice
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import BOTH, Side
from algocli.results.rows import RowsByRoi
from algocli.results.telling import SIGNIFICANT, Correction

# The part that is no part: what all sets explain together.
TOTAL = "total"
# Goes wherever p of parts are told.
CHANCE = (
    "0, and for the total and what all sets share what the mean of the fitted images explains, which is a little less"
)
# Fields that say how sure a row is.
_OF_INTERVALS = ("low", "high", "p")


@dataclass(frozen=True)
class PartRow:
    """One part of the variance of one ROI; None where there is no vertex, or no noise ceiling.

    `part` names the sets that share it, or is `TOTAL`; `explained` is its mean share of variance over the ROI's
    vertices, not clipped; `of_explainable` is that relative to their mean noise ceiling. The hemisphere "both" pools
    the vertices of all sides, where there are several. Where that was asked for, `low` and `high` bound the 95 %
    interval of `explained`, and `p` is that of a part of one set, or of the total, being above 0, and of a shared part,
    which may well be below it, being other than 0.
    """

    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    part: str
    explained: float | None
    of_explainable: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None

    @property
    def stands_out(self) -> bool:
        """Say whether p calls it more than nothing."""
        return self.p is not None and self.p <= SIGNIFICANT


_FIELDS = tuple(field.name for field in fields(PartRow))


@dataclass(frozen=True)
class PartitionReport(RowsByRoi):
    """All rows, subject by subject, hemisphere by hemisphere, ROI by ROI, and there part by part, `TOTAL` last.

    `parts` are their names, `TOTAL` among them; `classes` tells the class of each ROI (`ALL_VERTICES` has none).
    """

    sets: tuple[str, ...]
    parts: tuple[str, ...]
    rows: tuple[PartRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()
    corrected: Correction = "none"
    same_images: float = 0.0

    def __repr__(self) -> str:
        return f"PartitionReport({self.told(' and '.join(self.sets))})"

    @property
    def has_ceilings(self) -> bool:
        """Say whether any row is related to a noise ceiling."""
        return any(row.of_explainable is not None for row in self.rows)

    @property
    def has_intervals(self) -> bool:
        """Say whether any row says how sure it is."""
        return any(row.p is not None for row in self.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of the rows that were asked for."""
        return tuple(name for name in _FIELDS if self.has_intervals or name not in _OF_INTERVALS)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts; with intervals and p where they were asked for."""
        return [{name: row[name] for name in self.columns} for row in self.table()]

    def of_roi(self, subject: SubjectId, roi: str, hemisphere: Side = BOTH) -> list[PartRow]:
        """Return a ROI's row of each part; none where that subject's data does not name the ROI."""
        # Of one side alone, that is what there is of all of them.
        pooled = self.sides[0] if len(self.sides) == 1 else BOTH
        side = pooled if hemisphere == BOTH else hemisphere
        wanted = (subject, check_choice("hemisphere", side, self.sides or (BOTH,), {"lh": "left", "rh": "right"}), roi)
        return [row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted]
