"""The similarities of many images by every pair of theirs, some rows at a time.

Of 10,000 images there are 5e7 pairs. The second views are held a few at a time, as what is compared of each pair; the
first ones pass by strip by strip, and what they add is a matrix product. Ranks are those of distances that are rounded
to one in 65,536 of a range twice as wide as a sample's, midranks where they are then the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores, n_cores_of_all
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Track, silent
from algocli.stats.similarity.distances import Distance
from algocli.stats.similarity.measures import Measure
from algocli.stats.similarity.sources import View

# Bytes of second views that are held at once.
HELD_BYTES = 8 * 10**8
# Numbers of a view's strip.
_STRIP = 640_000
_LEVELS = 2**16

Strip = NDArray[np.float32]


class Range(NamedTuple):
    """Of what numbers a view is, as far as some pairs of images tell."""

    low: float
    mean: float
    high: float


class Prepared(NamedTuple):
    """What makes of a view's strip of some rows what is compared, in place where it can; and the length of it all."""

    make: Callable[[Strip, slice], Strip]
    size: float


def similarities(
    first: Sequence[View],
    second: Sequence[View],
    measure: Measure,
    distance: Distance | None,
    ranges: tuple[Sequence[Range], Sequence[Range]],
    *,
    track: Track = silent,
) -> NDArray[np.float64]:
    """Return the similarity of every one of some views with every one of others, (n_first, n_second).

    Parameters
    ----------
    measure
        Any but 'kendall'.
    ranges
        Those of the views of either set.
    """
    with each_by_itself():
        return _similarities(first, second, measure, distance, ranges, track)


