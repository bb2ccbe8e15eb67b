"""Distances between images from their inner products, features unseen.

Inner products of features less a common mean tell squared distances, D² = K_ii + K_jj - 2 K_ij, whatever that mean is.
With the sum s and the norm v of each image's own features (about their mean over features for correlation, about 0 for
the cosine), the distance 1 - r follows from D² alone: in the first case each image loses its mean, which takes
(s_i - s_j)² / n_features from D²; and of two vectors of length v_i and v_j, 2 v_i v_j (1 - cos) = D² - (v_i - v_j)².
Every term is a difference between images, so that a mean which all share costs no digits.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Distance = Literal["correlation", "euclidean", "cosine"]
DISTANCES: tuple[Distance, ...] = ("correlation", "euclidean", "cosine")
# A share of an image's squares that is nothing but rounding: features of which no more varies are constant.
_NOTHING = 1e-12


class Moments(NamedTuple):
    """What inner products about a common mean do not tell of images.

    Attributes
    ----------
    sums, squares : (n_images,) float64
        The sum of each image's features, and of their squares.
    n_features
        Of how many features.
    """

    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    n_features: int

    def at(self, images: NDArray[np.int64] | slice) -> Moments:
        """Return those of some images."""
        return Moments(self.sums[images], self.squares[images], self.n_features)


class Placed(NamedTuple):
    """What turns inner products of images into distances.

    Attributes
    ----------
    own : (n_images,)
        Sums of two of these, and of products of two of each of `terms`, less inner products are halves of squared
        distances.
    terms : (n_terms, n_images)
    lengths : (n_images,) or None
        By which these are divided; None where the distance is the root of their double.
    """

    mine: NDArray[np.float64]
    terms: NDArray[np.float64]
    lengths: NDArray[np.float64] | None


def place(diagonal: NDArray[np.floating], moments: Moments | None, distance: Distance) -> Placed:
    """Return what turns the inner products of some images into distances.

    Parameters
    ----------
    diagonal : (n_images,)
        The inner product of each image with itself.
    moments
        Not needed for 'euclidean'.
    """
    mine = diagonal.astype(np.float64)
    terms, lengths = [], None
    if distance != "euclidean":
        assert moments is not None  # whoever asks for these has them
        squares = moments.squares
        if distance == "correlation":
            # A constant that is added to all sums drops out of their differences, and leaves small numbers.
            sums = moments.sums - moments.sums.mean()
            squares = squares - np.square(moments.sums) / moments.n_features
            terms.append(sums / np.sqrt(moments.n_features))
        lengths = np.sqrt(np.where(squares > _NOTHING * moments.squares, squares, 0))
        terms.append(lengths - lengths.mean())
    matrix = np.array(terms).reshape(len(terms), len(mine))
    return Placed((mine - np.square(matrix).sum(axis=0)) / 2, matrix, lengths)


def to_distances(products: NDArray[np.floating], placed: Placed, rows: slice, columns: slice) -> NDArray[np.floating]:
    """Turn a block of inner products into distances, in place where it can be.

    Returns
    -------
    (n_rows, n_columns)
        In the precision of the products. An image whose features are all the same has no direction: its distance from
        any other is 1, that of what is uncorrelated.
    """
    kind = products.dtype
    # Step by step: so thin a product would wake all threads of a library for nothing.
    block = np.add.outer(placed.mine[rows].astype(kind), placed.mine[columns].astype(kind))
    for term in placed.terms.astype(kind):
        block += np.multiply.outer(term[rows], term[columns])
    block -= products
    if placed.lengths is None:
        np.maximum(block, 0, out=block)
        block *= 2
        return np.sqrt(block, out=block)
    some, others = placed.lengths[rows], placed.lengths[columns]
    block *= _inverse(some).astype(kind)[:, None]
    block *= _inverse(others).astype(kind)
    block[some == 0] = 1
    block[:, others == 0] = 1
    return block


def _inverse(lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    inverse: NDArray[np.float64] = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return inverse
