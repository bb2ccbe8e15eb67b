"""Says which vertices' scores are more than chance: permutations for each, false discoveries controlled over all.

A permutation assigns the measured responses to other images and leaves predictions as they are. It is the same for
every vertex, so the vertices' scores stay as dependent on each other as they are.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.correlation import constant_vertices, correlate
from algocli.errors import UsageError

# Vertices a thread works on at once: standardised predictions and responses of a thousand images stay in its cache.
VERTICES = 128
# Scores this close differ by the rounding of float32 sums; a permutation that ties counts against the vertex.
TIE = 1e-6


def permutation_p(
    measured: NDArray[np.floating], predicted: NDArray[np.floating], *, n_permutations: int = 1000, seed: int = 0
) -> NDArray[np.float64]:
    """Return how likely a correlation as high as each vertex's is by chance.

    One-sided: a model that predicts the opposite has explained nothing. Rows of the measured responses are permuted.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)

    Returns
    -------
    (n_vertices,) float64
        (1 + permutations with as high an r) / (1 + permutations). 1 where responses or predictions never vary.

    Raises
    ------
    DataError
        If the two shapes differ.
    UsageError
        If there is no permutation to be done.
    """
    if n_permutations < 1:
        raise UsageError(f"{n_permutations} permutations: at least 1 is needed")
    r = correlate(measured, predicted)
    rng = np.random.default_rng(seed)
    orders = np.array([rng.permutation(len(measured)) for _ in range(n_permutations)])
    blocks = [slice(start, start + VERTICES) for start in range(0, measured.shape[1], VERTICES)]

    def count(block: slice) -> NDArray[np.int64]:
        return _count_as_high(measured[:, block], predicted[:, block], r[block], orders)

    with ThreadPoolExecutor() as pool:
        counts = np.concatenate([np.empty(0, np.int64), *pool.map(count, blocks)])
    p: NDArray[np.float64] = (1 + counts) / (1 + n_permutations)
    p[constant_vertices(measured) | constant_vertices(predicted)] = 1
    return p


def _count_as_high(
    measured: NDArray[np.floating],
    predicted: NDArray[np.floating],
    r: NDArray[np.float64],
    orders: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Count the permutations that correlate at least as highly as the measured order does, (n_vertices,)."""
    x, y = _standardised(measured), _standardised(predicted)
    count = np.zeros(len(r), np.int64)
    shuffled = np.empty_like(x)
    for order in orders:
        np.take(x, order, axis=0, out=shuffled, mode="clip")
        # Said so that what is no number counts against the vertex.
        count += ~(np.einsum("ij,ij->j", shuffled, y) < r - TIE)
    return count


def _standardised(block: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return columns of mean zero and length one; zeros where a column never varies."""
    x = np.array(block, dtype=np.float64)
    x -= x.mean(axis=0)
    norm = np.sqrt(np.einsum("ij,ij->j", x, x))
    x /= np.where(norm > 0, norm, 1)
    return x.astype(np.float32)


def false_discovery_q(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p values for their number (Benjamini and Hochberg): q <= .05 admits 5 % of false discoveries."""
    from scipy.stats import false_discovery_control

    q: NDArray[np.float64] = false_discovery_control(p) if len(p) else np.empty(0)
    return q
