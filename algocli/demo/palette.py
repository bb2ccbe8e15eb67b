"""The colours that pictures are painted in, and how one is drawn from a family."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]


def _family(*colours: str) -> Colours:
    """Return red, green and blue between 0 and 1 of colours in hexadecimal, (n_colours, 3)."""
    return np.array([[*bytes.fromhex(colour)] for colour in colours]) / 255


LAND = _family("426129", "6b8038", "29401f", "805a3a", "9e825e", "b8a380")
STONE = _family("80807d", "b3b0a8", "4d4f54", "8c5240", "b89975")
SKY = _family("7aa3d6", "b8c9db", "d1d1d1", "33567a")
WALLS = _family("d1c7b3", "adb8b8", "bfa380", "8c9985", "805430")
VIVID = _family("c72921", "ebbd29", "1f6b9e", "338c4d", "99407f")
PALE = _family("e6e3db", "d9c7b8", "bfccd6")
DARK = _family("1f1f21", "2e2621", "1a2129", "402b1f")
SKIN = _family("e6b899", "cc9975", "9e6e4f", "6b4733")
HAIR = _family("1f1712", "4d331f", "997340", "8c8780", "73381f")
ANYTHING = np.vstack([LAND, STONE, VIVID, PALE, DARK])


def pick(rng: np.random.Generator, family: Colours, n: int | None = None) -> Colours:
    """Draw one colour of a family, (3,), or `n`, (n, 3): lighter or darker and a little off in hue."""
    chosen = family[rng.integers(len(family), size=n)]
    light = np.exp(rng.normal(scale=0.16, size=(*chosen.shape[:-1], 1)))
    drawn: Colours = np.clip(chosen * light + rng.normal(scale=0.025, size=chosen.shape), 0.02, 0.98)
    return drawn


def vividness(colours: Colours) -> Colours:
    """Return how far colours lie from grey, 0 to 1, one number a colour."""
    high, low = colours.max(axis=-1), colours.min(axis=-1)
    return np.asarray((high - low) / (high + 0.1))
