"""How long work may take, by what this machine multiplies in a second, and in words.

Times are estimates, and tell a user what to expect: nothing is decided by them.
"""

from __future__ import annotations

import time

import numpy as np

# The side of the matrices that are multiplied for it: some hundredths of a second.
_SIDE = 1024
# Seconds up to which they are told as such, and minutes.
_FEW_SECONDS, _FEW_MINUTES = 90, 90


def multiplications_per_second() -> float:
    """Measure how fast this machine multiplies large matrices in single precision, by multiplications and additions."""
    matrix = np.ones((_SIDE, 4 * _SIDE), np.float32)
    matrix[:_SIDE] @ matrix[:_SIDE].T
    started = time.perf_counter()
    matrix @ matrix.T
    return 2 * 4 * _SIDE**3 / (time.perf_counter() - started)


def told_time(seconds: float) -> str:
    """Say a duration in the unit that suits it.

    Examples
    --------
    >>> told_time(0.2), told_time(300), told_time(7200)
    ('1 s', '5 min', '2.0 h')
    """
    if seconds < _FEW_SECONDS:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 60 * _FEW_MINUTES else f"{seconds / 3600:.1f} h"
