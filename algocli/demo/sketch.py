"""What a picture is made of before it is painted: outlines with surfaces, back to front, each part of some object.

Places and lengths are shares of the image's side, x to the right and y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Outline = NDArray[np.float64]
Colour = NDArray[np.float64]

# The textures that a surface can have, in the order in which the painter keeps them.
TEXTURES = ("cloud", "foliage", "water", "grass")

# What an object can be to the later areas of visual cortex. The first three are the kinds of figures, the fourth is
# what a whole scene adds; the others say something of every object.
PROPERTIES = ("faces", "bodies", "words", "places", "number", "size", "roundness", "elongation", "colourfulness")


@dataclass(frozen=True)
class Surface:
    """How a shape looks: its colour, and how strongly and with what texture it varies.

    Attributes
    ----------
    colour : (3,)
        Red, green and blue between 0 and 1.
    texture, contrast
        One of TEXTURES, and the standard deviation that it gives, as a share of the colour.
    """

    colour: Colour
    texture: str = "cloud"
    contrast: float = 0.05


@dataclass(frozen=True)
class Thing:
    """One object of a scene: where it is, and what it is to the later areas."""

    x: float
    y: float
    properties: dict[str, float]


@dataclass
class Sketch:
    """Shapes in the order of painting: later ones hide earlier ones."""

    shapes: list[tuple[Sequence[Outline], Surface, int]] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    def begin(self, x: float, y: float, **properties: float) -> None:
        """Begin an object; the shapes added from now on are its parts."""
        self.things.append(Thing(x, y, properties))

    def add(self, outlines: Outline | Sequence[Outline], surface: Surface) -> None:
        """Add a shape to the object begun last: one outline, (n_corners, 2), or several of the same surface."""
        parts = [outlines] if isinstance(outlines, np.ndarray) else outlines
        self.shapes.append((parts, surface, len(self.things) - 1))


def ellipse(x: float, y: float, half_width: float, half_height: float, turn: float = 0.0) -> Outline:
    """Return the outline of an ellipse, upright or turned by so many radians, (24, 2)."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    along, across = half_width * np.cos(angles), half_height * np.sin(angles)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([x + cos * along - sin * across, y + sin * along + cos * across], axis=1)


def rectangle(left: float, top: float, right: float, bottom: float) -> Outline:
    """Return the outline of an upright rectangle, (4, 2)."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], dtype=np.float64)


def bar(start: ArrayLike, end: ArrayLike, width: float) -> Outline:
    """Return the outline of a bar from one point to another, which grows thinner, (4, 2)."""
    start, end = np.asarray(start, float), np.asarray(end, float)
    along = end - start
    across = np.array([-along[1], along[0]]) * width / 2 / np.hypot(*along)
    return np.array([start + across, end + 0.7 * across, end - 0.7 * across, start - across])
