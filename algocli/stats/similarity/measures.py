"""What of a pair of images is compared, and how: each measure but one is the cosine of two vectors over all pairs.

Pearson's r is the cosine of distances less their mean, Spearman's rho that of ranks less theirs, linear CKA that of
inner products less the means of their rows and columns: with each image's product with itself as it was published
(Kornblith et al. 2019), or without and corrected for the bias that few images of many features have (Szekely & Rizzo's
U-centring, as in Nguyen et al. 2021). Kendall's tau-a counts pairs of pairs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.pairs import Pairs

Measure = Literal["spearman", "pearson", "kendall", "cosine", "cka", "cka-unbiased"]
MEASURES: tuple[Measure, ...] = ("spearman", "pearson", "kendall", "cosine", "cka", "cka-unbiased")
# Fewer images have no pairs to speak of: U-centring divides by their number less 3.
FEWEST = 4


def is_of_distances(measure: Measure) -> bool:
    """Say whether a measure is of distances between images, as RSA is, or of their inner products."""
    return not measure.startswith("cka")


def counts_diagonal(measure: Measure) -> bool:
    """Say whether an image's product with itself counts."""
    return measure == "cka"


def pairs_of(n_images: int, measure: Measure) -> Pairs:
    """Return the pairs of so many images that a measure is of."""
    return Pairs(n_images, counts_diagonal(measure))


def direction(matrix: NDArray[np.float64], measure: Measure, pairs: Pairs) -> NDArray[np.float64]:
    """Return the vector over pairs, (n_pairs,), whose cosines are a measure; its length is 1.

    For 'kendall' it is that of 'spearman'. Of a matrix whose pairs are all alike nothing can be told: it is 0.

    Parameters
    ----------
    matrix : (n_images, n_images)
        Distances or inner products, as the measure has it.
    """
    return unit(_compared(matrix, measure, pairs))


def _compared(matrix: NDArray[np.float64], measure: Measure, pairs: Pairs) -> NDArray[np.float64]:
    match measure:
        case "cka":
            means = matrix.mean(axis=0)
            return pairs.of(matrix - means - means[:, None] + means.mean())
        case "cka-unbiased":
            n = len(matrix)
            sums = matrix.sum(axis=0) - np.diagonal(matrix)
            return pairs.of(matrix - (sums + sums[:, None]) / (n - 2) + sums.sum() / ((n - 1) * (n - 2)))
        case _:
            return centred(pairs.of(matrix), measure)


def centred(distances: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    """Return what of distances, (n_pairs,), is compared: they themselves, or less their mean, or their ranks."""
    if measure == "cosine":
        return distances
    if distances.min() == distances.max():
        return np.zeros_like(distances)
    if measure in ("spearman", "kendall"):
        from scipy.stats import rankdata

        distances = rankdata(distances)
    about_mean: NDArray[np.float64] = distances - distances.mean()
    return about_mean


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a vector of length 1; one of length 0 as it is."""
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else vector
