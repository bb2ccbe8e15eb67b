"""Says which vertices' scores are more than chance: permutations for each, false discoveries controlled over all.

A permutation assigns the measured responses to other images and leaves predictions as they are. It is the same for
every vertex, so the vertices' scores stay as dependent on each other as they are. The images are brought into two
random orders, one for what was measured and one for what was predicted, and then shifted against each other, step by
step round the circle: every step is a permutation as random as any, and one Fourier transform scores all the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.cores import n_cores
from algocli.compute.threads import in_threads
from algocli.errors import DataError, UsageError
from algocli.stats.correlation import standardised
from algocli.stats.tails import N_LEAST, TAIL, tail_p

# Vertices a thread works on at once: standardised predictions and responses of a thousand images stay in its cache.
VERTICES = 64
# Scores this close differ by the rounding of float32 sums; a permutation that ties counts against the vertex.
TIE = 1e-6


@dataclass(frozen=True)
class Permutations:
    """Permutations of images, each within its fold.

    Attributes
    ----------
    n_permutations
        How many they are.
    n_steps
        How many follow from a pair of orders by shifts of 0, 1, ...: as many as the smallest fold has images.
    measured : per fold (n_orders, n_stimuli of the fold)
        Rows of that fold in random orders, for the measured responses.
    predicted : per fold (n_stimuli of the fold,)
        The same for the predictions; one order is enough. Permutation `order * n_steps + step` pairs the row
        `predicted[i]` of the predictions with the row `measured[order, (i + step) % n]` of the responses.
    """

    n_permutations: int
    n_steps: int
    measured: tuple[NDArray[np.int64], ...]
    predicted: tuple[NDArray[np.int64], ...]


def permute(folds: NDArray[np.int64], *, n_permutations: int = 1000, seed: int = 0) -> Permutations:
    """Draw permutations of images within folds.

    Parameters
    ----------
    folds : (n_stimuli,)
        The fold of each image, by any number.

    Raises
    ------
    UsageError
        If there is no permutation to be drawn.
    """
    if n_permutations < 1:
        raise UsageError(f"{n_permutations} permutations: at least 1 is needed")
    rng = np.random.default_rng(seed)
    rows = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    n_steps = min(map(len, rows), default=1)
    n_orders = -(-n_permutations // n_steps)
    predicted = tuple(rng.permutation(of_fold) for of_fold in rows)
    measured = tuple(rng.permuted(np.tile(of_fold, (n_orders, 1)), axis=1) for of_fold in rows)
    return Permutations(n_permutations, n_steps, measured, predicted)


def permutation_p(
    measured: NDArray[np.floating],
    predicted: NDArray[np.floating],
    permutations: Permutations,
    *,
    widened: float = 1,
) -> NDArray[np.float64]:
    """Return how likely a correlation as high as each vertex's is by chance.

    One-sided: a model that predicts the opposite has explained nothing. With folds the correlation is its mean over
    folds, as a run is scored.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
    permutations
        As `permute` draws them; the same ones for all vertices.
    widened
        How much wider the correlations are spread by chance than those of permuted images: predictions of several
        models that were fitted on the same images depend on each other.

    Returns
    -------
    (n_vertices,) float64
        (1 + permutations with as high an r) / (1 + permutations), and beyond all of them what their tail says
        (`tails.tail_p`). 1 where responses or predictions never vary.

    Raises
    ------
    DataError
        If shapes do not fit.
    """
    n_rows = sum(map(len, permutations.predicted))
    if measured.shape != predicted.shape or len(measured) != n_rows:
        raise DataError(
            f"measured responses have shape {measured.shape}, predicted ones {predicted.shape}, "
            f"and {n_rows} images were permuted"
        )

    def judge(block: slice) -> NDArray[np.float64]:
        return _block_p(measured[:, block], predicted[:, block], permutations, widened)

    p = in_threads(judge, blocks(measured.shape[1], VERTICES), n_threads=n_cores())
    return np.concatenate([np.empty(0), *p])


def _block_p(
    measured: NDArray[np.floating], predicted: NDArray[np.floating], permutations: Permutations, widened: float
) -> NDArray[np.float64]:
    """Count the permutations that correlate at least as highly as the measured order does; a few tell the tail."""
    x, y = np.empty(measured.shape, np.float32), np.empty(measured.shape, np.float32)
    for rows in permutations.predicted:
        x[rows], y[rows] = standardised(measured[rows]), standardised(predicted[rows])
    # All r here are sums over folds, where the score is the mean.
    n_folds, n_permutations = len(permutations.predicted), permutations.n_permutations
    score = np.einsum("ij,ij->j", x, y) / widened - TIE * n_folds
    spectra = [_spectrum(y[rows]).conj() for rows in permutations.predicted]
    n_as_high = np.zeros(len(score), np.int64)
    n_largest = int(TAIL * n_permutations) if n_permutations >= N_LEAST else 0
    largest, squares = np.empty((0, len(score)), np.float32), np.zeros(len(score))
    for start in range(0, n_permutations, permutations.n_steps):
        order = start // permutations.n_steps
        r = _shifted_r(x, [rows[order] for rows in permutations.measured], spectra)[: n_permutations - start]
        # Said so that what is no number counts against the vertex.
        n_as_high += (~(r < score)).sum(axis=0)
        squares += np.einsum("ij,ij->j", r, r, dtype=np.float64)
        if n_largest:
            together = np.concatenate([largest, r])
            largest = np.partition(together, -min(n_largest, len(together)), axis=0)[-n_largest:]
    spread = np.sqrt(squares / n_permutations) / n_folds
    return tail_p(n_as_high, n_permutations, largest / n_folds, spread, score / n_folds)


def _shifted_r(
    x: NDArray[np.float32], orders: Sequence[NDArray[np.int64]], spectra: Sequence[NDArray[np.complex64]]
) -> NDArray[np.float32]:
    """Correlate reordered responses with predictions after every shift, (n_steps, n_vertices), summed over folds."""
    from scipy.fft import irfft

    # A circular correlation is a product of spectra: folds of one size are summed before they are transformed back.
    products: dict[int, NDArray[np.complex64]] = {}
    for order, spectrum in zip(orders, spectra, strict=True):
        products[len(order)] = products.get(len(order), 0) + _spectrum(x[order]) * spectrum
    n_steps = min(products)
    total: NDArray[np.float32] = sum(irfft(products[n], n, axis=0)[:n_steps] for n in sorted(products))
    return total


def _spectrum(x: NDArray[np.float32]) -> NDArray[np.complex64]:
    # numpy's own transform would be of float64.
    from scipy.fft import rfft

    spectrum: NDArray[np.complex64] = rfft(x, axis=0)
    return spectrum


def false_discovery_q(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p values for their number (Benjamini and Hochberg): q <= .05 admits 5 % of false discoveries.

    Parameters
    ----------
    p : (n_vertices,)

    Returns
    -------
    (n_vertices,) float64
        The least rate of false discoveries at which a vertex is still among the discoveries.
    """
    falling = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    q = np.empty(len(p))
    q[falling] = np.minimum.accumulate(np.minimum(p[falling] * len(p) / ranks, 1))
    return q
