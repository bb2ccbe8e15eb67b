"""What a picture is made of before it is painted: shapes with surfaces, back to front, each part of some thing.

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
TEXTURES = ("cloud", "foliage", "water", "grass")

# What a thing can be to the later areas of visual cortex. The first three are the kinds of figures, the fourth is
# what a whole scene adds; the others say something of every thing.
PROPERTIES = ("faces", "bodies", "words", "places", "number", "size", "roundness", "elongation", "colourfulness")

# What things are made of: the texture, how strong it is, and the colours that it comes in.
_MATERIALS = {
    "land": ("foliage", 0.2, "426129 6b8038 29401f 805a3a 9e825e b8a380"),
    "stone": ("water", 0.12, "80807d b3b0a8 4d4f54 8c5240 b89975"),
    "sky": ("cloud", 0.08, "7aa3d6 b8c9db d1d1d1 33567a"),
    "wall": ("cloud", 0.05, "d1c7b3 adb8b8 bfa380 8c9985 805430"),
    "cloth": ("cloud", 0.05, "c72921 ebbd29 1f6b9e 338c4d 99407f"),
    "pale": ("cloud", 0.05, "e6e3db d9c7b8 bfccd6"),
    "dark": ("cloud", 0.1, "1f1f21 2e2621 1a2129 402b1f"),
    "skin": ("cloud", 0.05, "e6b899 cc9975 9e6e4f 6b4733"),
    "hair": ("grass", 0.15, "1f1712 4d331f 997340 8c8780 73381f"),
}


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
    texture: str
    contrast: float


@dataclass(frozen=True)
class Thing:
    """One thing of a scene: where it is, and what it is to the later areas."""

    x: float
    y: float
    properties: dict[str, float]


@dataclass
class Sketch:
    """Shapes in the order of painting: later ones hide earlier ones."""

    shapes: list[tuple[Sequence[Outline], Surface, int]] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    def begin(self, x: float, y: float, **properties: float) -> None:
        """Begin a thing; the shapes added from now on are its parts."""
        self.things.append(Thing(x, y, properties))

    def add(self, outlines: Sequence[Outline], surface: Surface) -> None:
        """Add outlines of one surface, (n_corners, 2) each, to the thing begun last."""
        self.shapes.append((outlines, surface, len(self.things) - 1))


def ellipse(
    x: float, y: float, half_width: float, half_height: float, turn: float = 0.0, *, corners: int = 24
) -> Outline:
    """Return the outline of an ellipse about a middle, turned by so many radians, (corners, 2)."""
    angles = 2 * np.pi * (np.arange(corners) + 0.5) / corners
    upright = np.stack([np.cos(angles), np.sin(angles)], axis=1) / np.cos(np.pi / corners) * [half_width, half_height]
    outline: Outline = [x, y] + upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return outline


def box(x: float, y: float, half_width: float, half_height: float, turn: float = 0.0) -> Outline:
    """Return the outline of a rectangle about a middle, (4, 2)."""
    return ellipse(x, y, half_width, half_height, turn, corners=4)


def surface_of(rng: np.random.Generator, material: str | None = None) -> Surface:
    """Draw a surface of a material, or of any: each is lighter or darker, and a little off in hue."""
    texture, contrast, colours = _MATERIALS[material or str(rng.choice(list(_MATERIALS)))]
    colour = np.array([*bytes.fromhex(str(rng.choice(colours.split())))]) / 255
    colour = colour * np.exp(rng.normal(scale=0.16)) + rng.normal(scale=0.025, size=3)
    return Surface(np.clip(colour, 0.02, 0.98), texture, contrast)
