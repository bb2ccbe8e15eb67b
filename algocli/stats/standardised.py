"""Columns on one scale, so that products of theirs are correlations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.stats.correlation import centred


def standardised(block: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return columns of mean zero and length one, (n_stimuli, n_vertices); zeros where a column never varies."""
    x, norm = centred(block)
    # What is no number stays none.
    x /= np.where(norm > 0, norm, np.inf)
    return x.astype(np.float32)
