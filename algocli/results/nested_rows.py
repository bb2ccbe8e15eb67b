"""Rows of a choice between runs: which is the best of a ROI, and what it scores on images that had no part in that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from algocli.compute.remarks import counted
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side
from algocli.results.rows import ORIGIN, OfLayers, RowsByRoi
from algocli.stats.groups import mean_of_subjects


@dataclass(frozen=True)
class NestedRow(OfLayers):
    """The choice in one ROI of one hemisphere of one subject; numbers are None where there is no vertex.

    Attributes
    ----------
    run
        The run that was chosen, of several folds that of most.
    n_chosen, n_folds
        In how many folds, of how many.
    by_fold
        The run of every fold.
    mean_r, median_r
        Over the ROI's vertices, of the mean r over folds, each of the run that was chosen for it.
    low, high
        The 95 % interval of `mean_r`, where it was asked for.
    naive_run, naive_mean_r
        The run of the highest mean r on the held-out images themselves, and that r: what looks better than it is.
    """

    # Without a default, which the class that it comes from has for those that are made up.
    run: str | None = field()
    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    n_chosen: int
    n_folds: int
    by_fold: tuple[str, ...]
    mean_r: float | None = None
    median_r: float | None = None
    low: float | None = None
    high: float | None = None
    naive_run: str | None = None
    naive_mean_r: float | None = None

    @property
    def optimism(self) -> float | None:
        """By how much the score of whichever is best on the held-out images is above the honest one."""
        return None if self.mean_r is None or self.naive_mean_r is None else self.naive_mean_r - self.mean_r


@dataclass(frozen=True)
class NestedGroupRow:
    """One ROI of one hemisphere over the subjects who have it, each with a choice of its own.

    `mean_r` is the mean over subjects, `low` and `high` bound its 95 % interval, of other subjects; `naive_mean_r` is
    the mean of what the best of each one's held-out images scores there.
    """

    hemisphere: Side
    roi: str
    n_subjects: int
    mean_r: float | None
    low: float | None
    high: float | None
    naive_mean_r: float | None


@dataclass(frozen=True)
class Nested(RowsByRoi):
    """All choices, subject by subject, hemisphere by hemisphere and ROI by ROI.

    `runs` are those that there were to choose from; `classes` tells the class of each ROI (`ALL_VERTICES` has none);
    `notes` say what was assumed.
    """

    runs: tuple[str, ...]
    rows: tuple[NestedRow, ...]
    classes: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Nested({self.told('the best of ' + counted(len(self.runs), 'runs'))})"

    @property
    def n_folds(self) -> int:
        """How many folds there were to choose for; of runs that differ from subject to subject the most."""
        return max((row.n_folds for row in self.rows), default=1)

    @property
    def in_folds(self) -> bool:
        """Whether there were several."""
        return self.n_folds > 1

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what rows tell."""
        names = [each.name for each in fields(NestedRow) if each.name not in ORIGIN]
        return (*ORIGIN, *names, "optimism")

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts, as a CSV has them: the runs of all folds joined by ' + '."""
        return [{**row, "by_fold": " + ".join(row["by_fold"])} for row in self.table()]

    def table(self) -> list[dict[str, Any]]:
        """Return the rows as dicts, a column a key."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]

    def place(self, run: str) -> int:
        """Return the number of a run, from 1, in the order in which they were named."""
        return self.runs.index(run) + 1

    def of_roi(self, subject: SubjectId, hemisphere: Side, roi: str) -> NestedRow | None:
        """Return the row of a ROI; None where that subject's data does not name it."""
        wanted = (subject, hemisphere, self.region(roi))
        return next((row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted), None)

    def over_subjects(self) -> Iterator[NestedGroupRow]:
        """Yield each ROI's mean over subjects, side by side."""
        for side in self.sides:
            for roi in self.rois:
                having = [r for r in self.rows if (r.hemisphere, r.roi) == (side, roi) and r.mean_r is not None]
                scores = np.array([[row.mean_r, row.naive_mean_r] for row in having], float).reshape(-1, 2)
                mean = mean_of_subjects(scores)
                numbers = (mean.mean[0], mean.low[0], mean.high[0], mean.mean[1])
                yield NestedGroupRow(side, roi, len(having), *(None if np.isnan(n) else float(n) for n in numbers))
