"""What each image adds to a score that is a mean of r over folds: as one that is predicted, and as one fitted on.

The models of different folds are fitted on many of the same images, so their scores vary together. To see how far a
mean over folds might have come out otherwise, an image counts twice: by its own prediction, and by what the models
that it was fitted into predict of others. For a score s that is smooth in the weight of every image, let a_i be the
derivative by image i's weight among the predicted images and b_i that by its weight among the fitted ones. The
variance of s is then that of sum a_i (a_i + b_i): the sum of (a_i + b_i)² would count twice what two images have in
common by chance alone (the y_i y_j of a quadratic form y'Ly, whose variance is tr(LL') + tr(LL) where the diagonal of
L is zero, as it is in cross-validation), and the sum of a_i² would leave out that each may be in the other's model.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.errors import UsageError
from algocli.stats.correlation import (
    BLOCK_VERTICES,
    Centred,
    centred,
    constant_vertices,
    correlate_centred,
    of_length_one,
    standardised,
)

# By how much models that share images widen an interval at the most: where L is symmetric, tr(LL) = tr(LL').
WIDEST = float(np.sqrt(2))
# With fewer images in a fold, r and R² are hardly numbers.
FEWEST = 5


class Predicted(NamedTuple):
    """One fold's predictions, vertex by vertex.

    Attributes
    ----------
    influence : (n_stimuli, n_vertices) float32
        What the score gains with the weight of each image, were it the only fold.
    slope : (n_stimuli, n_vertices) float32
        What the score gains with each image's predicted response.
    """

    influence: NDArray[np.float32]
    slope: NDArray[np.float32]


def of_predicted(measured: NDArray[np.floating], predicted: NDArray[np.floating]) -> Predicted:
    """Return how the r of one fold depends on each of its images, and on what is predicted of each.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
        Where one of them never varies, nothing depends on anything.
    """
    about_mean, spread = centred(predicted)
    x, y = standardised(measured), of_length_one((about_mean, spread))
    influence, r = _of_standardised(x, y)
    slope = (x - r * y) / np.where(spread > 0, spread, np.inf)
    # A constant that is added to all predictions changes no r: rounding shall not either.
    slope -= slope.mean(axis=0)
    return Predicted(influence, slope.astype(np.float32))


class Measured:
    """Measured responses, held against any number of predictions of them: what they themselves take is done once.

    Parameters
    ----------
    responses : (n_stimuli, n_vertices)
    """

    def __init__(self, responses: NDArray[np.floating]) -> None:
        self._blocks = blocks(responses.shape[1], BLOCK_VERTICES)
        # What is not finite is told once it is correlated with.
        with np.errstate(invalid="ignore", over="ignore"):
            self._centred = [centred(responses[:, block]) for block in self._blocks]

    def correlate(self, predicted: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return r as `correlate_here` does, (n_vertices,)."""
        parts = [correlate_centred(x, y) for _, x, y in self._beside(predicted)]
        return np.concatenate([np.empty(0), *parts])

    def correlate_with_influence(
        self, predicted: NDArray[np.floating]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return r, (n_vertices,), and the influence of `of_predicted`, (n_stimuli, n_vertices).

        Both are of the same centred columns: together they cost little more than the one or the other.
        """
        r, influence = np.empty(predicted.shape[1]), np.empty(predicted.shape, np.float32)
        for (block, x, y), single in zip(self._beside(predicted), self._single, strict=True):
            r[block] = correlate_centred(x, y)
            influence[:, block] = _of_standardised(single, of_length_one(y))[0]
        return r, influence

    def _beside(self, predicted: NDArray[np.floating]) -> Iterator[tuple[slice, Centred, Centred]]:
        for block, x in zip(self._blocks, self._centred, strict=True):
            with np.errstate(invalid="ignore", over="ignore"):
                y = centred(predicted[:, block])
            yield block, x, y

    @cached_property
    def _single(self) -> list[NDArray[np.float32]]:
        return [of_length_one(x) for x in self._centred]


def _of_standardised(x: NDArray[np.float32], y: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what each image adds to r, (n_stimuli, n_vertices), and r, of columns of length one."""
    r: NDArray[np.float32] = np.einsum("ij,ij->j", x, y)
    # x_i y_i is an image's part of r, and half of r falls to what each adds to both lengths.
    influence: NDArray[np.float32] = x * y
    both = x * x
    both += y * y
    both *= r
    both /= 2
    influence -= both
    return influence, r


def of_explained(
    measured: NDArray[np.floating], predicted: NDArray[np.floating], n_fitted: int | None = None
) -> Predicted:
    """Return how the R² of one fold depends on each of its images, and on what is predicted of each.

    Parameters
    ----------
    measured, predicted : (n_stimuli, n_vertices)
        Where the measured responses never vary, nothing depends on anything.
    n_fitted
        How many images the fold's model was fitted on, of as many folds as make them up with its own. Then influence
        has the mean error, which the images make together by chance, as it adds to the variance of a mean over folds,
        a_i (a_i + b_i) being summed: half of what its square's derivatives would tell.
    """
    about_mean = measured - measured.mean(axis=0, dtype=np.float64)
    error = measured.astype(np.float64) - predicted
    total = np.where(constant_vertices(measured), np.inf, np.square(about_mean).sum(axis=0))
    unexplained = np.square(error).sum(axis=0) / total
    # R² is 1 less a quotient of sums over images: each adds its squares to both.
    influence = unexplained * np.square(about_mean) - np.square(error)
    if n_fitted is not None:
        off = error.mean(axis=0)
        influence += 2 * (1 - np.sqrt((1 + len(error) / n_fitted) / 2)) * off * (error - off)
    influence /= total
    return Predicted(influence.astype(np.float32), (2 * error / total).astype(np.float32))


def small_fold(n_images: int) -> float:
    """Return what to multiply the derivatives of a fold's r by, so that they tell its standard deviation.

    The squares of a straight line's slopes fall short of the variance of r where images are few, by about
    (n - 3) / (n + 1) beside the (n - 1) / n of means that are the images' own; measured on noise, what remains is
    within 2 % from ten images on, and an excess below.

    Raises
    ------
    UsageError
        If there are fewer than `FEWEST` images: every r of two is 1 or -1, however little it says.
    """
    n = _enough(n_images, "correlation")
    return float(np.sqrt(n / (n - 1) * (n + 1) / (n - 3)))


def small_fold_explained(n_images: int) -> float:
    """Return the same for R², whose denominator varies, too: measured, what remains is within 7 % from ten images on.

    Raises
    ------
    UsageError
        If there are fewer than `FEWEST` images.
    """
    n = _enough(n_images, "share of variance")
    return float(np.sqrt(n / (n - 2)))


def _enough(n_images: int, score: str) -> int:
    if n_images < FEWEST:
        raise UsageError(
            f"folds of {n_images} images do not tell how sure a {score} is: {FEWEST} are needed at the least",
            hint="train with fewer folds=..., or a larger holdout=...",
        )
    return n_images


def widening(
    predicted: NDArray[np.floating], fitted: NDArray[np.floating] | None, *, n_roles: int = 2, untold: float = 0
) -> NDArray[np.float64]:
    """Return what to widen the resamples of a score by, for models that share images.

    Parameters
    ----------
    predicted, fitted : (n_images, n_scores)
        The influence of each image as one that is predicted, and as one that models are fitted on; None where that
        cannot be told, and the most is taken that it can be.
    n_roles
        In how many ways an image moves a score of which that cannot be told: the variance is at the most so many times
        what it is by predictions alone.
    untold
        How much of what lies between the variance that is told and the most that it can be is added to it.

    Returns
    -------
    (n_scores,) float64
        At least 1. It also makes up for that the variance is known from as many images as there are, as Student's t
        does (by Satterthwaite's degrees of freedom).
    """
    from scipy.stats import norm, t

    alone = np.square(predicted).sum(axis=0, dtype=np.float64)
    if fitted is None:
        return np.full(alone.shape, np.sqrt(n_roles))
    parts = predicted.astype(np.float64) * (predicted + fitted)
    variance = parts.sum(axis=0)
    # Shared images cannot make a score surer than its predictions taken by themselves.
    shared = variance > alone
    parts, variance = np.where(shared, parts, np.square(predicted)), np.where(shared, variance, alone)
    about_mean = np.square(parts - parts.mean(axis=0)).sum(axis=0)
    freedom = 2 * variance**2 / np.where(about_mean > 0, about_mean, 1)
    student = np.where(about_mean > 0, t.ppf(0.975, np.maximum(freedom, 3)) / norm.ppf(0.975), 1)
    variance += untold * np.maximum(n_roles * alone - variance, 0)
    wider: NDArray[np.float64] = np.sqrt(variance / np.where(alone > 0, alone, 1)) * student
    return np.where(alone > 0, wider, 1)
