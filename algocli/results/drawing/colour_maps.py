"""Colour maps by name: matplotlib's, and of our own one for values around 0, and one for directions."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import nearest
from algocli.errors import UsageError
from algocli.results.drawing.loading import load_matplotlib

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

DIVERGING = "blue-white-orange"
# CIELAB colours of its ends and its middle: on the way between them equal steps look equal, and printed grey the ends
# still differ.
_LOW, _MIDDLE, _HIGH = (28.0, 12.0, -48.0), (96.0, 0.0, 0.0), (44.0, 44.0, 50.0)
_N_COLOURS = 512
CYCLIC = "even-wheel"
# A circle in CIELAB, at one lightness: no direction stands out, and equal turns look equally different. It is the
# largest that a screen can show, and its centre is not quite grey: the lightness of the purest blue is far below.
_LIGHTNESS, _MIDDLE_OF_WHEEL, _RADIUS = 65.0, (6.0, 16.0), 49.0
# From CIELAB by way of XYZ to linear sRGB, all with the white of D65.
_WHITE = (0.95047, 1.0, 1.08883)
_FROM_XYZ = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)


def find_colours(name: str) -> Colormap:
    """Return the colour map of that name.

    Raises
    ------
    UsageError
        If there is none; the nearest ones are told.
    """
    load_matplotlib()
    from matplotlib import colormaps

    if name in _OURS:
        return _OURS[name]()
    if name not in colormaps:
        near = nearest(name, [*colormaps, *_OURS])
        guess = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(
            f"matplotlib has no colour map '{name}'{guess}",
            hint=f"viridis, magma and cividis read well; around 0 {DIVERGING}, of directions {CYCLIC}",
        )
    return colormaps[name]


@cache
def _diverging() -> Colormap:
    from matplotlib.colors import ListedColormap

    half = np.linspace(0, 1, _N_COLOURS // 2)[:, None]
    below = np.array(_LOW) * (1 - half) + np.array(_MIDDLE) * half
    above = np.array(_MIDDLE) * (1 - half) + np.array(_HIGH) * half
    return ListedColormap(_to_srgb(np.concatenate([below, above])), name=DIVERGING)


@cache
def _cyclic() -> Colormap:
    from matplotlib.colors import ListedColormap

    # The first colour follows the last.
    turn = np.linspace(0, 2 * np.pi, _N_COLOURS, endpoint=False)
    lab = np.column_stack([np.zeros_like(turn), _RADIUS * np.cos(turn), _RADIUS * np.sin(turn)])
    return ListedColormap(_to_srgb(lab + np.array([_LIGHTNESS, *_MIDDLE_OF_WHEEL])), name=CYCLIC)


_OURS = {DIVERGING: _diverging, CYCLIC: _cyclic}


def _to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn CIELAB colours, (n, 3), into sRGB from 0 to 1 (IEC 61966-2-1)."""
    lightness = (lab[:, 0] + 16) / 116
    relative = np.stack([lightness + lab[:, 1] / 500, lightness, lightness - lab[:, 2] / 200], axis=1)
    xyz = np.where(relative > 6 / 29, relative**3, 3 * (6 / 29) ** 2 * (relative - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ np.array(_FROM_XYZ).T, 0, 1)
    curved = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return np.asarray(np.clip(curved, 0, 1))
