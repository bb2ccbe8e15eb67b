"""Runs side by side over subjects: how far apart they are, and which is best in each ROI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import numpy as np

from algocli.dataset.sides import Side
from algocli.results.difference_rows import Comparison
from algocli.results.group import GroupResult, GroupRow, check_group, few_subjects
from algocli.results.group_scores import Scores, by_place, mean_if_all, over_group
from algocli.results.rows import ORIGIN, OfLayers
from algocli.results.telling import Correction
from algocli.stats.best import best_over_subjects

# What the row of the reference has in common with those of the others.
_OF_PLACE = ("reference", "hemisphere", "roi", "n_subjects", "reference_mean_r")


@dataclass(frozen=True, kw_only=True)
class DifferenceGroupRow(OfLayers, GroupRow):
    """One run against the reference in one ROI of one side, over subjects; `mean` is that of their differences.

    Beside what every `GroupRow` has, `mean_r` and `reference_mean_r` are the runs' mean r over subjects, and `n_better`
    and `n_worse` count the subjects whose own interval lies above 0, and below.
    """

    reference: str
    mean_r: float | None
    reference_mean_r: float | None
    n_better: int
    n_worse: int


@dataclass(frozen=True)
class BestRun:
    """Which run has the highest mean r over subjects in one ROI of one side; None where no subject has the ROI.

    `n_subjects_best` counts the subjects of whom it is the best too. `stability` is the share of resamples in which it
    comes out best again, subjects being drawn anew, and of each its images; `shares` are those of all runs. With one
    subject there is neither.
    """

    hemisphere: Side
    roi: str
    n_subjects: int
    run: str | None
    mean_r: float | None
    n_subjects_best: int
    stability: float | None
    shares: dict[str, float]


@dataclass(frozen=True, repr=False)
class GroupComparison(GroupResult):
    """A row for each side, ROI and run; `each` is the comparison of every subject.

    p ask whether a run differs from the reference, either way. `best` tells of each side and ROI which run is best.
    """

    head: ClassVar[tuple[str, ...]] = (*ORIGIN, "reference", *GroupResult.head)

    reference: str
    runs: tuple[str, ...]
    rows: tuple[DifferenceGroupRow, ...]
    best: tuple[BestRun, ...]
    classes: dict[str, str]
    each: Comparison
    corrected: Correction = "fdr"
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All runs, each once, the reference first."""
        return self.each.names

    def whose(self) -> dict[str, object]:
        """Return what JSON says before the rows."""
        return {"reference": self.reference, **super().whose()}

    def every_run(self) -> list[dict[str, Any]]:
        """Return a dict for each side, ROI and run, as a CSV has them: before the other runs the reference."""
        records: list[dict[str, Any]] = []
        for row, record in zip(self.rows, self.records, strict=True):
            if row.run == self.runs[0] and self.reference not in self.runs:
                of_reference = {**self.each.first.origin, "run": self.reference, "mean_r": row.reference_mean_r}
                records.append({name: record[name] for name in _OF_PLACE} | of_reference)
            records.append(record)
        return records

    def of_roi(self, hemisphere: Side, roi: str) -> list[DifferenceGroupRow]:
        """Return a ROI's row of each run."""
        return [row for row in self.rows if (row.hemisphere, row.roi) == (hemisphere, roi)]

    def best_of(self, hemisphere: Side, roi: str) -> BestRun:
        """Return which run is best in a ROI."""
        return next(best for best in self.best if (best.hemisphere, best.roi) == (hemisphere, roi))

    def explain(self) -> Iterator[str]:
        """Say what the unit is, and how numbers are to be read."""
        yield from super().explain()
        yield "better, worse: subjects whose own 95 % interval lies above 0, and below"
        yield (
            "best: the run of the highest mean r over subjects, which a choice makes optimistic; stable: in what "
            "percent of resamples it is the best, subjects being drawn anew and of each one its images"
        )


def group_comparison(comparison: Comparison, *, correct: Correction = "fdr", seed: int = 0) -> GroupComparison:
    """Sum up a comparison over its subjects.

    Parameters
    ----------
    comparison
        Of two subjects or more, with what was drawn.
    correct
        How to correct p for the number of ROIs, sides and runs.
    seed
        Of the draws of subjects, and of the flips of signs, where subjects are too many to try them all.

    Raises
    ------
    UsageError
        If there is but one subject.
    """
    check_group(comparison.subjects)
    about = list(product(comparison.sides, comparison.rois, comparison.runs))
    having = by_place(comparison.rows, about, lambda row: (row.hemisphere, row.roi, row.run))
    scored = [(r.subject, place, (r.difference, r.low, r.high)) for place, rows in having.items() for r in rows]
    scores = Scores.gather(scored, comparison.subjects, about)
    numbers = over_group(scores, GroupComparison.alternative, correct=correct, seed=seed)
    origin = {row.run: row.origin for row in comparison.rows}
    rows = tuple(
        DifferenceGroupRow(
            hemisphere=side,
            roi=roi,
            **origin[run],
            reference=comparison.reference,
            mean_r=mean_if_all([row.mean_r for row in having[side, roi, run]]),
            reference_mean_r=mean_if_all([row.reference_mean_r for row in having[side, roi, run]]),
            n_better=int(better),
            n_worse=int(worse),
            **number,  # type: ignore[arg-type]
        )
        for (side, roi, run), number, better, worse in zip(about, numbers, scores.above, scores.below, strict=True)
    )
    return GroupComparison(
        comparison.reference,
        comparison.runs,
        rows,
        tuple(_best_runs(comparison, seed)),
        comparison.classes,
        comparison,
        correct,
        (*comparison.notes, *few_subjects(len(comparison.subjects), GroupComparison.alternative, rows, correct)),
    )


def _best_runs(comparison: Comparison, seed: int) -> Iterator[BestRun]:
    """Yield each side's and ROI's best run, with the same subjects drawn for all."""
    names = comparison.names
    places = list(product(comparison.sides, comparison.rois))
    r = np.full((len(names), len(comparison.subjects), len(places)), np.nan)
    draws = np.zeros((*r.shape, max(map(len, comparison.draws.values()), default=0)), np.float32)
    for row in comparison.rows:
        if row.n_vertices:
            run, who = names.index(row.run), comparison.subjects.index(row.subject)
            about = places.index((row.hemisphere, row.roi))
            r[0, who, about], r[run, who, about] = row.reference_mean_r, row.mean_r
            # How much better than the reference, which is 0 in all of them.
            draws[run, who, about] = comparison.draws.get((row.subject, row.hemisphere, row.roi, row.run), 0)
    n_draws = draws.shape[-1]
    best = best_over_subjects(r, draws, n_resamples=n_draws, seed=seed) if n_draws else best_over_subjects(r, seed=seed)
    having = np.isfinite(r[0])
    n_best = ((r.argmax(axis=0) == best.index) & having).sum(axis=0)
    for about, (side, roi) in enumerate(places):
        n, winner = int(having[:, about].sum()), int(best.index[about])
        if n == 0:
            yield BestRun(side, roi, 0, None, None, 0, None, {})
            continue
        shares = dict(zip(names, best.shares[:, about].tolist(), strict=True)) if n > 1 and n_draws else {}
        name, mean_r = names[winner], float(np.nanmean(r[winner, :, about]))
        yield BestRun(side, roi, n, name, mean_r, int(n_best[about]), shares.get(name), shares)
