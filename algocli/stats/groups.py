"""What a group of subjects says: of their mean, how far it might have come out otherwise, and how many show an effect.

The unit is the subject: every number that goes in is one subject's score, and what its images make it vary is in it
already. Whoever lacks a score (a subject without the ROI) is NaN, and counts for nothing there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Alternative = Literal["greater", "two-sided"]

# With up to so many subjects all ways to flip their signs are tried (2^12 = 4,096); of more, as many at random.
EXACT, _FLIPS = 12, 4096


@dataclass(frozen=True)
class GroupMean:
    """The mean of subjects' scores, each (n_scores,); NaN where there are too few of them.

    Attributes
    ----------
    n_subjects
        How many have the score.
    mean, sd
        Over them; `sd` needs two.
    low, high
        The interval of the mean, by Student's t: it needs two.
    effect_size
        The mean in units of the standard deviation (Cohen's d), less what few subjects overstate it by (Hedges' g).
    """

    n_subjects: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    effect_size: NDArray[np.float64]


@dataclass(frozen=True)
class SignFlips:
    """What scores would be, had their signs been others.

    Attributes
    ----------
    p : (n_scores,)
        How often signs at random give a mean as far from 0; NaN of a score that nobody has.
    p_of_largest : (n_scores,)
        How often they give one that any of the scores reaches: corrected for how many there are.
    n_flips
        How many there were; of few subjects, all that there are.
    """

    p: NDArray[np.float64]
    p_of_largest: NDArray[np.float64]
    n_flips: int


@dataclass(frozen=True)
class Prevalence:
    """In what share of all people an effect would be seen, by how many of a few show it: most likely value, interval.

    Each is between 0 and 1.
    """

    share: float
    low: float
    high: float


def mean_of_subjects(scores: NDArray[np.floating], level: float = 0.95) -> GroupMean:
    """Average over subjects.

    Parameters
    ----------
    scores : (n_subjects, n_scores)
        NaN where a subject has none.
    level
        The share of such intervals that hold what they are about: the mean of all people that the subjects stand for.

    Examples
    --------
    >>> group = mean_of_subjects(np.array([[0.1], [0.2], [0.3]]))
    >>> round(float(group.low[0]), 3), round(float(group.mean[0]), 3), round(float(group.high[0]), 3)
    (-0.048, 0.2, 0.448)
    """
    from scipy.special import gammaln
    from scipy.stats import t

    n = np.isfinite(scores).sum(axis=0)
    at_least_1, freedom = np.maximum(n, 1), np.maximum(n - 1, 1)
    mean = np.where(n > 0, np.nansum(scores, axis=0) / at_least_1, np.nan)
    squares = np.nansum(np.square(scores - mean), axis=0)
    sd = np.where(n > 1, np.sqrt(squares / freedom), np.nan)
    # Scores that are all the same differ from their mean by its rounding alone.
    sd[sd <= len(scores) * np.finfo(np.float64).eps * np.abs(mean)] = 0
    half = t.ppf((1 + level) / 2, freedom) * sd / np.sqrt(at_least_1)
    # Hedges' correction as it is exactly: of one degree of freedom there is none.
    few = np.maximum(freedom, 2)
    hedges = np.exp(gammaln(few / 2) - gammaln((few - 1) / 2)) / np.sqrt(few / 2)
    d = np.divide(mean, sd, out=np.full(len(n), np.nan), where=(n > 2) & (sd > 0))
    return GroupMean(n, mean, sd, mean - half, mean + half, d * hedges)


def flip_signs(scores: NDArray[np.floating], alternative: Alternative, *, seed: int = 0) -> SignFlips:
    """Ask how often the mean would be as far from 0 if every subject's score were as likely negative as positive.

    Parameters
    ----------
    scores : (n_subjects, n_scores)
        NaN where a subject has none. The signs of all that a subject has are flipped together.
    alternative
        Whether only means above 0 count, or those below as well.
    seed
        Of the flips, where there are too many to try them all.

    Examples
    --------
    >>> flip_signs(np.array([[0.1], [0.2], [0.3]]), "greater").p
    array([0.125])
    """
    from scipy.stats import permutation_test

    size = np.sqrt(np.nansum(np.square(scores), axis=0))
    has = np.isfinite(scores).any(axis=0)
    # A subject without the score adds nothing, whatever its sign: all flips of the others come up alike often. So do
    # two more who have none, and without whom scipy would not flip the sign of a single one.
    scaled = np.pad(np.nan_to_num(scores / np.where(size > 0, size, 1)), ((0, 2 if len(scores) == 1 else 0), (0, 0)))
    exact = len(scaled) <= EXACT
    tested = permutation_test(
        (scaled,),
        lambda flipped, axis: flipped.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        axis=0,
        n_resamples=np.inf if exact else _FLIPS,
        alternative=alternative,
        rng=np.random.default_rng(seed),
    )
    both = np.abs if alternative == "two-sided" else np.asarray
    largest = both(tested.null_distribution)[:, has].max(axis=1, initial=-np.inf)
    # Sums of the same numbers in another order differ in their last bits.
    reached = (largest[:, None] >= both(tested.statistic) - 1e-12).sum(axis=0)
    of_largest = reached / len(largest) if exact else (reached + 1) / (len(largest) + 1)
    return SignFlips(
        np.where(has, tested.pvalue, np.nan), np.where(has, of_largest, np.nan), 2 ** len(scores) if exact else _FLIPS
    )


def signed_rank_p(scores: NDArray[np.floating], alternative: Alternative) -> NDArray[np.float64]:
    """Return p by Wilcoxon's signed ranks, (n_scores,), of scores (n_subjects, n_scores); NaN where nobody has one."""
    from scipy.stats import wilcoxon

    p = np.full(scores.shape[1], np.nan)
    for column, those in enumerate(scores.T):
        some = those[np.isfinite(those)]
        if len(some):
            p[column] = wilcoxon(some, alternative=alternative).pvalue if some.any() else 1.0
    return p


