"""p of many differences that were resampled together, corrected for how many they are.

Of many differences between equals, one in twenty has an interval without 0. Two ways to go on from there: to bound the
share of false ones among those that are named, or the chance that a single one of them is false. The latter asks how
large the largest of all is in each resample, so that ROIs that go up and down together count as few.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.stats.permutation import false_discovery_q


def corrected_p(
    resampled: NDArray[np.floating],
    observed: NDArray[np.floating],
    correction: Literal["none", "fdr", "max"],
    *,
    above: bool = False,
) -> NDArray[np.float64]:
    """Return how likely differences as large as those observed are where there are none.

    Parameters
    ----------
    resampled : (n_differences, n_resamples)
        Drawn together: a resample is of the same images for all.
    observed : (n_differences,)
    correction
        'fdr' adjusts each p for the share of false discoveries (Benjamini and Hochberg); 'max' compares each
        difference, in units of its own spread, with the largest of all in every resample; 'none' takes each by itself.
    above
        Whether only what is above 0 counts: p is one-sided.

    Returns
    -------
    (n_differences,) float64
        Two-sided unless told otherwise; 1 for what does not vary at all.
    """
    if not len(observed):
        return np.empty(0)
    about_mean = resampled - resampled.mean(axis=1, keepdims=True)
    spread = about_mean.std(axis=1, keepdims=True)
    varies = spread[:, 0] > 0
    unit = np.where(spread > 0, spread, 1)
    size, at = about_mean / unit, observed / unit[:, 0]
    if not above:
        size, at = np.abs(size), np.abs(at)
    by_chance = size.max(axis=0)[None] if correction == "max" else size
    p = (1 + (by_chance >= at[:, None]).sum(axis=1)) / (1 + resampled.shape[1])
    return np.where(varies, false_discovery_q(p) if correction == "fdr" else p, 1.0)
