"""What a picture is made of before it is painted: outlines with surfaces, back to front, each part of some object.

Places and lengths are shares of the image's side, x to the right and y downwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Outline = NDArray[np.float64]
Colour = NDArray[np.float64]

# The textures that a surface can have, in the order in which the painter keeps them.
TEXTURES = ("cloud", "foliage", "water", "grass", "brick", "skin")

# What an object can be to the later areas of visual cortex. The first three are the kinds of figures, the fourth is
# what a whole scene adds; the others say something of every object.
PROPERTIES = ("faces", "bodies", "words", "places", "number", "size", "roundness", "elongation", "colourfulness")


@dataclass(frozen=True)
class Surface:
    """How a shape looks: its colour, how strongly and with what texture it varies, how it takes the light.

    Attributes
    ----------
    colour : (3,)
        Red, green and blue between 0 and 1.
    texture, contrast
        One of TEXTURES, and the standard deviation that it gives, as a share of the colour.
    tilt : (2,)
        By how much the light grows over half the shape's size, rightwards and downwards.
    bulge
        By how much the rim is darker than the middle.
    """

    colour: Colour
    texture: str = "skin"
    contrast: float = 0.04
    tilt: tuple[float, float] = (0.0, 0.0)
    bulge: float = 0.0


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
