"""Scores of subjects, and the numbers that they make over subjects.

The interval of a mean is over subjects, whose scores differ by who they are and by what images they saw. What a
subject's images alone make of that is known from the interval that each subject comes with.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.results.telling import Correction
from algocli.stats.groups import Alternative, flip_signs, mean_of_subjects, prevalence, signed_rank_p
from algocli.stats.permutation import false_discovery_q

# How often a subject without the effect has an interval that lies above 0, and how often one on either side of it.
FALSE_POSITIVES: Mapping[Alternative, float] = {"greater": 0.025, "two-sided": 0.05}
# From one end of a 95 % interval to the other, in standard errors.
_WIDTH = 2 * 1.959963984540054


class HasVertices(Protocol):
    """A row about one ROI of one subject."""

    @property
    def n_vertices(self) -> int:
        """How many vertices the ROI has there."""
        ...


AnyRow = TypeVar("AnyRow", bound=HasVertices)
Place = TypeVar("Place", bound=Hashable)


@dataclass(frozen=True)
class Scores:
    """Subjects' scores and the ends of each's own 95 % interval, (n_subjects, n_scores); NaN where there is none."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def gather(
        cls,
        scored: Sequence[tuple[SubjectId, Hashable, tuple[float | None, float | None, float | None]]],
        subjects: Sequence[SubjectId],
        what: Sequence[Hashable],
    ) -> Scores:
        """Put scores with their low and high ends, each of one subject and about one thing, into their places."""
        rows, columns = ({key: place for place, key in enumerate(them)} for them in (subjects, what))
        values = np.full((3, len(rows), len(columns)), np.nan)
        for subject, about, score in scored:
            values[:, rows[subject], columns[about]] = [np.nan if value is None else value for value in score]
        return cls(*values)

    @property
    def above(self) -> NDArray[np.int64]:
        """How many subjects' intervals lie above 0, (n_scores,)."""
        return np.asarray((self.low > 0).sum(axis=0))

    @property
    def below(self) -> NDArray[np.int64]:
        """How many lie below, (n_scores,)."""
        return np.asarray((self.high < 0).sum(axis=0))

    @property
    def has_intervals(self) -> NDArray[np.bool_]:
        """Say of which scores every subject that has them has an interval, (n_scores,)."""
        here = np.isfinite(self.value)
        return np.asarray(here.any(axis=0) & (np.isfinite(self.low) | ~here).all(axis=0))


def by_place(
    rows: Iterable[AnyRow], places: Iterable[Place], place_of: Callable[[AnyRow], Place]
) -> dict[Place, list[AnyRow]]:
    """Return the rows of every place, but for those of subjects without a vertex there."""
    having: dict[Place, list[AnyRow]] = {place: [] for place in places}
    for row in rows:
        if row.n_vertices:
            having[place_of(row)].append(row)
    return having


def mean_if_all(values: Sequence[float | None]) -> float | None:
    """Return the mean of subjects' values; None where there are none, or anybody lacks one."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def over_group(
    scores: Scores,
    alternative: Alternative,
    *,
    correct: Correction,
    seed: int,
    chance: NDArray[np.float64] | None = None,
) -> list[dict[str, float | int | None]]:
    """Return the numbers of a `GroupRow`, one dict a score.

    Parameters
    ----------
    alternative
        'greater' where only scores above 0 are an effect.
    correct
        For the number of scores: not at all, by the share of false discoveries, or by the largest of all under every
        flip of signs.
    seed
        Of the flips, where there are too many to try them all.
    chance : (n_subjects, 1)
        What scores are where there is nothing; 0 unless told.
    """
    beyond = scores if chance is None else Scores(*(each - chance for each in (scores.value, scores.low, scores.high)))
    group, flipped = mean_of_subjects(scores.value), flip_signs(beyond.value, alternative, seed=seed)
    spread = np.square((scores.high - scores.low) / _WIDTH)
    here = np.isfinite(scores.value).sum(axis=0)
    of_images = np.nansum(spread, axis=0) / np.maximum(here, 1)
    known = scores.has_intervals
    between = np.where(known, np.sqrt(np.maximum(0, np.square(group.sd) - of_images)), np.nan)
    columns = {
        "n_subjects": group.n_subjects,
        "mean": group.mean,
        "low": group.low,
        "high": group.high,
        "sd": group.sd,
        "sd_between": between,
        "effect_size": mean_of_subjects(beyond.value).effect_size,
        "p": flipped.p,
        "p_wilcoxon": signed_rank_p(beyond.value, alternative),
        "p_corrected": _corrected(flipped.p, flipped.p_of_largest, correct),
    }
    down = (np.nansum(beyond.value, axis=0) < 0) & (alternative == "two-sided")
    showing = np.where(down, beyond.below, beyond.above)
    numbers = []
    for place in range(len(here)):
        row = {name: _number(values[place]) for name, values in columns.items()}
        numbers.append(row | _shown(int(showing[place]), int(here[place]), bool(known[place]), alternative))
    return numbers


def _shown(n_showing: int, n_subjects: int, known: bool, alternative: Alternative) -> dict[str, float | int | None]:
    if not known:
        return dict.fromkeys(("n_showing", "prevalence", "prevalence_low", "prevalence_high"))
    estimate = prevalence(n_showing, n_subjects, false_positives=FALSE_POSITIVES[alternative])
    named = {"prevalence": estimate.share, "prevalence_low": estimate.low, "prevalence_high": estimate.high}
    return {"n_showing": n_showing, **named}


def _corrected(p: NDArray[np.float64], p_of_largest: NDArray[np.float64], correct: Correction) -> NDArray[np.float64]:
    if correct == "max":
        return p_of_largest
    corrected = np.full(len(p), np.nan)
    if correct == "fdr":
        some = np.isfinite(p)
        corrected[some] = false_discovery_q(p[some])
    return corrected


def _number(value: Any) -> float | int | None:
    if isinstance(value, np.integer):
        return int(value)
    return None if np.isnan(value) else float(value)
