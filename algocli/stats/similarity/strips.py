"""The similarities of many images by every pair of theirs, some rows at a time.

Of 10,000 images there are 5e7 pairs. The second views are held a few at a time, as what is compared of each pair, or
in two bytes what tells it; the first ones pass by strip by strip, and what they add is a matrix product. Ranks are
those of distances that are rounded to one in 65,536 of a range twice as wide as a sample's, midranks where they are
then the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores, n_cores_of_all
from algocli.compute.threads import each_by_itself, in_threads
from algocli.compute.track import Track, silent
from algocli.stats.similarity.distances import Distance
from algocli.stats.similarity.measures import Measure
from algocli.stats.similarity.packing import Prepared, Range, Strip, kind_of, prepare, weights_of
from algocli.stats.similarity.shared import Shared
from algocli.stats.similarity.sources import View

# Bytes of second views that are held at once, of the one that is made and of what it shares with others.
HELD_BYTES = 11 * 10**8
# Numbers of a view's strip.
_STRIP = 640_000


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

    def prepared(view: int) -> Prepared:
        return prepare(lambda: first[view].strips(rows, distance), rows, measure, ranges[0][view])

    hows = list(in_threads(prepared, range(len(first)), n_threads=n_cores()))
    result = np.empty((len(first), len(second)))
    shared, room = Shared(second, rows), _Room(rows, measure, len(second))
    groups = blocks(len(second), room.n_views)
    for group in track(groups, total=len(groups), label="every pair of images", unit="passes"):
        turns = shared.turns[group]
        for number, turn in enumerate(turns):
            room.hold(number, shared.strips(turn, distance, room.to_be_made(number)), ranges[1][turn.place])
        passing = [zip(view.strips(rows, distance), rows, strict=True) for view in first]
        result[:, [turn.place for turn in turns]] = _cosines(passing, hows, room)
    return _by_length(result, np.array([[how.size] for how in hows]))


class _Room:
    """Where some of the second views are held, all pairs of each, and the next is made: asked for once.

    Memory that is let go and asked for again may be others' by then.
    """

    def __init__(self, rows: Sequence[slice], measure: Measure, n_views: int) -> None:
        self.rows, self.measure = rows, measure
        self.shapes = [(length(block), rows[-1].stop - block.start) for block in rows]
        kind = kind_of(measure)
        # Of all pairs one view's numbers are two bytes for each image and image, beside what several share.
        whole = 2 * rows[-1].stop ** 2
        self._made = [np.empty(shape, np.float32) for shape in self.shapes] if kind is np.uint16 else None
        left, each = HELD_BYTES - whole * (1 + (kind is np.uint16)), whole * np.dtype(kind).itemsize // 4
        self.n_views = min(n_views, max(1, left // each))
        self._packed = [[np.empty(shape, kind) for shape in self.shapes] for _ in range(self.n_views)]
        self.hows: list[Prepared] = []

    def to_be_made(self, number: int) -> list[Strip]:
        """Return the strips in which a view is made."""
        return self._made or self._packed[number]

    def hold(self, number: int, strips: Iterable[Strip], about: Range) -> None:
        """Hold a view, which may have been made in strips of here."""
        made, packed = self.to_be_made(number), self._packed[number]
        for of_it, strip in zip(made, strips, strict=True):
            of_it[:] = strip
        how = prepare(lambda: made, self.rows, self.measure, about)

        def pack(place: int) -> None:
            packed[place][:] = how.pack(made[place], self.rows[place])

        for _ in in_threads(pack, range(len(self.rows)), n_threads=n_cores()):
            pass
        self.hows[number:] = [how]

    def numbers(self, place: int) -> Strip:
        """Return what is compared of every view's strip, each pair once, (n_views, n_rows, n_columns)."""
        result = np.empty((len(self.hows), *self.shapes[place]), np.float32)
        weights = weights_of(self.shapes[place][0], self.measure)

        def put(view: int) -> None:
            self.hows[view].put(self._packed[view][place], result[view])
            result[view, :, : len(weights)] *= weights

        for _ in in_threads(put, range(len(self.hows)), n_threads=n_cores()):
            pass
        return result


def _cosines(
    passing: Sequence[Iterator[tuple[Strip, slice]]], hows: Sequence[Prepared], room: _Room
) -> NDArray[np.float64]:
    """Return the products of views that pass by with those held, (n_first, n_held), by the lengths of these."""
    total = np.zeros((len(passing), len(room.hows)))
    # How many views are multiplied at once moves last digits: no fewer where workers divide the cores.
    together = blocks(len(passing), -(-len(passing) // n_cores_of_all()))
    for place in range(len(room.rows)):
        still = room.numbers(place).reshape(len(room.hows), -1)

        def multiply(views: slice, still: Strip = still) -> Strip:
            made = np.empty((length(views), still.shape[1]), np.float32)
            for row, strips, how in zip(made, passing[views], hows[views], strict=True):
                row[:] = how.make(*next(strips)).reshape(-1)
            return made @ still.T

        total += np.concatenate(list(in_threads(multiply, together, n_threads=n_cores())))
    return _by_length(total, np.array([how.size for how in room.hows]))


def _by_length(products: NDArray[np.float64], lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide products by the lengths of views; one of length 0 is similar to none."""
    result: NDArray[np.float64] = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    return result
