"""How well any view could fit the distances of several subjects, given how much these differ from each other.

The upper end is how similar subjects are to their own mean, which is as near to all of them as anything can be; the
lower how similar each is to the mean of the others, which knows nothing of it (Nili et al. 2014). Subjects are averaged
as the measure compares them: ranks for Spearman's and Kendall's, distances less their mean by their spread for
Pearson's, by their length for the cosine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.kendall import tau_a
from algocli.stats.similarity.measures import Measure, centred, is_of_distances, unit

Vector = NDArray[np.float64]
# Ranks of half a million pairs are 1e-9 apart in a vector of length 1.
_DIGITS = 14


class Ceiling(NamedTuple):
    """Between which the mean similarity with subjects lies that no view could surpass."""

    low: float
    high: float


def noise_ceiling(subjects: NDArray[np.float64], measure: Measure) -> Ceiling:
    """Return the noise ceiling of the mean similarity with some subjects.

    Parameters
    ----------
    subjects : (n_subjects, n_pairs)
        Directions, as `measures.direction` gives them; two subjects at the least.
    """
    compare = similarity_of(measure)
    total, n = subjects.sum(axis=0), len(subjects)
    low = [compare(mine, again(total - mine, measure)) for mine in subjects]
    high = [compare(mine, again(total, measure)) for mine in subjects]
    assert n > 1  # one alone is its own mean
    return Ceiling(float(np.mean(low)), float(np.mean(high)))


def again(vector: Vector, measure: Measure) -> Vector:
    """Return the direction of a sum of directions: ranks are those of the sum."""
    if measure in ("spearman", "kendall"):
        # Sums of ranks that are equal are so but for rounding, which would rank them.
        vector = vector.round(_DIGITS)
    # Inner products are centred already, and so is their sum.
    return unit(centred(vector, measure) if is_of_distances(measure) else vector)


def similarity_of(measure: Measure) -> Callable[[Vector, Vector], float]:
    """Return what compares two directions."""
    return tau_a if measure == "kendall" else lambda first, second: float(first @ second)