def _similarities(
    first: Sequence[View],
    second: Sequence[View],
    measure: Measure,
    distance: Distance | None,
    ranges: tuple[Sequence[Range], Sequence[Range]],
    track: Track,
) -> NDArray[np.float64]:
    n = first[0].n_images
    rows = blocks(n, max(1, _STRIP // n))

    def prepare(view: int) -> Prepared:
        return _prepare(lambda: first[view].strips(rows, distance), rows, measure, ranges[0][view])

    prepared = list(in_threads(prepare, range(len(first)), n_threads=n_cores()))
    result = np.empty((len(first), len(second)))
    groups = blocks(len(second), max(1, HELD_BYTES // (2 * n * n)))
    # Once for all groups: memory that is let go and asked for again may be others' by then.
    room = [np.empty((length(groups[0]), length(block), n - block.start), np.float32) for block in rows]
    for group in track(groups, total=len(groups), label="every pair of images", unit="passes"):
        held = [strips[: length(group)] for strips in room]
        for place, view in enumerate(range(len(second))[group]):
            mine = [strips[place] for strips in held]
            size = _hold(mine, second[view].strips(rows, distance, mine), rows, measure, ranges[1][view])
            result[:, view] = 1 / size if size > 0 else 0
        result[:, group] *= _products(first, prepared, held, rows, distance)
    sizes = np.array([[how.size] for how in prepared])
    alike: NDArray[np.float64] = np.divide(result, sizes, out=np.zeros_like(result), where=sizes > 0)
    return alike


def _hold(
    mine: Sequence[Strip], strips: Iterable[Strip], rows: Sequence[slice], measure: Measure, about: Range
) -> float:
    """Put what is compared of a view, each pair once, into strips of its own, and return its length."""
    for of_it, strip in zip(mine, strips, strict=True):
        of_it[:] = strip
    how = _prepare(lambda: mine, rows, measure, about)

    def make(place: int) -> None:
        of_it = mine[place]
        of_it[:] = how.make(of_it, rows[place])
        of_it[:, : len(of_it)] *= _weights(len(of_it), measure)

    for _ in in_threads(make, range(len(rows)), n_threads=n_cores()):
        pass
    return how.size


def _products(
    first: Sequence[View],
    prepared: Sequence[Prepared],
    held: Sequence[Strip],
    rows: Sequence[slice],
    distance: Distance | None,
) -> NDArray[np.float64]:
    """Return the products of views over pairs, (n_first, n_held)."""
    passing = [zip(view.strips(rows, distance), rows, strict=True) for view in first]
    total = np.zeros((len(first), held[0].shape[0]))

    # How many views are multiplied at once moves last digits: no fewer where workers divide the cores.
    shared = blocks(len(first), -(-len(first) // n_cores_of_all()))
    for strips in held:
        flat = strips.reshape(len(strips), -1)

        def multiply(views: slice, flat: Strip = flat) -> Strip:
            made = np.empty((length(views), flat.shape[1]), np.float32)
            for row, view in zip(made, range(len(first))[views], strict=True):
                row[:] = prepared[view].make(*next(passing[view])).reshape(-1)
            return made @ flat.T

        total += np.concatenate(list(in_threads(multiply, shared, n_threads=n_cores())))
    return total


def _weights(width: int, measure: Measure) -> NDArray[np.float32]:
    """Return what the pairs of a strip's first images count among themselves, (width, width): each pair once."""
    weights = np.triu(np.ones((width, width), np.float32), 1)
    # An image with itself is one of a matrix's numbers, where a pair is two.
    np.fill_diagonal(weights, 0.5 if measure == "cka" else 0)
    return weights


def _prepare(strips: Callable[[], Iterable[Strip]], rows: Sequence[slice], measure: Measure, about: Range) -> Prepared:
    """Return what makes of a view's strips what is compared."""
    match measure:
        case "spearman":
            return _by_rank(strips, about)
        case "cosine":
            make = _less(np.float32(0))
        case "pearson":
            middle = np.float32(about.mean)
            sums = [_summed(strip - middle, measure) for strip in strips()]
            make = _less(np.float32(middle + sum(sums) / _n_pairs(rows)))
        case _:
            make = _less_means(_means(strips(), rows, measure))
    squares = (
        _summed(np.square(make(strip.copy(), block)), measure) for strip, block in zip(strips(), rows, strict=True)
    )
    return Prepared(make, float(np.sqrt(sum(squares))))


def _n_pairs(rows: Sequence[slice]) -> float:
    n = int(rows[-1].stop)
    return n * (n - 1) / 2


def _summed(strip: Strip, measure: Measure) -> float:
    """Sum up a strip, each pair once."""
    width = len(strip)
    among = float((strip[:, :width] * _weights(width, measure)).sum(dtype=np.float64))
    return among + float(strip[:, width:].sum(dtype=np.float64))


def _less(middle: np.float32) -> Callable[[Strip, slice], Strip]:
    def make(strip: Strip, _: slice) -> Strip:
        return np.subtract(strip, middle, out=strip)

    return make


def _less_means(means: NDArray[np.float32]) -> Callable[[Strip, slice], Strip]:
    def make(strip: Strip, block: slice) -> Strip:
        strip -= means[block, None]
        strip -= means[block.start :]
        return strip

    return make


def _means(strips: Iterable[Strip], rows: Sequence[slice], measure: Measure) -> NDArray[np.float32]:
    """Return what centring takes from rows and columns, (n_images,): with own products, or without (U-centring)."""
    n = rows[-1].stop
    sums = np.zeros(n)
    for strip, block in zip(strips, rows, strict=True):
        width = len(strip)
        if measure == "cka-unbiased":
            strip = strip.copy()
            np.fill_diagonal(strip[:, :width], 0)
        sums[block] += strip.sum(axis=1, dtype=np.float64)
        sums[block.stop :] += strip[:, width:].sum(axis=0, dtype=np.float64)
    n_others = n if measure == "cka" else n - 2
    # Half of the mean of all, which is added once for rows and once for columns.
    means = sums / n_others - sums.sum() / (n * n if measure == "cka" else (n - 1) * (n - 2)) / 2
    single: NDArray[np.float32] = means.astype(np.float32)
    return single


def _by_rank(strips: Callable[[], Iterable[Strip]], about: Range) -> Prepared:
    """Return what makes ranks of distances, by one level in 65,536; 0 is the mean of all ranks."""
    width = max(about.high - about.low, float(np.finfo(np.float32).tiny))
    step, start = np.float32(_LEVELS / (2 * width)), np.float32(about.low - width / 2)

    def levels(strip: Strip) -> NDArray[np.uint16]:
        strip -= start
        strip *= step
        return np.clip(strip, 0, _LEVELS - 1, out=strip).astype(np.uint16)

    counts = np.zeros(_LEVELS, np.int64)
    for strip in strips():
        of_pairs = levels(strip.copy())
        among = of_pairs[:, : len(strip)][np.triu_indices(len(strip), 1)]
        for part in (among, of_pairs[:, len(strip) :].reshape(-1)):
            counts += np.bincount(part, minlength=_LEVELS)
    # Midranks from 1 on, less their mean: half of those of lower and of equal levels each way.
    below = counts.cumsum() - counts
    ranks = below + counts / 2 - counts.sum() / 2
    table = ranks.astype(np.float32)

    def make(strip: Strip, _: slice) -> Strip:
        return np.take(table, levels(strip), out=strip, mode="clip")

    return Prepared(make, float(np.sqrt((counts * np.square(ranks)).sum())))
