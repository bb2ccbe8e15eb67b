"""What a picture is made of before it is painted: strokes in colours, back to front, each part of some object.

Places and lengths are shares of the image's side, x to the right and y downwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.demo.palette import Colours

Outline = NDArray[np.float64]

# The textures that a surface can have, in the order in which the painter keeps them.
TEXTURES = ("cloud", "foliage", "water", "grass")

# What an object can be to the later areas of visual cortex. The first three are the kinds of figures, the fourth is
# what a whole scene adds; the others say something of every object.
PROPERTIES = ("faces", "bodies", "words", "places", "number", "size", "roundness", "elongation", "colourfulness")


class Stroke(NamedTuple):
    """One outline, (n_corners, 2), or several, in a colour, (3,).

    `contrast` is the standard deviation that a texture, one of TEXTURES, gives the colour, as a share of it.
    """

    outlines: Outline | Sequence[Outline]
    colour: Colours
    texture: str = "cloud"
    contrast: float = 0.05

    @property
    def parts(self) -> Sequence[Outline]:
        """The outlines, one or several."""
        return [self.outlines] if isinstance(self.outlines, np.ndarray) else self.outlines

    def moved(self, move: Callable[[Outline], Outline]) -> Stroke:
        """Return it in another place."""
        return self._replace(outlines=[move(outline) for outline in self.parts])


@dataclass(frozen=True)
class Thing:
    """One object of a scene: where it is, and what it is to the later areas."""

    x: float
    y: float
    properties: dict[str, float]


@dataclass
class Sketch:
    """Objects, and strokes in the order of painting: later ones hide earlier ones. `owners` has the object of each."""

    things: list[Thing] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)

    def add(self, x: float, y: float, strokes: Iterable[Stroke], **properties: float) -> None:
        """Add an object, with its parts."""
        for stroke in strokes:
            self.strokes.append(stroke)
            self.owners.append(len(self.things))
        self.things.append(Thing(x, y, properties))


@dataclass(frozen=True)
class Picture:
    """A painted scene.

    Attributes
    ----------
    pixels : (425, 425, 3) uint8
        Red, green, blue.
    things : tuple of Thing
        The objects of the scene.
    visible : (n_things,) float64
        The share of the picture that each takes up, what hides behind others left out.
    """

    pixels: NDArray[np.uint8]
    things: tuple[Thing, ...]
    visible: NDArray[np.float64]


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
