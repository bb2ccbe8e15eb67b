"""What similarities come to where images are in random order in one of two views: a permutation test of images.

The distances of one image from all others are not independent of each other, so that images are permuted, not pairs
(Mantel 1967). The lengths of vectors over pairs stay as they are: what chance gives all views is one matrix product a
permutation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
_NUMBERS = 2**18
# Views whose squares are in memory at once: of 1,000 images 128 MB.
_VIEWS = 32


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
    still = np.ascontiguousarray(many.T, np.float32)
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(pairs.n_images) for _ in range(n_permutations)])
    result = np.zeros((n_permutations, len(few), len(many)), np.float32)
    shares, together = blocks(len(few), _VIEWS), blocks(n_permutations, ORDERS)

    def each_block() -> Iterator[None]:
        for views in shares:
            draw = _drawing(few[views], still, pairs, orders, result[:, views])
            yield from in_threads(draw, together, n_threads=n_cores())

    with each_by_itself():
        for _ in track(each_block(), total=len(shares) * len(together), label="images in random order", unit="blocks"):
            pass
    return result.transpose(0, 2, 1) if swapped else result


def _drawing(
    few: NDArray[np.floating],
    still: NDArray[np.float32],
    pairs: Pairs,
    orders: NDArray[np.int64],
    result: NDArray[np.float32],
) -> Callable[[slice], None]:
    """Return what fills in what some orders of images come to, (n_permutations, n_few, n_many)."""
    by_pair = np.ascontiguousarray(few.T, np.float32)
    # As squares of images: what one image has with all that follow it in an order lies in one row, near a core.
    square, alone = by_pair[pairs.places], by_pair[len(pairs) - pairs.n_images :].copy()
    del by_pair

    def draw(some: slice) -> None:
        mine = orders[some]
        for images, block in _each_with_later(pairs, max(1, _NUMBERS // (len(mine) * len(few)))):
            moved = np.empty((len(mine), length(block), len(few)), np.float32)
            for order, numbers in zip(mine, moved, strict=True):
                start = 0
                for image in images:
                    later = order[image + 1 :]
                    stop = start + len(later)
                    np.take(square[order[image]], later, axis=0, out=numbers[start:stop], mode="clip")
                    start = stop
            result[some] += moved.transpose(0, 2, 1) @ still[block]
        if pairs.with_diagonal:
            result[some] += alone[mine].transpose(0, 2, 1) @ still[-pairs.n_images :]

    return draw


def _each_with_later(pairs: Pairs, most: int) -> Iterator[tuple[range, slice]]:
    """Divide the pairs of different images, by their first ones, into about so many; yield these and their pairs."""
    n = pairs.n_images
    start = image = 0
    while image < n - 1:
        first, stop = image, start
        while image < n - 1 and (image == first or stop + n - 1 - image <= start + most):
            stop += n - 1 - image
            image += 1
        yield range(first, image), slice(start, stop)
        start = stop


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
