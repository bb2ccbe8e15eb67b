"""What there is in an image for vertices to respond to: energy at each place, and what things are seen where.

A drive is one number of an image, as one channel's energy at one place. The drives of an image stand in one vector:
N_ENERGY of energy, channel by channel, then N_OBJECT of objects, property by property.

Energy is what early visual cortex takes from an image: local contrast and the energy of orientations, and nothing
learnt. An image is cut into 16 x 16 places. At each, the energy channels are the amplitudes of quadrature filters of
four orientations at three spatial frequencies, averaged over the place; two more say how strong contrast and colour
are.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algocli.demo.sketch import PROPERTIES, Picture, Thing
from algocli.demo.visual_field import IMAGE_RADIUS

N_PLACES = 16  # along each side
ORIENTATIONS = (0.0, 45.0, 90.0, 135.0)  # degrees by which the bars that excite a filter are turned from horizontal
FREQUENCIES = (1.0, 2.0, 4.0)  # cycles per degree of visual angle
CHANNELS = (*(f"{o:.0f} deg {f:g} cpd" for f in FREQUENCIES for o in ORIENTATIONS), "contrast", "colour")

_SIDE = 128  # pixels to which an image is reduced: enough for the highest frequency
# Amplitudes, of a range of 0 to 1, are divided by this much and half of what the whole image has of them, as vertices
# adapt to the contrast around; beyond that, responses grow with the logarithm.
_FAINT = 0.01

# How finely it matters where a thing is: the spots along each side of the image, and how far each reaches.
N_SPOTS = 4
_REACH = 0.2

N_ENERGY = len(CHANNELS) * N_PLACES**2
N_OBJECT = len(PROPERTIES) * N_SPOTS**2


def measure_drives(picture: Picture) -> NDArray[np.float32]:
    """Measure all drives of an image, (N_ENERGY + N_OBJECT,)."""
    energy = measure_energy(picture.pixels)
    objects = _measure_objects(picture.things, picture.visible)
    return np.concatenate([energy.ravel(), objects.ravel().astype(np.float32)])


def square_centres(n_along: int) -> NDArray[np.float64]:
    """Return degrees right of and above the point of gaze at the middle of each square, (n_along**2, 2), row by row.

    The image is cut into `n_along` squares along each side.
    """
    middle = (np.arange(n_along) + 0.5) / n_along * 2 - 1
    return IMAGE_RADIUS * np.stack([np.tile(middle, n_along), np.repeat(-middle, n_along)], axis=1)


def _measure_objects(things: tuple[Thing, ...], visible: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up each property over the things near each spot, (n_properties, 16).

    A thing counts by its visible extent, the root of the area that nothing hides.
    """
    middles = np.array([(thing.x, thing.y) for thing in things]) * [2, -2] + [-1, 1]
    squared = ((IMAGE_RADIUS * middles[:, None, :] - square_centres(N_SPOTS)[None]) ** 2).sum(axis=2)
    near = np.exp(-squared / (2 * (2 * IMAGE_RADIUS * _REACH) ** 2))
    held = np.array([[thing.properties.get(name, 0.0) for name in PROPERTIES] for thing in things])
    return np.asarray(np.einsum("tp,t,ts->ps", held, np.sqrt(visible), near))


def measure_energy(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Measure every channel at every place of an image, (n_channels, 256).

    Parameters
    ----------
    pixels : (height, width, 3)
        Red, green, blue.
    """
    small = Image.fromarray(pixels).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    colour = np.asarray(small, dtype=np.float32) / 255
    light = colour.mean(axis=2)
    spectrum = np.fft.fft2(light - light.mean())
    amplitudes = np.abs(np.fft.ifft2(spectrum * _filters()))
    contrast = np.sqrt(np.maximum(_pool(light**2) - _pool(light) ** 2, 0))
    opponent = np.abs(colour[:, :, 0] - colour[:, :, 1]) + np.abs(colour[:, :, 2] - colour[:, :, :2].mean(axis=2))
    channels = np.concatenate([_pool(amplitudes), contrast[None], _pool(opponent)[None]])
    surround = _FAINT + channels.mean(axis=(1, 2), keepdims=True) / 2
    return np.asarray(np.log1p(channels / surround).reshape(len(CHANNELS), -1), dtype=np.float32)


def _pool(maps: NDArray[np.floating]) -> NDArray[np.float64]:
    """Average maps, (..., 128, 128), over each place, (..., 16, 16)."""
    width = _SIDE // N_PLACES
    blocks = maps.reshape(*maps.shape[:-2], N_PLACES, width, N_PLACES, width)
    return np.asarray(blocks.mean(axis=(-3, -1), dtype=np.float64))


@cache
def _filters() -> NDArray[np.float32]:
    """Return the filters in the frequency domain, (12, 128, 128).

    Each passes one side of the spectrum only: its output is complex, its two parts a quadrature pair, and the
    absolute value of it the amplitude of the oriented energy.
    """
    right, down = np.fft.fftfreq(_SIDE), np.fft.fftfreq(_SIDE)[:, None]
    radius = np.hypot(right, down)
    radius[0, 0] = 1.0
    # Bars lie across the direction in which brightness changes.
    turn = np.degrees(np.arctan2(-down, right)) + 90
    filters = []
    for frequency in FREQUENCIES:
        octaves = np.log2(radius * _SIDE / (2 * IMAGE_RADIUS) / frequency)
        for orientation in ORIENTATIONS:
            off = (turn - orientation + 180) % 360 - 180
            filters.append(2 * np.exp(-(octaves**2) / (2 * 0.55**2) - off**2 / (2 * 22.0**2)))
    return np.array(filters, dtype=np.float32)