# Rows by the dozen ask for the same few pairs of numbers, and a search answers each.
@cache
def prevalence(n_showing: int, n_subjects: int, *, false_positives: float, level: float = 0.95) -> Prevalence:
    """Say in what share of all people an effect would be seen, from how many of a few subjects show it.

    Any share is as likely before; a subject who has the effect is taken to show it, so that what is found is at the
    least what there is; one who has not shows it as often as the test is wrong. The most likely share and the shortest
    interval that holds `level` of what is likely come from a beta distribution cut at the test's false positives
    (Ince, Paton, Kay & Schyns, eLife 2021).

    Parameters
    ----------
    n_showing, n_subjects
        How many of how many, each by a test of its own.
    false_positives
        How often that test is wrong where there is nothing.

    Examples
    --------
    >>> prevalence(8, 8, false_positives=0.025).low > 0.6
    True
    """
    from scipy.optimize import minimize_scalar
    from scipy.stats import beta

    shows = beta(n_showing + 1, n_subjects - n_showing + 1)
    below = shows.cdf(false_positives)

    def at(mass: float) -> float:
        """Return the share below which so much of what is likely lies."""
        seen = float(shows.ppf(below + mass * (1 - below)))
        return (seen - false_positives) / (1 - false_positives)

    shortest = minimize_scalar(
        lambda mass: at(mass + level) - at(mass), bounds=(0, 1 - level), method="bounded", options={"xatol": 1e-9}
    )
    # The ends of the bounds themselves are never tried.
    start = min((0.0, float(shortest.x), 1 - level), key=lambda mass: at(mass + level) - at(mass))
    most_likely = (n_showing / n_subjects - false_positives) / (1 - false_positives) if n_subjects else 0.0
    return Prevalence(max(0.0, most_likely), max(0.0, at(start)), min(1.0, at(start + level)))
