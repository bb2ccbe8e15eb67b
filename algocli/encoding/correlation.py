"""How well predictions follow measurements: Pearson's r, one number per vertex."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError

# Vertices a block: float64 copies of a block stay in the processor's cache.
BLOCK_VERTICES = 1024


def correlate(measured: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    """Correlate measured and predicted responses, vertex by vertex.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
        Responses in any unit; the score does not depend on it.

    Returns
    -------
    (n_vertices,) float64
        Pearson's r. A vertex whose responses or predictions never vary scores 0: nothing of it could be explained.

    Raises
    ------
    DataError
        If the two shapes differ.
    """
    if measured.shape != predicted.shape:
        raise DataError(f"measured responses have shape {measured.shape}, predicted ones {predicted.shape}")
    r = np.empty(measured.shape[1], np.float64)
    for start in range(0, measured.shape[1], BLOCK_VERTICES):
        vertices = slice(start, start + BLOCK_VERTICES)
        r[vertices] = _correlate_block(measured[:, vertices], predicted[:, vertices])
    return r


def constant_vertices(responses: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say which vertices never vary, (n_vertices,)."""
    # The mean of n equal floats may differ from them in the last bit, and dividing what is left
    # by itself would score a dead vertex near +-1: compare extremes instead of testing norm > 0.
    flat: NDArray[np.bool_] = responses.max(axis=0) == responses.min(axis=0)
    return flat


def _correlate_block(measured: NDArray[np.floating], predicted: NDArray[np.floating]) -> NDArray[np.float64]:
    x, y = (np.array(block, dtype=np.float64) for block in (measured, predicted))
    dead = constant_vertices(x) | constant_vertices(y)
    x -= x.mean(axis=0)
    y -= y.mean(axis=0)
    shared = np.einsum("ij,ij->j", x, y)
    norm = np.sqrt(np.einsum("ij,ij->j", x, x) * np.einsum("ij,ij->j", y, y))
    r = np.divide(shared, norm, out=np.zeros_like(norm), where=~dead & (norm > 0))
    bounded: NDArray[np.float64] = np.clip(r, -1, 1)
    return bounded
