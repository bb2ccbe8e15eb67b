"""What similarities come to where images are in random order in one of two views: a permutation test of images.

The distances of one image from all others are not independent of each other, so that images are permuted, not pairs
(Mantel 1967). The lengths of vectors over pairs stay as they are: what chance gives all views is one matrix product a
permutation.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Track, silent
from algocli.stats.families import corrected_p
from algocli.stats.similarity.pairs import Pairs

# Similarities this close differ by the rounding of float32 sums; a permutation that ties counts as one as high.
TIE = 1e-6
# Orders that a thread tries at once, and numbers of pairs that it multiplies at once: these stay in a core's cache.
ORDERS = 16
_NUMBERS = 2**20


def by_chance(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    pairs: Pairs,
    *,
    n_permutations: int = 1000,
    seed: int = 0,
    track: Track = silent,
) -> NDArray[np.float32]:
    """Return the similarities of two sets of views with images of one of them in random order.

    Parameters
    ----------
    first, second : (n_first, n_pairs), (n_second, n_pairs)
        Directions, as `measures.direction` gives them.

    Returns
    -------
    (n_permutations, n_first, n_second) float32
        Each permutation is the same for all views.
    """
    swapped = len(second) < len(first)
    few, many = (second, first) if swapped else (first, second)
    # A row of the few views' numbers for each pair: so few are fetched from one place.
    by_pair, still = np.ascontiguousarray(few.T, np.float32), np.ascontiguousarray(many.T, np.float32)
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(pairs.n_images) for _ in range(n_permutations)], axis=1)
    result = np.zeros((n_permutations, len(few), len(many)), np.float32)

    def draw(some: slice) -> None:
        mine = orders[:, some]
        for block in blocks(len(pairs), max(1, _NUMBERS // (length(some) * len(few)))):
            places = pairs.places[mine[pairs.first[block]], mine[pairs.second[block]]]
            moved = np.take(by_pair, places, axis=0, mode="clip").reshape(len(places), -1)
            result[some] += (moved.T @ still[block]).reshape(length(some), len(few), len(many))

    together = blocks(n_permutations, ORDERS)
    with each_by_itself():
        done = in_threads(draw, together, n_threads=n_cores())
        for _ in track(done, total=len(together), label="images in random order", unit="blocks"):
            pass
    return result.transpose(0, 2, 1) if swapped else result


def p_of_chance(
    chance: NDArray[np.floating], observed: NDArray[np.floating], correction: Literal["none", "fdr", "max"] = "none"
) -> NDArray[np.float64]:
    """Return how likely chance gives similarities as high as those observed, (n_first, n_second).

    One-sided: views that are more unlike than chance have nothing in common. Never less than one of the permutations
    and the observed order itself.

    Parameters
    ----------
    chance : (n_permutations, n_first, n_second)
    observed : (n_first, n_second)
    correction
        As `families.corrected_p` has it, over all of them.
    """
    draws = chance.reshape(len(chance), -1).T
    about = draws.mean(axis=1)
    at = observed.reshape(-1) - TIE - about
    return corrected_p(draws, at, correction, above=True).reshape(observed.shape)
