"""How much of the variance of measured responses predictions explain, one number per vertex: R², and r² less chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError, UsageError
from algocli.stats.correlation import constant_vertices
from algocli.stats.influence import FEWEST

_TERMS = 10


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


def unbiased_square(fold_r: NDArray[np.floating], n_images: NDArray[np.integer]) -> NDArray[np.float64]:
    """Estimate the square of the correlation that predictions would have with responses to images without end.

    The r² of n images is too large by about (1 - r²) (1 - 2 r²) / n, which is all that there is of it on noise. Olkin
    and Pratt's estimate (1958) is not: 1 - z F(1, 1; n / 2; z) (n - 3) / (n - 2) with z = 1 - r² and F the
    hypergeometric series, without bias for normal values and a model that was fitted on other images. Each fold has
    such a model, so that the mean over folds needs no more: however much folds depend on each other, a mean of unbiased
    estimates is one.

    Parameters
    ----------
    fold_r : (n_folds, n_vertices)
        Pearson's r of each fold; a single holdout is one. An r of exactly 0 is that of a vertex that never varies.
    n_images : (n_folds,)
        How many images each of them is of, at least `influence.FEWEST`.

    Returns
    -------
    (n_vertices,) float64
        With the sign of the mean r: what is predicted the wrong way round counts against the model, and noise about as
        often below 0 as above. Where the sign itself is uncertain, as r is about half its own standard error, it is too
        large by a fifth of that error's square, and by less elsewhere; folds of few images lean the other way on noise
        (by .002 with 60 images in 5 to 10 folds).

    Raises
    ------
    UsageError
        If a fold has too few images.
    """
    if min(n_images) < FEWEST:
        raise UsageError(f"the square of a correlation cannot be told from {min(n_images)} images")
    n = np.asarray(n_images, dtype=np.float64)[:, None]
    r = np.asarray(fold_r, dtype=np.float64)
    square = np.where(r == 0, 0, 1 - _series(n, 1 - r**2) * (n - 3) / (n - 2))
    signed: NDArray[np.float64] = np.sign(r.mean(axis=0)) * square.mean(axis=0)
    return signed


def _series(n: NDArray[np.float64], left: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return z F(1, 1; n / 2; z) at what is left unexplained; scipy's hyp2f1 has no value for some hundreds of images.

    What the terms that are not summed would add on average on noise is put into the last one, so that its estimate is 0
    on average for every n. Elsewhere ten terms leave .0025 with five images, .0001 with ten and nothing with more.
    """
    total, term = left, left
    for k in range(1, _TERMS):
        term = term * left * k / (n / 2 + k - 1)
        total = total + term
    return total + term * (2 * _TERMS / (n - 3))
