"""How far a score might have come out otherwise, had other images been shown: resampling of held-out images.

A resample draws as many images as there are, with replacement: a vertex's correlation follows from the images' counts
and five moments, so all resamples of all vertices are five matrix products; R² takes three. Two runs that share their
counts can be compared image by image: the interval of their difference is that of a paired comparison.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.errors import DataError, UsageError
from algocli.stats.correlation import centred, standardised

_Matrix = NDArray[np.floating]

# Vertices at once: half a dozen arrays of n_resamples x vertices, which are made and dropped, stay near a processor.
VERTICES = 256
# What is left of a variance of one when all images of a resample are the same one, but for rounding.
NOTHING = 1e-5


def resample(n_stimuli: int, *, n_resamples: int = 1000, seed: int = 0) -> NDArray[np.float32]:
    """Draw images with replacement and count how often each was drawn, (n_resamples, n_stimuli)."""
    if n_resamples < 1:
        raise UsageError(f"{n_resamples} resamples: at least 1 is needed")
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_stimuli, np.full(n_stimuli, 1 / n_stimuli), n_resamples).astype(np.float32)


def bootstrap_r(
    measured: NDArray[np.floating], predicted: NDArray[np.floating], counts: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Correlate measured and predicted responses in every resample.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
    counts : (n_resamples, n_stimuli)
        As `resample` draws them; the same ones for all that is to be compared.

    Returns
    -------
    (n_resamples, n_vertices) float32
        Pearson's r. 0 for a vertex that never varies, and in a resample in which it does not.

    Raises
    ------
    DataError
        If shapes do not fit.
    """
    return _in_blocks(_correlate_block, measured, predicted, counts)


def bootstrap_explained(
    measured: NDArray[np.floating], predicted: NDArray[np.floating], counts: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Compute R² of measured and predicted responses in every resample.

    It is what `explained_variance` makes of the images that were drawn, but for two things. The variance of n of them
    is taken to be n / (n - 1) of what it is: so resamples lie about what they are resamples of. And errors are drawn
    about their mean over all images, whose square is added as it is: about a mean that is itself off by chance, the
    square of the drawn ones' mean would vary three times as much as it does from sample to sample.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
    counts : (n_resamples, n_stimuli)
        As `resample` draws them; the same ones for all that is to be compared.

    Returns
    -------
    (n_resamples, n_vertices) float32
        0 for a vertex that never varies, and in a resample in which it does not.

    Raises
    ------
    DataError
        If shapes do not fit.
    """
    return _in_blocks(_explain_block, measured, predicted, counts)


def interval(statistics: NDArray[np.floating], level: float = 0.95) -> tuple[float, float]:
    """Return the interval that holds the middle share of a statistic's resamples, (n_resamples,).

    For the mean r of an ROI, `statistics` is `r[:, vertices].mean(axis=1)`; for the difference between two runs, the
    difference of two such, resampled with the same counts.
    """
    low, high = np.quantile(statistics, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def widened(statistics: NDArray[np.floating], n_stimuli: int, level: float = 0.95) -> NDArray[np.float64]:
    """Move a statistic's resamples, (..., n_resamples), away from their mean, as images that are few ask for.

    Resamples of n images vary about the mean of these, by (n - 1) / n of what images vary by; and how much that is
    the n images tell no better than Student's t with n - 1 degrees of freedom allows for. Of 40 images intervals become
    5 % wider, of a hundred 2 %.
    """
    from scipy.stats import norm, t

    student = t.ppf((1 + level) / 2, n_stimuli - 1) / norm.ppf((1 + level) / 2)
    middle = statistics.mean(axis=-1, keepdims=True, dtype=np.float64)
    wider: NDArray[np.float64] = middle + np.sqrt(n_stimuli / (n_stimuli - 1)) * student * (statistics - middle)
    return wider


def _in_blocks(
    of_block: Callable[[_Matrix, _Matrix, NDArray[np.float32]], NDArray[np.float32]],
    measured: _Matrix,
    predicted: _Matrix,
    counts: NDArray[np.float32],
) -> NDArray[np.float32]:
    if measured.shape != predicted.shape or counts.shape[1] != len(measured):
        raise DataError(
            f"measured responses have shape {measured.shape}, predicted ones {predicted.shape}, "
            f"and {counts.shape[1]} images were resampled"
        )
    shares = counts / counts.sum(axis=1, keepdims=True)
    scores = np.empty((len(counts), measured.shape[1]), np.float32)
    for block in blocks(measured.shape[1], VERTICES):
        scores[:, block] = of_block(measured[:, block], predicted[:, block], shares)
    return scores


def _correlate_block(measured: _Matrix, predicted: _Matrix, shares: NDArray[np.float32]) -> NDArray[np.float32]:
    # With mean zero and variance one over all images, no resample's moments are differences of large numbers.
    x, y = (np.sqrt(np.float32(len(block))) * standardised(block) for block in (measured, predicted))
    x_mean, y_mean = shares @ x, shares @ y
    r: NDArray[np.float32] = shares @ (x * y)
    # In place: a new array for every step would take as long as the products do.
    r -= x_mean * y_mean
    x_variance, y_variance = shares @ np.square(x, out=x), shares @ np.square(y, out=y)
    x_variance -= np.square(x_mean, out=x_mean)
    y_variance -= np.square(y_mean, out=y_mean)
    never = (x_variance <= NOTHING) | (y_variance <= NOTHING)
    x_variance *= y_variance
    x_variance[never] = 1
    r /= np.sqrt(x_variance, out=x_variance)
    r[never] = 0
    return np.clip(r, -1, 1, out=r)


def _explain_block(measured: _Matrix, predicted: _Matrix, shares: NDArray[np.float32]) -> NDArray[np.float32]:
    about_mean, norm = centred(measured)
    # In units of a vertex's spread; where it never varies, what it cannot be divided by leaves nothing.
    unit = np.where(norm > 0, norm / np.sqrt(len(measured)), np.inf)
    x = (about_mean / unit).astype(np.float32)
    error = (measured.astype(np.float64) - predicted) / unit
    off = error.mean(axis=0)
    square = ((error - off) ** 2).astype(np.float32)
    # About its own mean a resample varies by one nth less than the images that it is of: R² would come out too low.
    variance = (shares @ (x * x) - (shares @ x) ** 2) * np.float32(len(x) / (len(x) - 1))
    varies = variance > NOTHING
    explained: NDArray[np.float32] = np.where(
        varies, 1 - (shares @ square + (off * off).astype(np.float32)) / np.where(varies, variance, 1), 0
    )
    return explained
