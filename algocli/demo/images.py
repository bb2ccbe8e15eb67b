"""Paints scenes: 425 x 425 pictures with textured surfaces, and how much of each object can be seen in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from algocli.dataset.challenge.layout import IMAGE_SIZE
from algocli.demo.chance import generator
from algocli.demo.scene import compose
from algocli.demo.sketch import TEXTURES, Sketch, Thing

_TILE = 512  # pixels along each side of a texture
_BAND = 85  # rows painted at once
# Spectral slope of amplitude, and how much longer the texture is along x than along y.
_SPECTRA = {"cloud": (1.9, 1.0), "foliage": (1.65, 1.0), "water": (1.75, 5.0), "grass": (1.75, 0.2)}


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


def draw(seed: int, nsd_id: int) -> Picture:
    """Draw the image that a seed gives an NSD id; nothing else has a say in it."""
    rng = generator("scene", seed, nsd_id)
    sketch = compose(rng)
    shape_of_pixel = _cover(sketch)
    owners = np.array([owner for _, _, owner in sketch.shapes])
    areas = np.bincount(shape_of_pixel.ravel(), minlength=len(owners))
    visible = np.bincount(owners, weights=areas, minlength=len(sketch.things)) / shape_of_pixel.size
    pixels = _paint(seed, sketch, shape_of_pixel, rng)
    return Picture(pixels, tuple(sketch.things), visible)


def _cover(sketch: Sketch) -> NDArray[np.uint8]:
    """Return the number of the shape that is seen at each pixel, (425, 425)."""
    # A byte is enough for the fullest of scenes: 150 things, the surface below them and three figures.
    canvas = Image.new("L", (IMAGE_SIZE, IMAGE_SIZE))
    brush = ImageDraw.Draw(canvas)
    for number, (outlines, _, _) in enumerate(sketch.shapes):
        for outline in outlines:
            brush.polygon((outline * IMAGE_SIZE).ravel().tolist(), fill=number)
    return np.asarray(canvas)


def _paint(seed: int, sketch: Sketch, shape_of_pixel: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Give every pixel its shape's colour and texture in the light of the scene, (425, 425, 3)."""
    surfaces = [surface for _, surface, _ in sketch.shapes]
    # Some scenes are dark, some warm, some cold.
    cast = rng.normal(scale=0.05) * np.array([1.0, 0.1, -1.0]) + np.exp(rng.normal(scale=0.2))
    colours = (np.array([surface.colour for surface in surfaces]) * cast).T.astype(np.float32)
    contrasts = np.array([surface.contrast for surface in surfaces], dtype=np.float32)
    first_texel = np.array([TEXTURES.index(surface.texture) for surface in surfaces]) * _TILE**2
    tiles = _tiles(seed)
    row, column = (np.arange(start, start + IMAGE_SIZE) % _TILE for start in rng.integers(0, _TILE, size=2))
    pixels = np.empty((IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    # Band by band, so that what is worked out in between stays in the processor's cache.
    for band in (slice(top, top + _BAND) for top in range(0, IMAGE_SIZE, _BAND)):
        shape = shape_of_pixel[band]
        light = 1 + contrasts[shape] * tiles.ravel()[first_texel[shape] + (row[band, None] * _TILE + column)]
        # The light is uneven over a scene.
        light *= 1 + 0.15 * tiles[0][column, row[band, None]]
        exposure = np.take(colours, shape, axis=1) * np.clip(light, 0.12, 2.0)
        # As on film, what is too bright fades to white instead of being cut off.
        pixels[band] = (255 * (1 - np.exp(-1.35 * exposure))).transpose(1, 2, 0)
    soft = np.asarray(Image.fromarray(pixels).filter(ImageFilter.BoxBlur(0.6)))
    # Pixels take every fourth value: too little to see, and it halves the size of the files.
    return soft & np.uint8(0xFC) | np.uint8(0x02)


@lru_cache(maxsize=2)
def _tiles(seed: int) -> NDArray[np.float32]:
    """Return the textures of a seed, (n_textures, 512, 512): they repeat without a seam, with variance 1."""
    rng = generator("texture", seed)
    tiles = [_noise(rng, *_SPECTRA[name]) for name in TEXTURES]
    return np.array(tiles, dtype=np.float32)


def _noise(rng: np.random.Generator, slope: float, stretch: float) -> NDArray[np.float64]:
    """Return noise whose amplitude falls with frequency to the power of -slope."""
    across, down = np.fft.rfftfreq(_TILE) * np.sqrt(stretch), np.fft.fftfreq(_TILE)[:, None] / np.sqrt(stretch)
    amplitude = (across**2 + down**2 + _TILE**-2.0) ** (-slope / 2)
    amplitude[0, 0] = 0
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((_TILE, _TILE))) * amplitude)
    return np.asarray(noise / noise.std())
