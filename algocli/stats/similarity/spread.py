"""How far a similarity might have come out otherwise, had other images been shown.

What a pair of images adds to a cosine r of two vectors u and v over pairs is its influence, u v - r (u² + v²) / 2. The
pairs of one image vary together, others do not: with a_ij for influences, the variance of r is the sum of (sum_j a_ij)²
over images, less the sum of a_ij² over pairs, each of which is in the former twice. To draw images with replacement,
copies of an image left out against each other, counts the latter three times instead of once: where r is small such
intervals are 1.7 times as wide as they should be, and hold the truth always.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.kendall import concordance
from algocli.stats.similarity.pairs import Pairs


class Influence(NamedTuple):
    """What images and pairs vary a similarity by, (n_first, n_second) each.

    Attributes
    ----------
    of_images
        The covariance of two pairs' influence that have an image in common; in units of r.
    of_pairs
        The variance of a pair's influence.
    """

    of_images: NDArray[np.float64]
    of_pairs: NDArray[np.float64]

    def standard_error(self, n_images: int) -> NDArray[np.float64]:
        """Return the standard error of a similarity of so many images, (n_first, n_second)."""
        n_pairs = n_images * (n_images - 1) / 2
        shared = 2 * (n_images - 2) * np.maximum(self.of_images, 0)
        error: NDArray[np.float64] = np.sqrt((shared + self.of_pairs) / n_pairs)
        return error


def influence(
    first: NDArray[np.float64], second: NDArray[np.float64], r: NDArray[np.float64], pairs: Pairs
) -> Influence:
    """Return what images vary the cosines of directions by.

    Parameters
    ----------
    first, second : (n_first, n_pairs), (n_second, n_pairs)
        Directions, as `measures.direction` gives them.
    r : (n_first, n_second)
        Their cosines.
    """
    squares = np.zeros(r.shape)
    for image in range(pairs.n_images):
        squares += np.square(_sums(first, second, r, image, pairs))
    u2, v2 = np.square(first), np.square(second)
    both = u2 @ v2.T
    skew = (u2 * first) @ second.T + first @ (v2 * second).T
    fourth = np.square(u2).sum(axis=1)[:, None] + np.square(v2).sum(axis=1)
    return _taken_apart(squares, both - r * skew + np.square(r) / 4 * (fourth + 2 * both), pairs)


def influence_of_tau(
    first: NDArray[np.float64], second: NDArray[np.float64], r: NDArray[np.float64], pairs: Pairs
) -> Influence:
    """Return the same of Kendall's tau-a."""
    squares, of_pairs = np.zeros(r.shape), np.zeros(r.shape)
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            own = 2 * (concordance(one, other) - r[row, column]) / len(pairs)
            sums = np.bincount(pairs.first, own, pairs.n_images) + np.bincount(pairs.second, own, pairs.n_images)
            squares[row, column], of_pairs[row, column] = np.square(sums).sum(), np.square(own).sum()
    return _taken_apart(squares, of_pairs, pairs)


def interval(
    r: NDArray[np.float64], error: NDArray[np.float64], n_images: int, level: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of the interval of similarities with these standard errors, on the scale of Fisher's z."""
    from scipy.stats import t

    inside = np.clip(r, -1 + 1e-9, 1 - 1e-9)
    half = t.ppf((1 + level) / 2, n_images - 1) * error / (1 - np.square(inside))
    middle = np.arctanh(inside)
    low, high = np.tanh(middle - half), np.tanh(middle + half)
    # Of what is the same, nothing varies.
    same = error == 0
    return np.where(same, r, low), np.where(same, r, high)


def _sums(
    first: NDArray[np.float64], second: NDArray[np.float64], r: NDArray[np.float64], image: int, pairs: Pairs
) -> NDArray[np.float64]:
    """Return the influence of all pairs of an image together, (n_first, n_second)."""
    places = pairs.places[image]
    u, v = first[:, places], second[:, places]
    if pairs.with_own:
        # Half of it is in the one pair that the image has with itself.
        u[:, image] *= np.sqrt(2)
        v[:, image] *= np.sqrt(2)
    else:
        u[:, image] = v[:, image] = 0
    lengths = np.square(u).sum(axis=1)[:, None] + np.square(v).sum(axis=1)
    together: NDArray[np.float64] = u @ v.T - r * lengths / 2
    return together


def _taken_apart(squares: NDArray[np.float64], of_pairs: NDArray[np.float64], pairs: Pairs) -> Influence:
    """Return the covariance within images and the variance of pairs, of sums of their squares."""
    n = pairs.n_images
    n_pairs = n * (n - 1) / 2
    shared = (squares - 2 * of_pairs) / (n * (n - 1) * (n - 2))
    return Influence(shared * n_pairs**2, of_pairs * n_pairs)
