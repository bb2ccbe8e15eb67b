"""p values from draws of what chance gives, and beyond the largest draw from the tail that these draws begin.

A share of draws cannot be less than one of them: with a thousand, no vertex has p below .001, and of many vertices
none survives its correction. Under chance a correlation, brought to Fisher's z, is nearly normal. How wide is
learned from all draws and from the largest tenth of them, and the wider of the two counts: heavy-tailed responses have
heavier tails, and what few draws happen to say too little of is made up for by the many.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# The part of the draws that tells the tail's width.
TAIL = 0.1
# Fewer draws tell no tail: 20 of the largest are needed.
N_LEAST = 200
# A tail is at most so much wider or narrower than its threshold; twelve halvings beyond what float32 sums resolve.
_WIDTHS = (1e-2, 1e2)
_N_HALVINGS = 48


def tail_p(
    n_as_high: NDArray[np.int64],
    n_draws: int,
    largest: NDArray[np.floating],
    spread: NDArray[np.floating],
    observed: NDArray[np.floating],
) -> NDArray[np.float64]:
    """Return how likely chance gives as much as was observed.

    Parameters
    ----------
    n_as_high : (n_vertices,)
        How many draws were at least as high.
    n_draws
        How many there were.
    largest : (n_largest, n_vertices) or (n_largest, 1)
        The largest `TAIL` of each vertex's draws, r, in any order; or of draws that serve all vertices.
    spread : (n_vertices,) or (1,)
        The root mean square of the draws.
    observed : (n_vertices,)
        Each vertex's r.

    Returns
    -------
    (n_vertices,) float64
        (1 + draws as high) / (1 + draws), which holds exactly; where no draw is as high, what the tail of a normal
        distribution says that is as wide as these draws are. Never more than the share.
    """
    p: NDArray[np.float64] = (1 + n_as_high) / (1 + n_draws)
    few = np.flatnonzero(n_as_high == 0)
    if n_draws < N_LEAST or not len(few):
        return p
    z = np.arctanh(np.clip(largest.astype(np.float64), -1 + 1e-12, 1 - 1e-12))
    beyond = z if z.shape[1] == 1 else z[:, few]
    r = np.arctanh(np.clip(observed[few].astype(np.float64), -1 + 1e-12, 1 - 1e-12))
    width = spread if len(spread) == 1 else spread[few]
    p[few] = np.minimum(p[few], len(largest) / n_draws * _share_beyond(beyond, width, r))
    return p


def _share_beyond(z: NDArray[np.float64], spread: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of a normal tail that lies beyond `at`; z are draws from it, (n_draws, 1 or n_vertices)."""
    from scipy.special import log_ndtr

    start = z.min(axis=0)
    # Draws that are all alike, or not even positive, begin no tail.
    tells = (start > 0) & (z.max(axis=0) > start)
    threshold = np.where(tells, start, 1)
    width = np.maximum(_tail_width(threshold, np.where(tells, np.square(z).mean(axis=0), 2)), spread)
    share = np.exp(np.minimum(log_ndtr(-at / width) - log_ndtr(-threshold / width), 0))
    told: NDArray[np.float64] = np.where(tells, share, 1.0)
    return told


def _tail_width(threshold: NDArray[np.float64], mean_square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of the normal distribution whose tail beyond a threshold has this mean square.

    By maximum likelihood, which for a truncated normal is the equation of its second moment.
    """
    from scipy.special import log_ndtr

    low, high = _WIDTHS[0] * threshold, _WIDTHS[1] * threshold
    for _ in range(_N_HALVINGS):
        middle = np.sqrt(low * high)
        ratio = threshold / middle
        hazard = np.exp(-0.5 * ratio**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-ratio))
        too_wide = middle**2 * (1 + ratio * hazard) > mean_square
        low, high = np.where(too_wide, low, middle), np.where(too_wide, middle, high)
    width: NDArray[np.float64] = np.sqrt(low * high)
    return width
