"""Many runs in the order of how well they explain: scores by ROI and by class, the best run first."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from statistics import fmean

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import ALL_VERTICES, Side
from algocli.results.difference_rows import Comparison, DifferenceRow

# Beyond so many runs a table has them as rows; up to here they stand side by side.
MOST_SIDE_BY_SIDE = 4


@dataclass(frozen=True)
class Ranked:
    """The runs of a comparison by their scores; a run's place, from 1, is that in which it was named."""

    comparison: Comparison

    @cached_property
    def rows(self) -> Mapping[tuple[SubjectId, Side, str, str], DifferenceRow]:
        """Each run's row by subject, side, ROI and run; the reference has none but where it is compared with itself."""
        return {(row.subject, row.hemisphere, row.roi, row.run): row for row in self.comparison.rows}

    @cached_property
    def _scores(self) -> Mapping[tuple[SubjectId, Side, str, str], tuple[int, float]]:
        """Number of vertices and mean r, by subject, side, ROI and run, where there are vertices."""
        scores: dict[tuple[SubjectId, Side, str, str], tuple[int, float]] = {}
        for row in self.comparison.rows:
            for run, r in ((row.reference, row.reference_mean_r), (row.run, row.mean_r)):
                if r is not None:
                    scores[row.subject, row.hemisphere, row.roi, run] = row.n_vertices, r
        return scores

    @property
    def by_class(self) -> dict[str, tuple[str, ...]]:
        """The ROIs of each class that there are any of; a sum stands for itself, as sums may share vertices."""
        classes: dict[str, list[str]] = {}
        for roi in self.comparison.rois:
            roi_class = self.comparison.classes.get(roi, "")
            name = roi if "+" in roi or not roi_class else roi_class
            if roi != ALL_VERTICES:
                classes.setdefault(name, []).append(roi)
        return {name: tuple(rois) for name, rois in classes.items()}

    @property
    def overall(self) -> tuple[str, ...]:
        """The regions that runs are put in order by: all vertices or, where these were not asked for, every ROI."""
        return self.comparison.rois_side_by_side

    @cached_property
    def largest_r(self) -> float:
        """The size of the mean r farthest from 0, of any run in any ROI; 0 where there is none."""
        return max((abs(r) for _, r in self._scores.values()), default=0.0)

    @cached_property
    def largest_difference(self) -> float:
        """The size of the difference farthest from 0; 0 where there is none."""
        return max((abs(d) for row in self.comparison.rows if (d := row.difference) is not None), default=0.0)

    def place(self, run: str) -> int:
        """Return the place in which a run was named, from 1: the reference's."""
        return self.comparison.names.index(run) + 1

    def mean(
        self, run: str, subject: SubjectId, rois: Sequence[str], sides: Sequence[Side] | None = None
    ) -> float | None:
        """Return a run's mean r over all vertices of some ROIs, which share none; None where there is none."""
        places = [(side, roi) for side in sides or self.comparison.sides for roi in rois]
        scores = [self._scores[key] for side, roi in places if (key := (subject, side, roi, run)) in self._scores]
        n_vertices = sum(n for n, _ in scores)
        return sum(n * r for n, r in scores) / n_vertices if n_vertices else None

    def mean_over(self, run: str, subjects: Sequence[SubjectId], rois: Sequence[str]) -> float | None:
        """Return the mean over those subjects who have a vertex there."""
        means = [self.mean(run, subject, rois) for subject in subjects]
        known = [value for value in means if value is not None]
        return fmean(known) if known else None

    def order(self, subjects: Sequence[SubjectId]) -> tuple[str, ...]:
        """Return all runs, the best on average over some subjects first."""
        means = {run: self.mean_over(run, subjects, self.overall) for run in self.comparison.names}
        return tuple(by_score(means))


def by_score(scores: Mapping[str, float | None]) -> list[str]:
    """Return runs by their scores, the best first, and last those that have none."""
    return sorted(scores, key=lambda run: -math.inf if (r := scores[run]) is None else r, reverse=True)


def told_apart(names: Sequence[str]) -> tuple[list[str], str]:
    """Return names without the parts, between underscores, that all have alike in the same place, and these parts.

    Names that are made of other numbers of parts stay as they are, and nothing is in common.
    """
    parts = [name.split("_") for name in names]
    if len({len(each) for each in parts}) > 1 or len(set(names)) < 2:
        return list(names), ""
    differs = [len(set(column)) > 1 for column in zip(*parts, strict=True)]
    short = ["_".join(part for part, kept in zip(each, differs, strict=True) if kept) for each in parts]
    return short, "_".join(part for part, differing in zip(parts[0], differs, strict=True) if not differing)


def without_beginning(names: Sequence[str]) -> list[str]:
    """Return names without the words that all begin with."""
    alike = len(list(takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))))
    whole = len(re.sub(r"[A-Za-z0-9]+$", "", names[0][:alike]))
    return [name[whole:] for name in names] if all(len(name) > whole for name in names) else list(names)
