"""How much of an image things cover together: what lies within outlines, boxes and masks, each place counted once.

The area is added up in upright strips that end at every corner and at every pixel. Within one the edge of a polygon is
a straight line, so that what a strip holds follows from its middle, and what overlaps there counts once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import IMAGE_SIZE
from algocli.dataset.nsd.coco import Points, area


@dataclass(frozen=True)
class Outline:
    """Where in a stimulus a thing is: within some polygons, or the pixels of a mask.

    Attributes
    ----------
    polygons : (n, 2) each
        Their corners, x and y in pixels; a box is one of four corners.
    runs
        Of a mask, how many pixels are outside and inside by turns, down the columns, beginning outside.
    """

    polygons: tuple[Points, ...] = ()
    runs: tuple[int, ...] = ()


def box_outline(box: Sequence[float]) -> Outline:
    """Return the outline of COCO's box: left, top, width, height."""
    x, y, width, height = box
    return Outline((np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], dtype=np.float64),))


def share_covered(outlines: Sequence[Outline]) -> float:
    """Return how much of a stimulus some things cover together, 0 to 1; where they overlap counts once.

    Examples
    --------
    >>> round(share_covered([box_outline((0, 0, 425, 85)), box_outline((0, 0, 85, 425))]), 2)
    0.36
    """
    polygons = [polygon for outline in outlines for polygon in outline.polygons]
    masks = [outline.runs for outline in outlines if outline.runs]
    if len(polygons) + len(masks) > 1:
        return _union(polygons, masks) / IMAGE_SIZE**2
    # Of one by itself it is known without strips.
    return float(sum(map(area, polygons)) + sum(sum(runs[1::2]) for runs in masks)) / IMAGE_SIZE**2


def _union(polygons: Sequence[Points], masks: Sequence[tuple[int, ...]]) -> float:
    """Return the area of everything together, in square pixels."""
    edges = np.unique(np.concatenate([np.arange(IMAGE_SIZE + 1.0), *(polygon[:, 0] for polygon in polygons)]))
    middles = (edges[1:] + edges[:-1]) / 2
    spans = [_spans_of_polygon(polygon, middles) for polygon in polygons]
    spans += [_spans_of_mask(runs, middles) for runs in masks]
    starts, ends = (np.concatenate([pair[place] for pair in spans], axis=1) for place in (0, 1))
    if not starts.size:
        return 0.0
    order = np.argsort(starts, axis=1)
    starts, ends = (np.take_along_axis(each, order, axis=1) for each in (starts, ends))
    # From where on, down a strip, nothing has been counted yet.
    counted = np.maximum.accumulate(ends, axis=1)[:, :-1]
    starts[:, 1:] = np.maximum(starts[:, 1:], counted)
    return float(np.clip(ends - starts, 0, None).sum(axis=1) @ np.diff(edges))


_Spans = tuple[NDArray[np.float64], NDArray[np.float64]]


def _spans_of_polygon(polygon: Points, middles: NDArray[np.float64]) -> _Spans:
    """Return from where to where a polygon goes down the middle of each strip, (n_strips, n_spans) each."""
    (x, y), (next_x, next_y) = polygon.T, np.roll(polygon, -1, axis=0).T
    at = middles[:, None]
    crosses = (np.minimum(x, next_x) <= at) & (at < np.maximum(x, next_x))
    # No line that stands upright is crossed.
    slopes = (next_y - y) / np.where(next_x == x, 1, next_x - x)
    return _paired(np.where(crosses, y + (at - x) * slopes, IMAGE_SIZE), crosses)


def _spans_of_mask(runs: Sequence[int], middles: NDArray[np.float64]) -> _Spans:
    """Return from where to where a mask goes down the middle of each strip, (n_strips, n_spans) each."""
    inside = np.repeat(np.arange(len(runs)) % 2, runs).reshape(IMAGE_SIZE, IMAGE_SIZE)
    turns = np.diff(np.pad(inside, ((0, 0), (1, 1))), axis=1) != 0
    starts, ends = _paired(np.where(turns, np.arange(IMAGE_SIZE + 1.0), IMAGE_SIZE), turns)
    column = middles.astype(np.int64)
    return starts[column], ends[column]


def _paired(down: NDArray[np.float64], crosses: NDArray[np.bool_]) -> _Spans:
    """Return beginnings and ends, in pairs, of what is crossed; a strip that has fewer has empty ones at the bottom."""
    n_most = int(crosses.sum(axis=1).max(initial=0))
    ordered = np.sort(down, axis=1)[:, : n_most + n_most % 2]
    return ordered[:, 0::2], ordered[:, 1::2]
