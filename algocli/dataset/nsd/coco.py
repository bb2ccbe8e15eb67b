"""The way from NSD's images back to COCO's: which image each one is, what was cut off, and where things are in both.

NSD cut each COCO image to a square and scaled it to 425 x 425 pixels. Coordinates count pixels from the upper left
corner, x to the right and y down, as COCO's do.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.dataset.challenge.image_names import parse_id
from algocli.dataset.challenge.layout import IMAGE_SIZE, N_NSD_IMAGES
from algocli.dataset.ids import find_stimuli, read_table
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError

Points = NDArray[np.float64]
# In square pixels: what rounding may leave of a line.
_SMALLEST_AREA = 1e-6
_COLUMNS = ("nsdId", "cocoId", "cocoSplit", "cropBox")


@dataclass(frozen=True)
class Crop:
    """What was cut off a COCO image on each side, as a share of its height or width."""

    top: float
    bottom: float
    left: float
    right: float

    def of(self, width: int, height: int) -> Frame:
        """Return the part of an image of that many pixels that is left."""
        return Frame(
            self.left * width, self.top * height, (1 - self.right) * width, (1 - self.bottom) * height, width, height
        )


@dataclass(frozen=True)
class CocoImage:
    """Where one of NSD's images comes from; `split` is COCO's own, as in 'val2017'."""

    nsd_id: int
    coco_id: int
    split: str
    crop: Crop


@dataclass(frozen=True)
class Frame:
    """The part of a COCO image that became a stimulus: its corners, and the whole image's size, in COCO's pixels."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: int
    height: int

    @property
    def _scale(self) -> Points:
        return np.array([IMAGE_SIZE / (self.x1 - self.x0), IMAGE_SIZE / (self.y1 - self.y0)])

    def to_stimulus(self, points: ArrayLike) -> Points:
        """Map COCO's points, (n, 2) x and y, into the stimulus; those that were cut off come to lie outside of it."""
        return (_as_points(points) - (self.x0, self.y0)) * self._scale

    def to_coco(self, points: ArrayLike) -> Points:
        """Map points of the stimulus, (n, 2), back into the COCO image."""
        return _as_points(points) / self._scale + (self.x0, self.y0)

    def holds(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Say of each of COCO's points, (n, 2), whether the stimulus shows it."""
        x, y = _as_points(points).T
        inside: NDArray[np.bool_] = (self.x0 <= x) & (x <= self.x1) & (self.y0 <= y) & (y <= self.y1)
        return inside

    def box(self, box: Iterable[float]) -> tuple[float, float, float, float] | None:
        """Map COCO's box (left, top, width, height) into the stimulus, cut at its edges; None where nothing is left."""
        left, top, width, height = box
        x0, y0 = max(left, self.x0), max(top, self.y0)
        x1, y1 = min(left + width, self.x1), min(top + height, self.y1)
        if x0 >= x1 or y0 >= y1:
            return None
        (a, b), (c, d) = self.to_stimulus([(x0, y0), (x1, y1)]).tolist()
        return a, b, c - a, d - b

    def polygon(self, points: ArrayLike) -> Points:
        """Map a polygon of COCO's, (n, 2), into the stimulus, cut at its edges.

        Returns
        -------
        (m, 2)
            Empty where nothing is left. Parts of a polygon that the edge cuts asunder stay joined along it.
        """
        corners = [(float(x), float(y)) for x, y in _as_points(points)]
        for axis, edge, sign in ((0, self.x0, 1), (0, self.x1, -1), (1, self.y0, 1), (1, self.y1, -1)):
            corners = _cut(corners, axis, edge, sign)
        mapped = self.to_stimulus(np.array(corners).reshape(-1, 2))
        return mapped if area(mapped) > _SMALLEST_AREA else np.empty((0, 2))


def area(polygon: Points) -> float:
    """Return the area of a polygon, (n, 2), in square pixels."""
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def read_coco_images(path: Path, stimuli: Iterable[Stimulus]) -> list[CocoImage]:
    """Look up stimuli in NSD's nsd_stim_info_merged.csv, in their order.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column or an image, or holds what no id or crop can be.
    """
    table = read_table(path, _COLUMNS)
    wanted = list(stimuli)
    hint = f"it is not complete: NSD's own has a line for each of its {N_NSD_IMAGES:,} images"
    places = find_stimuli([parse_id(row[0], str(path)) for row in table], wanted, str(path), hint=hint)
    return [_parse(table[place], stimulus.nsd_id, path) for place, stimulus in zip(places, wanted, strict=True)]


def _parse(row: Sequence[str], nsd_id: int, path: Path) -> CocoImage:
    _, coco_id, split, crop = row
    where = f"{path}, NSD id {nsd_id}"
    if not (coco_id.isascii() and coco_id.isdecimal() and len(coco_id) <= 18):
        raise DataError(f"{where}: '{coco_id[:20]}' is no COCO id")
    return CocoImage(nsd_id, int(coco_id), split, _parse_crop(crop, where))


def _parse_crop(text: str, where: str) -> Crop:
    try:
        top, bottom, left, right = (float(share) for share in ast.literal_eval(text))
    # Arbitrary text raises nearly anything, from SyntaxError to RecursionError.
    except Exception as error:
        raise DataError(
            f"{where}: '{text[:60]}' is no crop; four shares were expected, as in (0, 0, 0.125, 0.125)"
        ) from error
    shares = (top, bottom, left, right)
    if not all(math.isfinite(share) and 0 <= share < 1 for share in shares) or top + bottom >= 1 or left + right >= 1:
        raise DataError(f"{where}: {text} is no crop; shares from 0 to 1 that leave something were expected")
    return Crop(*shares)


def _as_points(points: ArrayLike) -> Points:
    return np.asarray(points, dtype=np.float64).reshape(-1, 2)


def _cut(corners: list[tuple[float, float]], axis: int, edge: float, sign: int) -> list[tuple[float, float]]:
    """Keep what lies on one side of a horizontal or vertical line (Sutherland and Hodgman 1974)."""
    kept: list[tuple[float, float]] = []
    for before, corner in zip([*corners[-1:], *corners[:-1]], corners, strict=True):
        was_in, is_in = (sign * (point[axis] - edge) >= 0 for point in (before, corner))
        if was_in != is_in:
            share = (edge - before[axis]) / (corner[axis] - before[axis])
            met = [b + share * (c - b) for b, c in zip(before, corner, strict=True)]
            met[axis] = edge
            kept.append((met[0], met[1]))
        if is_in:
            kept.append(corner)
    return kept
