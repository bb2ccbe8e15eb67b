"""What of a strip of distances or inner products is compared, as a measure has it, and what is held of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.measures import Measure

# Ranks are told apart by so many levels of distances, which two bytes hold.
_LEVELS = 2**16

Strip = NDArray[np.float32]
Packed = NDArray[np.float32] | NDArray[np.uint16]


class Range(NamedTuple):
    """Of what numbers a view is, as far as some pairs of images tell."""

    low: float
    mean: float
    high: float


class Prepared(NamedTuple):
    """What makes of a view's strips what is compared, by way of what is held of it; and the length of it all.

    Attributes
    ----------
    pack
        Returns what is held of a strip of some rows, which it may overwrite.
    unpack
        Turns that into what is compared, in another strip; None where it is that already.
    """

    pack: Callable[[Strip, slice], Packed]
    unpack: Callable[[Packed, Strip], None] | None
    size: float

    def make(self, strip: Strip, block: slice) -> Strip:
        """Turn a strip of some rows into what is compared, in place where that can be done."""
        return self.put(self.pack(strip, block), strip)

    def put(self, packed: Packed, into: Strip) -> Strip:
        """Write what is compared of a strip into another."""
        if self.unpack is not None:
            self.unpack(packed, into)
        elif packed is not into:
            into[:] = packed
        return into


def kind_of(measure: Measure) -> type[np.float32 | np.uint16]:
    """Return in what precision a view is held."""
    return np.uint16 if measure == "spearman" else np.float32


def weights_of(width: int, measure: Measure) -> NDArray[np.float32]:
    """Return what the pairs of a strip's first images count among themselves, (width, width): each pair once."""
    weights = np.triu(np.ones((width, width), np.float32), 1)
    # An image with itself is one of a matrix's numbers, where a pair is two.
    np.fill_diagonal(weights, 0.5 if measure == "cka" else 0)
    return weights


def prepare(strips: Callable[[], Iterable[Strip]], rows: Sequence[slice], measure: Measure, about: Range) -> Prepared:
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
    return Prepared(make, None, float(np.sqrt(sum(squares))))


def _n_pairs(rows: Sequence[slice]) -> float:
    n = int(rows[-1].stop)
    return n * (n - 1) / 2


def _summed(strip: Strip, measure: Measure) -> float:
    """Sum up a strip, each pair once."""
    width = len(strip)
    among = float((strip[:, :width] * weights_of(width, measure)).sum(dtype=np.float64))
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

    def unpack(of_pairs: Packed, into: Strip) -> None:
        np.take(table, of_pairs.astype(np.intp), out=into, mode="clip")

    return Prepared(lambda strip, _: levels(strip), unpack, float(np.sqrt((counts * np.square(ranks)).sum())))
