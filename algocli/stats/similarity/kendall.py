"""Kendall's tau-a between distances: concordant less discordant pairs of pairs, as a share of all.

Ties, which tau-b takes out of the denominator, stay in it: a view that makes equal what differs gains nothing by that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Of how many images it is taken at most: pairs of pairs of 500 are 8e9 already, and of 5,000 they would be 8e13.
MOST_IMAGES = 500
# Levels of each view, where an influence, which needs no more digits than an interval has, is summed up.
_LEVELS = 256


def tau_a(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Kendall's tau-a of two vectors, (n_pairs,) each."""
    from scipy.stats import kendalltau

    n = len(first)
    shares = [1 - _ties(each) / (n * (n - 1) / 2) for each in (first, second)]
    # scipy has tau-b, which is 0 / 0 where one of them never varies.
    return float(kendalltau(first, second).statistic * np.sqrt(shares[0] * shares[1])) if min(shares) > 0 else 0.0


def concordance(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return for each pair how many of the others it is concordant with, less those it is not, as a share, (n_pairs,).

    Of more than 256 levels in either view, those that lie next to each other count as one.
    """
    rows, columns = (_levels(each) for each in (first, second))
    counts = np.zeros((_LEVELS, _LEVELS))
    np.add.at(counts, (rows, columns), 1)
    # Below and to the left of each cell; what lies above and to the right follows from the sums.
    below = np.zeros((_LEVELS + 1, _LEVELS + 1))
    below[1:, 1:] = counts.cumsum(axis=0).cumsum(axis=1)
    less, upto = slice(0, -1), slice(1, None)
    n, of_rows, of_columns = len(first), below[:, -1:], below[-1:, :]
    concordant = below[less, less] + n - of_rows[upto] - of_columns[:, upto] + below[upto, upto]
    discordant = of_rows[less] - below[less, upto] + of_columns[:, less] - below[upto, less]
    portion: NDArray[np.float64] = ((concordant - discordant) / (n - 1))[rows, columns]
    return portion


def _ties(values: NDArray[np.floating]) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())


def _levels(values: NDArray[np.floating]) -> NDArray[np.int64]:
    from scipy.stats import rankdata

    ranks = rankdata(values, method="min") - 1
    levels: NDArray[np.int64] = (ranks * _LEVELS // len(values)).astype(np.int64)
    return levels
