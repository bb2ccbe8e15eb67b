"""The colours that pictures are painted in, and how one is drawn from a family."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Colours = NDArray[np.float64]

# Families of red, green, blue between 0 and 1.
GREENERY: Colours = np.array([[0.26, 0.38, 0.16], [0.42, 0.5, 0.22], [0.16, 0.25, 0.12], [0.5, 0.52, 0.3]])
EARTH: Colours = np.array([[0.45, 0.34, 0.23], [0.62, 0.51, 0.37], [0.3, 0.23, 0.17], [0.72, 0.64, 0.5]])
STONE: Colours = np.array([[0.5, 0.5, 0.49], [0.7, 0.69, 0.66], [0.3, 0.31, 0.33], [0.6, 0.56, 0.5]])
BRICK: Colours = np.array([[0.55, 0.32, 0.25], [0.72, 0.6, 0.46], [0.45, 0.4, 0.37], [0.78, 0.75, 0.68]])
SKY: Colours = np.array([[0.48, 0.64, 0.84], [0.72, 0.79, 0.86], [0.82, 0.82, 0.82], [0.86, 0.72, 0.6]])
WATER: Colours = np.array([[0.2, 0.34, 0.45], [0.3, 0.45, 0.5], [0.16, 0.24, 0.3]])
WALLS: Colours = np.array(
    [[0.82, 0.78, 0.7], [0.68, 0.72, 0.72], [0.75, 0.64, 0.5], [0.55, 0.6, 0.52], [0.88, 0.87, 0.84]]
)
WOOD: Colours = np.array([[0.5, 0.33, 0.19], [0.66, 0.48, 0.3], [0.35, 0.22, 0.14]])
VIVID: Colours = np.array(
    [[0.78, 0.16, 0.13], [0.92, 0.74, 0.16], [0.9, 0.48, 0.13], [0.12, 0.42, 0.62], [0.2, 0.55, 0.3], [0.6, 0.25, 0.5]]
)
PALE: Colours = np.array([[0.9, 0.89, 0.86], [0.85, 0.78, 0.72], [0.75, 0.8, 0.84]])
DARK: Colours = np.array([[0.12, 0.12, 0.13], [0.18, 0.15, 0.13], [0.1, 0.13, 0.16]])
SKIN: Colours = np.array([[0.9, 0.72, 0.6], [0.8, 0.6, 0.46], [0.62, 0.43, 0.31], [0.42, 0.28, 0.2]])
HAIR: Colours = np.array(
    [[0.12, 0.09, 0.07], [0.3, 0.2, 0.12], [0.6, 0.45, 0.25], [0.55, 0.53, 0.5], [0.45, 0.22, 0.12]]
)
CLOTHES: Colours = np.vstack([VIVID, PALE, DARK, WATER, STONE[:2]])
PAPER: Colours = np.vstack([PALE, [[0.92, 0.86, 0.55], [0.95, 0.95, 0.95]]])
INK: Colours = np.vstack([DARK, [[0.55, 0.1, 0.1], [0.1, 0.2, 0.45], [0.08, 0.3, 0.2]]])
ANYTHING: Colours = np.vstack([GREENERY, EARTH, STONE, WOOD, VIVID, PALE, DARK, WATER])


def pick(rng: np.random.Generator, family: Colours, n: int | None = None) -> Colours:
    """Draw one colour of a family, (3,), or `n`, (n, 3): lighter or darker and a little off in hue."""
    chosen = family[rng.integers(len(family), size=n)]
    shape = (*chosen.shape[:-1], 1)
    light = np.exp(rng.normal(scale=0.16, size=shape))
    drawn: Colours = np.clip(chosen * light + rng.normal(scale=0.025, size=chosen.shape), 0.02, 0.98)
    return drawn


def vividness(colours: Colours) -> Colours:
    """Return how far colours lie from grey, 0 to 1, one number a colour."""
    high, low = colours.max(axis=-1), colours.min(axis=-1)
    return np.asarray((high - low) / (high + 0.1))
