"""Every one of some views of the same images compared with every one of others, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Track, silent
from algocli.stats.similarity import strips
from algocli.stats.similarity.chance import by_chance
from algocli.stats.similarity.distances import Distance
from algocli.stats.similarity.kendall import MOST_IMAGES, tau_a
from algocli.stats.similarity.measures import Measure, direction, is_of_distances, pairs_of
from algocli.stats.similarity.packing import Range
from algocli.stats.similarity.pairs import Pairs
from algocli.stats.similarity.sources import View
from algocli.stats.similarity.spread import influence, influence_of_tau

# Of more images, so many drawn at random say what chance gives, and by how much similarities vary.
SAMPLE = 1000


@dataclass(frozen=True)
class Similarities:
    """How similar views are, each (n_first, n_second).

    Attributes
    ----------
    values
        By all images, but for Kendall's tau: by `sample`.
    low, high
        The 95 % interval, had other such images been shown.
    of_sample, chance
        By the images of `sample`, and by these in random order, (n_permutations, n_first, n_second): for Kendall's tau
        both are Spearman's rho, as the images that are not in order are the same.
    sample : (n_some,)
        The images that tell how sure it is: all of them, unless they are many.
    first, second : (n_first, n_pairs), (n_second, n_pairs)
        Directions over the pairs of the sample.
    """

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    of_sample: NDArray[np.float64]
    chance: NDArray[np.float32]
    sample: NDArray[np.int64]
    first: NDArray[np.float64]
    second: NDArray[np.float64]


def compare(
    first: Sequence[View],
    second: Sequence[View],
    measure: Measure = "spearman",
    distance: Distance = "correlation",
    *,
    n_permutations: int = 1000,
    seed: int = 0,
    track: Track = silent,
) -> Similarities:
    """Compare every one of some views with every one of others.

    Parameters
    ----------
    first, second
        Of the same images in the same order, four at the least.
    measure
        Of distances between images 'spearman', 'pearson', 'kendall' (tau-a) or 'cosine'; of their inner products 'cka'
        or 'cka-unbiased'.
    distance
        Between features, or responses, of two images; views that are distances already have their own.
    n_permutations, seed
        How often images are put into random order; the seed also draws the images of the sample.

    Examples
    --------
    >>> from algocli.stats.similarity.sources import Given
    >>> one = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    >>> float(compare([Given(one)], [Given(one**2)]).values[0, 0].round(12))
    1.0
    """
    n = first[0].n_images
    most = min(n, MOST_IMAGES if measure == "kendall" else SAMPLE)
    sample = np.sort(np.random.default_rng(seed).permutation(n)[:most])
    how = distance if is_of_distances(measure) else None
    pairs = pairs_of(most, measure)
    (u, ranges), (v, other_ranges) = (_sampled(views, sample, measure, how, pairs) for views in (first, second))
    cosines = u @ v.T
    if measure == "kendall":
        values = np.array([tau_a(item, other) for item, other in product(u, v)]).reshape(cosines.shape)
        varied = influence_of_tau(u, v, values, pairs)
    else:
        values, varied = cosines, influence(u, v, cosines, pairs)
        if most < n:
            values = strips.similarities(first, second, measure, how, (ranges, other_ranges), track=track)
    # Kendall's tau of many images is one of some of them.
    n_counted = most if measure == "kendall" else n
    low, high = varied.interval(values, n_counted)
    chance = by_chance(u, v, pairs, n_permutations=n_permutations, seed=seed, track=track)
    return Similarities(values, low, high, cosines, chance, sample, u, v)


def _sampled(
    views: Sequence[View], sample: NDArray[np.int64], measure: Measure, distance: Distance | None, pairs: Pairs
) -> tuple[NDArray[np.float64], list[Range]]:
    """Return views' directions over the pairs of some images, (n_views, n_pairs), and of what numbers they are."""
    directions = np.empty((len(views), len(pairs)))

    def tell(place: int) -> Range:
        matrix = views[place].among(sample, distance)
        directions[place] = direction(matrix, measure, pairs)
        apart = matrix[pairs.first, pairs.second]
        return Range(float(apart.min()), float(apart.mean()), float(apart.max()))

    with each_by_itself():
        return directions, list(in_threads(tell, range(len(views)), n_threads=n_cores()))
