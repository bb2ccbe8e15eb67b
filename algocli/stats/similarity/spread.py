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

from algocli.compute.threads import each_by_itself
from algocli.stats.similarity.kendall import concordance
from algocli.stats.similarity.pairs import Pairs

Cells = NDArray[np.float64]


class Influence(NamedTuple):
    """What images and pairs vary a similarity by, (n_first, n_second) each.

    Attributes
    ----------
    of_images
        The covariance of two pairs' influence that have an image in common; in units of r.
    of_pairs
        The variance of a pair's influence.
    freedom
        How well both are known: as the variance of so many normal numbers, and one more, is.
    """

    of_images: Cells
    of_pairs: Cells
    freedom: Cells

    def standard_error(self, n_images: int) -> Cells:
        """Return the standard error of a similarity of so many images, (n_first, n_second)."""
        n_pairs = n_images * (n_images - 1) / 2
        shared = 2 * (n_images - 2) * np.maximum(self.of_images, 0)
        error: Cells = np.sqrt((shared + self.of_pairs) / n_pairs)
        return error

    def interval(self, r: Cells, n_images: int, level: float = 0.95) -> tuple[Cells, Cells]:
        """Return the ends of the interval of similarities of so many images, on the scale of Fisher's z."""
        from scipy.stats import t

        error, inside = self.standard_error(n_images), np.clip(r, -1 + 1e-9, 1 - 1e-9)
        half = t.ppf((1 + level) / 2, self.freedom) * error / (1 - np.square(inside))
        middle = np.arctanh(inside)
        # Of what is the same, nothing varies.
        same = error == 0
        return np.where(same, r, np.tanh(middle - half)), np.where(same, r, np.tanh(middle + half))


def influence(first: NDArray[np.float64], second: NDArray[np.float64], r: Cells, pairs: Pairs) -> Influence:
    """Return what images vary the cosines of directions by.

    Parameters
    ----------
    first, second : (n_first, n_pairs), (n_second, n_pairs)
        Directions, as `measures.direction` gives them.
    r : (n_first, n_second)
        Their cosines.
    """
    told = _Told(r.shape, pairs)
    with each_by_itself():
        for image in range(pairs.n_images):
            u, v = (_of_image(each, image, pairs) for each in (first, second))
            u2, v2 = np.square(u), np.square(v)
            lengths = u2.sum(axis=1)[:, None] + v2.sum(axis=1)
            both, fourth = u2 @ v2.T, np.square(u2).sum(axis=1)[:, None] + np.square(v2).sum(axis=1)
            skew = (u2 * u) @ v.T + u @ (v2 * v).T
            told.add(u @ v.T - r * lengths / 2, both - r * skew + np.square(r) / 4 * (fourth + 2 * both))
    return told.influence()


def influence_of_tau(first: NDArray[np.float64], second: NDArray[np.float64], r: Cells, pairs: Pairs) -> Influence:
    """Return the same of Kendall's tau-a."""
    sums, squares = (np.empty((pairs.n_images, *r.shape)) for _ in range(2))
    for row, item in enumerate(first):
        for column, other in enumerate(second):
            mine = 2 * (concordance(item, other) - r[row, column]) / len(pairs)
            for result, of_pairs in ((sums, mine), (squares, np.square(mine))):
                result[:, row, column] = sum(
                    np.bincount(images, of_pairs, pairs.n_images) for images in (pairs.first, pairs.second)
                )
    told = _Told(r.shape, pairs)
    for of_image in zip(sums, squares, strict=True):
        told.add(*of_image)
    return told.influence()


class _Told:
    """Sums up what single images say of a variance, image by image."""

    def __init__(self, shape: tuple[int, ...], pairs: Pairs) -> None:
        self._n = pairs.n_images
        self._together, self._apart, self._fourth = np.zeros((3, *shape))

    def add(self, together: Cells, squares: Cells) -> None:
        """Count an image in: the influence of all its pairs together, and the sum of its squares."""
        self._together += np.square(together)
        # Each pair is counted for both its images.
        self._apart += squares / 2
        self._fourth += np.square(np.square(together))

    def influence(self) -> Influence:
        """Return what they say, where influences are those of pairs on a mean of so many."""
        n, n_pairs = self._n, self._n * (self._n - 1) / 2
        shared = (self._together - 2 * self._apart) / (n * (n - 1) * (n - 2))
        # Few images that say most of it tell no more than so few would (Satterthwaite).
        uneven = self._fourth - np.square(self._together) / n
        freedom = 2 * np.square(self._together) / np.where(uneven > 0, uneven, 1)
        known = np.clip(np.where(uneven > 0, freedom, n - 1), 3, n - 1)
        return Influence(shared * n_pairs**2, self._apart * n_pairs, known)


def _of_image(directions: NDArray[np.float64], image: int, pairs: Pairs) -> NDArray[np.float64]:
    """Return what directions have of all pairs of an image, (n_directions, n_images)."""
    mine: NDArray[np.float64] = directions[:, pairs.places[image]]
    # Of the one pair that it may have with itself there is half.
    mine[:, image] *= np.sqrt(2) if pairs.with_diagonal else 0
    return mine
