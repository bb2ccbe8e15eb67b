"""The organisers' scoring rule, written out step by step as the truth for what computes it otherwise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def official_percent(r: NDArray[np.floating], ceiling: NDArray[np.floating]) -> NDArray[np.float64]:
    """Write the organisers' rule out in their order of steps; ceilings are shares, the result is percent."""
    r, ceiling = np.array(r, dtype=np.float64), np.array(ceiling, dtype=np.float64)
    r[r < 0] = 0
    ceiling[ceiling == 0] = 1e-14
    percent = r**2 / ceiling * 100
    percent[percent > 100] = 100
    return percent
