"""Which of several things is best on average over subjects, and how often other subjects would have said so.

The unit is the subject: they are drawn anew, with replacement, and the best of the means is asked for each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_RESAMPLES = 1000
# Numbers of a block of resampled means, so that they take 64 MB.
_BLOCK = 8_000_000


@dataclass(frozen=True)
class Best:
    """The best of each column, (n_columns,).

    Attributes
    ----------
    index
        Which it is, of equal ones the first; -1 where no subject has a score.
    share
        In what share of the resamples it stays the best; NaN where fewer than two subjects have a score.
    """

    index: NDArray[np.int64]
    share: NDArray[np.float64]


def best_over_subjects(scores: NDArray[np.floating], *, n_resamples: int = N_RESAMPLES, seed: int = 0) -> Best:
    """Find the best by the mean over subjects, and how stable that is.

    Parameters
    ----------
    scores : (n_things, n_subjects, n_columns)
        NaN where a subject has none, for all things alike; each column is drawn from those who have some.
    n_resamples, seed
        How often subjects are drawn anew. Columns of as many subjects see the same draws, whatever stands beside them.

    Examples
    --------
    >>> best = best_over_subjects(np.array([[[0.1], [0.2], [0.3]], [[0.2], [0.3], [0.4]]]))
    >>> best.index.tolist(), best.share.tolist()
    ([1], [1.0])
    """
    n_things, _, n_columns = scores.shape
    has = np.isfinite(scores).all(axis=0)
    index, share = np.full(n_columns, -1), np.full(n_columns, np.nan)
    patterns, which = np.unique(has, axis=1, return_inverse=True)
    for place, pattern in enumerate(patterns.T):
        n = int(pattern.sum())
        if n == 0:
            continue
        columns = np.flatnonzero(np.ravel(which) == place)
        rng = np.random.default_rng([seed, n])
        weights = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n
        for block in np.array_split(columns, -(-n_things * n_resamples * len(columns) // _BLOCK)):
            having = np.asarray(scores[:, pattern][:, :, block], dtype=np.float64)
            index[block] = having.mean(axis=1).argmax(axis=0)
            if n > 1:
                share[block] = ((weights @ having).argmax(axis=0) == index[block]).mean(axis=0)
    return Best(index, share)
