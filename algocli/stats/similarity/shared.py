"""Strips of views one after the other, where the products of vertices that ROIs have in common are made once.

A large ROI, as a stream is, holds most of several others. Its products are those of these, as far as they lie in it,
and of what is left of its vertices: sums that are nearly free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.stats.similarity.distances import Distance
from algocli.stats.similarity.packing import Strip
from algocli.stats.similarity.patterns import Patterns, Summed
from algocli.stats.similarity.sources import View

# The vertices that two views share, by their places.
_Common = Mapping[tuple[int, int], NDArray[np.int64]]
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Turn:
    """When a view's strips are made, and of which vertices products are made then.

    Attributes
    ----------
    place
        The view's, among all.
    common : (n_common,)
        Vertices whose products a larger view will need as well.
    alone : (n_alone,)
        Those that are this view's alone, or of which the others have been made before.
    kept
        Whether what larger views need has been made before: this view is such a one.
    """

    place: int
    common: NDArray[np.int64]
    alone: NDArray[np.int64]
    kept: bool = False


def turns(views: Sequence[View]) -> list[Turn]:
    """Return an order of views in which most products are made once: parts of a larger one, and then that one.

    Examples
    --------
    >>> read = lambda images, vertices: np.zeros((5, len(vertices)))
    >>> large, small = Patterns(5, np.arange(9), read), Patterns(5, np.arange(7, 12), read)
    >>> [(turn.place, turn.common.tolist(), turn.alone.tolist()) for turn in turns([large, small])]
    [(1, [], [7, 8, 9, 10, 11]), (0, [], [0, 1, 2, 3, 4, 5, 6, 7, 8])]
    """
    left, common, result = dict(enumerate(map(_vertices, views))), _common(views), []
    while left:
        of_each = {large: _parts_of(large, left, common) for large in left}
        large = max(of_each, key=lambda place: _n_saved(place, of_each[place], common))
        done = _NONE
        for place in of_each[large]:
            vertices = left.pop(place)
            now = np.setdiff1d(common[large, place], done)
            done = np.union1d(done, now)
            result.append(Turn(place, now, np.setdiff1d(vertices, now)))
        result.append(Turn(large, _NONE, np.setdiff1d(left.pop(large), done), kept=bool(of_each[large])))
    return result


def _common(views: Sequence[View]) -> _Common:
    """Return what vertices any two views share."""
    patterns = {place: view for place, view in enumerate(views) if isinstance(view, Patterns)}
    return {
        (place, other): np.intersect1d(one.vertices, another.vertices)
        for place, one in patterns.items()
        for other, another in patterns.items()
        if place != other and one.read is another.read
    }


def _parts_of(large: int, left: Mapping[int, NDArray[np.int64]], common: _Common) -> list[int]:
    """Return the views that have at least half of their vertices in common with one."""
    return [
        place
        for place, vertices in left.items()
        if (large, place) in common and 2 * len(common[large, place]) >= len(vertices)
    ]


def _n_saved(large: int, parts: Sequence[int], common: _Common) -> int:
    """Count the vertices whose products a view and its parts need both."""
    return len(np.unique(np.concatenate([_NONE, *(common[large, place] for place in parts)])))


def _vertices(view: View) -> NDArray[np.int64]:
    return view.vertices if isinstance(view, Patterns) else _NONE


class Shared:
    """Strips of some views, which are asked for in the order of `turns`.

    Parameters
    ----------
    rows
        The blocks of images.
    """

    def __init__(self, views: Sequence[View], rows: Sequence[slice]) -> None:
        self._views, self._rows = views, rows
        self.turns = turns(views)
        needs = any(turn.kept for turn in self.turns)
        self._kept = Summed(views[0].n_images, rows) if needs else None

    def strips(self, turn: Turn, distance: Distance | None, into: Sequence[Strip]) -> Iterator[Strip]:
        """Return a view's strips, as the view itself would; `into` is overwritten where that saves memory."""
        view = self._views[turn.place]
        if self._kept is None or not isinstance(view, Patterns):
            return view.strips(self._rows, distance, into)
        summed = Summed(view.n_images, self._rows, into)
        if len(turn.common):
            summed.add(view, turn.common)
            self._kept.merge(summed)
        elif turn.kept:
            summed.merge(self._kept)
            self._kept.clear()
        summed.add(view, turn.alone)
        return summed.strips(distance)
