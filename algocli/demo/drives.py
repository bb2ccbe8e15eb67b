"""What there is in an image for vertices to respond to: energy at each place, and what things are seen where.

A drive is one number of an image, as one channel's energy at one place. The drives of an image stand in one vector:
N_ENERGY of energy, channel by channel, then N_OBJECT of objects, property by property.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algocli.demo.energy import CHANNELS, N_PLACES, measure_energy
from algocli.demo.images import Picture
from algocli.demo.sketch import PROPERTIES, Thing
from algocli.demo.visual_field import IMAGE_RADIUS

# How finely it matters where a thing is: the spots along each side of the image, and how far each reaches.
_N_SPOTS = 4
_REACH = 0.2

N_ENERGY = len(CHANNELS) * N_PLACES**2
N_OBJECT = len(PROPERTIES) * _N_SPOTS**2


def measure_drives(picture: Picture) -> NDArray[np.float32]:
    """Measure all drives of an image, (N_ENERGY + N_OBJECT,)."""
    energy = measure_energy(picture.pixels)
    objects = _measure_objects(picture.things, picture.visible)
    return np.concatenate([energy.ravel(), objects.ravel().astype(np.float32)])


def spot_centres() -> NDArray[np.float64]:
    """Return degrees right of and above the point of gaze at each spot, (16, 2), row by row."""
    middle = (np.arange(_N_SPOTS) + 0.5) / _N_SPOTS * 2 - 1
    return IMAGE_RADIUS * np.stack([np.tile(middle, _N_SPOTS), np.repeat(-middle, _N_SPOTS)], axis=1)


def _measure_objects(things: tuple[Thing, ...], visible: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up each property over the things near each spot, (n_properties, 16).

    A thing counts by its visible extent, the root of the area that nothing hides.
    """
    centres = np.array([(thing.x, thing.y) for thing in things]) * [2, -2] + [-1, 1]
    squared = ((IMAGE_RADIUS * centres[:, None, :] - spot_centres()[None]) ** 2).sum(axis=2)
    near = np.exp(-squared / (2 * (2 * IMAGE_RADIUS * _REACH) ** 2))
    held = np.array([[thing.properties.get(name, 0.0) for name in PROPERTIES] for thing in things])
    return np.asarray(np.einsum("tp,t,ts->ps", held, np.sqrt(visible), near))
