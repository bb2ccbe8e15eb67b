"""Rows of a comparison of runs: one run against the reference in each ROI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import counted
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, check_side
from algocli.results.nested_rows import Nested
from algocli.results.rows import ORIGIN, OfLayers, RowsByRoi
from algocli.results.telling import SIGNIFICANT, Correction

# What each difference is in every resample, (n_resamples,), by its subject, side, ROI and run.
Draws = Mapping[tuple[SubjectId, Side, str, str], NDArray[np.float64]]


@dataclass(frozen=True)
class DifferenceRow(OfLayers):
    """One run against the reference in one ROI of one hemisphere of one subject; None where there is no vertex.

    `difference` is `mean_r - reference_mean_r`, r being on held-out training images and the mean over the ROI's
    vertices; `low` and `high` bound its 95 % interval. `p`, where a correction was asked for, is that of the difference
    among all of the subject.
    """

    # Without a default, which the class that it comes from has for those that are made up.
    run: str = field()
    reference: str
    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    mean_r: float | None
    reference_mean_r: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None = None

    @property
    def stands_out(self) -> bool:
        """Say whether it is told as a difference: by p where that was asked for, else by its own interval."""
        return self.excludes_zero if self.p is None else self.p <= SIGNIFICANT

    @property
    def excludes_zero(self) -> bool:
        """Say whether the interval lies on one side of 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Comparison(RowsByRoi):
    """All differences, subject by subject, hemisphere by hemisphere, ROI by ROI, and there run by run.

    `classes` tells the class of each ROI (`ALL_VERTICES` has none); `notes` say what was left out or assumed; `draws`
    are kept where they were asked for. `min_ceiling` is the least noise ceiling of the vertices that rows count,
    `held_out` says on which training images the reference was scored, `first` what its features are. `nested` has the
    best run of each ROI, chosen in inner folds, where that was asked for.
    """

    reference: str
    runs: tuple[str, ...]
    rows: tuple[DifferenceRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()
    corrected: Correction = "none"
    same_images: float = 0.0
    draws: Draws = field(default_factory=dict, repr=False, compare=False)
    min_ceiling: float = 0
    held_out: dict[str, Any] = field(default_factory=dict)
    first: OfLayers = field(default_factory=OfLayers)
    nested: Nested | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        return f"Comparison({self.told(counted(len(self.runs), 'runs') + f' against {self.reference}')})"

    @property
    def names(self) -> tuple[str, ...]:
        """All runs, each once, the reference first."""
        return tuple(dict.fromkeys((self.reference, *self.runs)))

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts; with p where it was asked for."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what rows tell: p where it was asked for."""
        names = [field.name for field in fields(DifferenceRow) if field.name not in ORIGIN]
        return (*ORIGIN, *(name for name in names if name != "p" or self.corrected != "none"))

    def every_run(self) -> list[dict[str, Any]]:
        """Return a dict for each subject, side, ROI and run, as a CSV has them: before the other runs the reference."""
        records: list[dict[str, Any]] = []
        for row, record in zip(self.rows, self.records, strict=True):
            if row.run == self.runs[0] and self.reference not in self.runs:
                of_reference = {"mean_r": row.reference_mean_r, "difference": None, "low": None, "high": None}
                records.append({**record, **self.first.origin, "run": self.reference, **of_reference, "p": None})
            records.append(record)
        return records

    def of_roi(self, subject: SubjectId, hemisphere: Side, roi: str) -> list[DifferenceRow]:
        """Return a ROI's row of each run; none where that subject's data does not name the ROI."""
        wanted = (subject, check_side(hemisphere, self.sides), self.region(roi))
        return [row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted]
