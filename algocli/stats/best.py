"""Which of several things is best on average over subjects, and how often other subjects would have said so.

The unit is the subject: they are drawn anew, with replacement, and of each one its images where it is known what these
do; the best of the means is asked for each time.
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
    """The best of each column.

    Attributes
    ----------
    index : (n_columns,)
        Which it is, of equal ones the first; -1 where no subject has a score.
    shares : (n_things, n_columns)
        In what share of the resamples each thing is the best; NaN where fewer than two subjects have a score.
    """

    index: NDArray[np.int64]
    shares: NDArray[np.float64]

    @property
    def share(self) -> NDArray[np.float64]:
        """In what share of the resamples the best stays so, (n_columns,)."""
        return np.where(self.index < 0, np.nan, self.shares[self.index, np.arange(len(self.index))])


def best_over_subjects(
    scores: NDArray[np.floating],
    draws: NDArray[np.floating] | None = None,
    *,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> Best:
    """Find the best by the mean over subjects, and how stable that is.

    Parameters
    ----------
    scores : (n_things, n_subjects, n_columns)
        NaN where a subject has none, for all things alike; each column is drawn from those who have some.
    draws : (n_things, n_subjects, n_columns, n_draws)
        What they come to, but for what all things have in common, in draws of each subject's images; by default images
        are not drawn.
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
    index, shares = np.full(n_columns, -1), np.full((n_things, n_columns), np.nan)
    patterns, which = np.unique(has, axis=1, return_inverse=True)
    for place, pattern in enumerate(patterns.T):
        n = int(pattern.sum())
        if n == 0:
            continue
        columns = np.flatnonzero(np.ravel(which) == place)
        people = np.random.default_rng([seed, n]).integers(n, size=(n_resamples, n))
        for block in np.array_split(columns, -(-n_things * n_resamples * len(columns) // _BLOCK)):
            having = np.asarray(scores[:, pattern][:, :, block], dtype=np.float64)
            index[block] = having.mean(axis=1).argmax(axis=0)
            if n > 1:
                again = (
                    _means(having, people) if draws is None else _redrawn(draws[:, pattern][:, :, block], people, seed)
                )
                winner = again.argmax(axis=0)
                shares[:, block] = [(winner == thing).mean(axis=0) for thing in range(n_things)]
    return Best(index, shares)


def _means(having: NDArray[np.float64], people: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the means over those drawn, (n_things, n_resamples, n_columns)."""
    n = having.shape[1]
    weights = np.stack([(people == person).sum(axis=1) for person in range(n)], axis=1) / n
    means: NDArray[np.float64] = weights @ having
    return means


def _redrawn(draws: NDArray[np.floating], people: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return the same with images of its own for each of those drawn."""
    images = np.random.default_rng([seed, 0]).integers(draws.shape[-1], size=people.shape)
    total = np.zeros((draws.shape[0], len(people), draws.shape[2]))
    for who, which in zip(people.T, images.T, strict=True):
        # Indices apart from each other put what they pick first.
        total += np.moveaxis(draws[:, who, :, which], 0, 1)
    means: NDArray[np.float64] = total / people.shape[1]
    return means
