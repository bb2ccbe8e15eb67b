"""Where the names of outlined ROIs go: each once a hemisphere, where it is seen well, none over another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from algocli.results.drawing.arrangement import FLAT, Tile
from algocli.results.drawing.outline import Trace

_Point = NDArray[np.float64]

# Shares of the letters' height: the width of a letter, the space beside a name, and the height of a line.
_LETTER, _PAD, _LINE = 0.66, 0.5, 1.35
# A view shows a ROI well if it looks this much as large as where it looks largest.
_WELL = 0.4
# A name outside its ROI has to hide so many mm of lines less, for there is then a line from one to the other.
_OUTSIDE = 12.0
# A name ends at most so many mm beyond its view, which leaves it on the sheet and beside the names of the next view.
_BEYOND = 15.0
# Inside a ROI so many places are tried; outside, rings of so many places, as many lines away.
_N_INSIDE, _N_AROUND, _RINGS = 200, 16, (1.5, 3.0, 4.5, 6.0, 8.0, 10.0)


@dataclass(frozen=True)
class Name:
    """A name, its middle (x, y) on the sheet in mm, and the place that it is the name of, if that is another."""

    text: str
    x: float
    y: float
    of: tuple[float, float] | None = None


def place_names(traced: Mapping[Tile, Mapping[str, Trace]], letters: float) -> list[Name]:
    """Place the names of all ROIs.

    Parameters
    ----------
    traced
        What each view shows of each ROI.
    letters
        The height of letters in mm of the sheet.
    """
    homes = _homes(traced)
    return [name for tile, rois in traced.items() for name in _place_in_view(tile, rois, homes[tile], letters)]


def _homes(traced: Mapping[Tile, Mapping[str, Trace]]) -> dict[Tile, list[str]]:
    """Return which ROIs are to be named in each view: a hemisphere's names in as few views as show them well."""
    homes: dict[Tile, list[str]] = {tile: [] for tile in traced}
    for hemisphere in dict.fromkeys(tile.hemisphere for tile in traced):
        views = {tile: rois for tile, rois in traced.items() if tile.hemisphere == hemisphere}
        best = {roi: max(rois[roi].area for rois in views.values()) for roi in next(iter(views.values()))}
        unnamed = [roi for roi in best if best[roi] > 0]
        while unnamed:
            well = {
                tile: [roi for roi in unnamed if rois[roi].area >= _WELL * best[roi]] for tile, rois in views.items()
            }
            # Of views that show as many the flat one, which hides nothing.
            home = max(well, key=lambda tile: (len(well[tile]), tile.view == FLAT))
            homes[home].extend(well[home])
            unnamed = [roi for roi in unnamed if roi not in well[home]]
    return homes


def _place_in_view(tile: Tile, rois: Mapping[str, Trace], named: Sequence[str], letters: float) -> Iterator[Name]:
    lines = [line for trace in rois.values() for line in trace.lines]
    ink = np.concatenate([_pieces(line) for line in lines] or [np.empty((0, 3))])
    room = _Room(tile)
    # The smallest ROI has the least choice.
    for roi in sorted(named, key=lambda roi: len(rois[roi].points)):
        half = np.array([_LETTER * len(roi) + _PAD, _LINE]) * letters / 2
        middle, place, is_inside = _choose(rois[roi].points, ink, half, room)
        room.taken.append((place, half))
        yield Name(roi, float(place[0]), float(place[1]), None if is_inside else (float(middle[0]), float(middle[1])))


def _pieces(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the middle of each piece of a line, and how long it is, (n_points - 1, 3)."""
    return np.column_stack([(line[1:] + line[:-1]) / 2, np.linalg.norm(np.diff(line, axis=0), axis=1)])


@dataclass
class _Room:
    """What is left for names around a view: `taken` are the middles and half the extents of those placed."""

    tile: Tile
    taken: list[tuple[_Point, _Point]] = field(default_factory=list)

    def takes(self, place: _Point, half: _Point) -> bool:
        """Tell whether a name of the extent 2 * `half` may stand there."""
        corner, extent = np.array([self.tile.left, self.tile.top]), np.array([self.tile.width, self.tile.height])
        is_near = (place - half > corner - _BEYOND).all() and (place + half < corner + extent + _BEYOND).all()
        return bool(is_near) and all((np.abs(place - other) >= half + its).any() for other, its in self.taken)


def _choose(
    points: NDArray[np.float64], ink: NDArray[np.float64], half: _Point, room: _Room
) -> tuple[_Point, _Point, bool]:
    """Return the place of a ROI that has most of it around, the best one for its name, and whether that is inside.

    The best is where a name of the extent 2 * `half` hides least of the lines' `ink`, and is not far from its ROI.
    """
    inside = points[:: max(1, len(points) // _N_INSIDE)]
    apart = np.linalg.norm(inside[:, None] - inside, axis=2)
    near = np.exp(-((2 * apart / max(float(np.median(apart)), 1.0)) ** 2))
    middle = inside[near.sum(axis=1).argmax()]
    angles = np.arange(_N_AROUND) * 2 * np.pi / _N_AROUND
    around = [middle + (half + r * half[1]) * (np.cos(a), np.sin(a)) for r in _RINGS for a in angles]

    def cost(place: _Point, is_inside: bool) -> float:
        hidden = ink[(np.abs(ink[:, :2] - place) < half).all(axis=1), 2].sum()
        return float(hidden + np.linalg.norm(place - middle) / 2) + (0.0 if is_inside else _OUTSIDE)

    places = [(place, is_inside) for side, is_inside in ((inside, True), (around, False)) for place in side]
    free = [place for place in places if room.takes(place[0], half)]
    place, is_inside = min(free or [(middle, True)], key=lambda place: cost(*place))
    return middle, place, is_inside
