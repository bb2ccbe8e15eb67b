"""Windows on an image: the Gaussian receptive fields that a regression chooses among for every vertex.

A set is made for any image by its width in degrees of visual angle: the narrower a window, the closer its centres lie,
so that neighbours overlap alike at every width. The whole image always is the first, and what others are held against.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import as_number, check_path, each_of, said
from algocli.errors import DataError, UsageError, reading

SetName = Literal["coarse", "fine"]
# Centre, x to the right and y upwards of the middle of the image, and standard deviation: degrees of visual angle.
Window = tuple[float, float, float]
WHOLE: Window = (0.0, 0.0, math.inf)

# By set: standard deviations as shares of the image's width, and how many centres a side has. The fine set is the
# coarse one and, between its widths and below, those that are tried near the best of it.
_ROWS: dict[SetName, tuple[tuple[float, int], ...]] = {
    "coarse": ((1 / 14, 8), (1 / 7, 5), (2 / 7, 3)),
    "fine": ((1 / 21, 15), (1 / 15, 12), (1 / 10.5, 10), (1 / 5.25, 6)),
}
# How far from the best of the first round windows are tried in the second: centres in steps of either's grid, widths
# as a factor.
_STEPS, _FACTOR = 1.01, 2.1
# Weights of cells that differ by less are those of the same window, seen on so coarse a grid.
_SAME = 1e-3
_COLUMNS = ("x", "y", "size")
_FORM = "a CSV file with the columns x, y and size, in degrees from the middle of the image"


@dataclass(frozen=True)
class Windows:
    """Some windows on an image.

    Attributes
    ----------
    places : (n_windows, 3) float64
        x, y and standard deviation of each; the first is the whole image.
    steps : (n_windows,) float64
        How far apart the centres of windows of that width lie.
    n_first
        How many of them, from the first on, are tried at every vertex; the others near the best of these.
    """

    places: NDArray[np.float64]
    steps: NDArray[np.float64]
    n_first: int

    def __len__(self) -> int:
        return len(self.places)

    def near(self, which: int) -> NDArray[np.int64]:
        """Return the numbers of windows of the second round that are near one of the first, in place and width."""
        x, y, size = self.places.T
        others = np.arange(self.n_first, len(self))
        if which == 0:
            # Who sees all of the image may see most of it.
            widest: NDArray[np.int64] = others[size[others] == size[others].max(initial=0)]
            return widest
        reach = _STEPS * np.maximum(self.steps[which], self.steps[others])
        close = (np.abs(x[others] - x[which]) <= reach) & (np.abs(y[others] - y[which]) <= reach)
        ratio = size[others] / size[which]
        near: NDArray[np.int64] = others[close & (ratio <= _FACTOR) & (ratio >= 1 / _FACTOR)]
        return near

    def on_grid(self, n_rows: int, n_columns: int, width: float) -> NDArray[np.float32]:
        """Return how much each cell of a map counts in each window, (n_windows, n_rows * n_columns); rows sum to 1.

        Parameters
        ----------
        width
            Of what the map covers, in degrees.
        """
        right = ((np.arange(n_columns) + 0.5) / n_columns - 0.5) * width
        up = (0.5 - (np.arange(n_rows) + 0.5) / n_rows) * width
        x, y, size = (column[:, None] for column in self.places.T)
        with np.errstate(invalid="ignore"):
            across, along = -(((right - x) / size) ** 2) / 2, -(((up - y) / size) ** 2) / 2
        # Less the largest: of a window far narrower than a cell the nearest cell is left, and not nothing at all.
        across, along = (part - part.max(axis=1, keepdims=True) for part in (across, along))
        weights = (np.exp(along)[:, :, None] * np.exp(across)[:, None, :]).reshape(len(self), -1)
        normalised: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        return normalised

    def taken(self, which: NDArray[np.int64]) -> Windows:
        """Return some of these, in their order."""
        return Windows(self.places[which], self.steps[which], int((which < self.n_first).sum()))


def distinct(grids: Sequence[NDArray[np.float32]]) -> NDArray[np.int64]:
    """Return the numbers of windows that differ on at least one of some maps, rising; of those alike the first.

    Parameters
    ----------
    grids
        As `Windows.on_grid` returns them, one entry a map.
    """
    weights = np.hstack([grid / grid.max(axis=1, keepdims=True) for grid in grids])
    _, first = np.unique(np.rint(weights / _SAME).astype(np.int32), axis=0, return_index=True)
    return np.sort(first)


def windows_of(which: SetName | tuple[Window, ...], width: float) -> Windows:
    """Return a set of windows on an image of this width, in degrees.

    Raises
    ------
    UsageError
        If a window's centre lies outside the image.

    Examples
    --------
    >>> len(windows_of("coarse", 8.4)), len(windows_of("fine", 8.4))
    (99, 604)
    """
    if not isinstance(which, str):
        _refuse_outside(which, width)
        places = np.array([WHOLE, *which])
        return Windows(places, np.zeros(len(places)), len(places))
    first = _grid("coarse", width)
    rest = first[:0] if which == "coarse" else _grid("fine", width)
    every = np.vstack([[(*WHOLE, width)], first, rest])
    return Windows(every[:, :3], every[:, 3], 1 + len(first))


def _grid(which: SetName, width: float) -> NDArray[np.float64]:
    """Return x, y, standard deviation and step of each window of a set, (n_windows, 4)."""
    rows = []
    for size, n in _ROWS[which]:
        centres = ((np.arange(n) + 0.5) / n - 0.5) * width
        rows += [(x, y, size * width, width / n) for y in centres for x in centres]
    return np.array(rows)


def _refuse_outside(windows: Sequence[Window], width: float) -> None:
    for x, y, _ in windows:
        if max(abs(x), abs(y)) > width / 2:
            raise UsageError(
                f"the window at x={x:g}, y={y:g} lies outside the image, which reaches {width / 2:g} degrees to each "
                "side of its middle",
                hint="windows are in degrees; image_width=... says how wide an image was seen",
            )


def check_windows(name: str, value: object) -> SetName | tuple[Window, ...]:
    """Return a set of windows by its name, or windows themselves: those of a file, or as they are given.

    Raises
    ------
    UsageError
        If they are neither.
    DataError
        If the file is missing or holds something else.
    """
    if value in ("coarse", "fine"):
        return "coarse" if value == "coarse" else "fine"
    if isinstance(value, str | Path):
        path = check_path(name, value)
        if not path.suffix:
            raise UsageError(f"{said(name, value)} is no set of windows", hint=f"'coarse', 'fine', or {_FORM}")
        return _read(path)
    windows = [tuple(as_number(part) for part in each_of(window)) for window in each_of(value)]
    if not windows or any(not _is_window(window) for window in windows):
        raise UsageError(f"{name}=...: windows are an x, a y and a size each", hint=f"'coarse', 'fine', or {_FORM}")
    return _finite(windows)


def _read(path: Path) -> tuple[Window, ...]:
    with reading(path), path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        rows = [[word.strip().lower() for word in row] for row in csv.reader(stream) if row]
    if not rows or any(column not in rows[0] for column in _COLUMNS):
        raise DataError(f"{path} does not begin with the names x, y and size", hint=f"windows=... takes {_FORM}")
    places = [rows[0].index(column) for column in _COLUMNS]
    windows = [tuple(_number(row[place]) if place < len(row) else math.nan for place in places) for row in rows[1:]]
    wrong = next((number for number, window in enumerate(windows, start=1) if not _is_window(window)), None)
    if wrong is not None or not windows:
        told = (
            f"{path}: x, y and a size above 0 were expected in window {wrong}" if wrong else f"{path} names no windows"
        )
        raise DataError(told, hint=f"windows=... takes {_FORM}")
    return _finite(windows)


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return math.nan


def _finite(windows: Sequence[Sequence[float]]) -> tuple[Window, ...]:
    """Return windows but for the whole image, which is tried anyhow; each once."""
    return tuple(dict.fromkeys((x, y, size) for x, y, size in windows if math.isfinite(size)))


def _is_window(window: Sequence[float]) -> bool:
    return len(window) == 3 and math.isfinite(window[0]) and math.isfinite(window[1]) and window[2] > 0


def name_of_set(which: SetName | tuple[Window, ...]) -> str:
    """Return what a run's name says of a set of windows: its name, or a digest."""
    return which if isinstance(which, str) else hashlib.sha256(repr(which).encode()).hexdigest()[:8]
