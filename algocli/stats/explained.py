"""How much of the variance of measured responses predictions explain: R², one number per vertex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError
from algocli.stats.correlation import constant_vertices


def explained_variance(measured: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compare the squared errors of predictions with those of the measured responses' own mean.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
        Responses to the same stimuli, in the same unit.

    Returns
    -------
    (n_vertices,) float64
        1 - SSE / SST: 1 is perfect, and less than 0 is worse than the mean. A vertex whose measured responses never
        vary scores 0: it has no variance to be explained.

    Raises
    ------
    DataError
        If the two shapes differ.
    """
    if measured.shape != predicted.shape:
        raise DataError(f"measured responses have shape {measured.shape}, predicted ones {predicted.shape}")
    exact = measured.astype(np.float64)
    error = exact - predicted
    exact -= exact.mean(axis=0)
    total = np.einsum("ij,ij->j", exact, exact)
    # The mean of n equal floats may differ from them in the last bit: such a vertex is told by its extremes.
    varies = ~constant_vertices(measured)
    unexplained = np.divide(np.einsum("ij,ij->j", error, error), total, out=np.ones_like(total), where=varies)
    explained: NDArray[np.float64] = 1 - unexplained
    return explained
