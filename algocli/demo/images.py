"""Paints the images of a challenge, 425 x 425 pictures with textures, each once, however many subjects see it."""

from __future__ import annotations

import io
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from algocli.dataset.challenge.layout import IMAGE_SIZE
from algocli.demo.chance import generator
from algocli.demo.drives import measure_drives
from algocli.demo.scene import compose
from algocli.demo.sketch import TEXTURES, Picture, Sketch, Stroke

_TILE = 512  # pixels along each side of a texture
_BAND = 85  # rows painted at once
# Spectral slope of amplitude, and how much longer the texture is along x than along y.
_SPECTRA = {"cloud": (1.9, 1.0), "foliage": (1.65, 1.0), "water": (1.75, 5.0), "grass": (1.75, 0.2)}


@dataclass(frozen=True)
class Exhibit:
    """An image as a file, and what there is in it for vertices to respond to.

    Attributes
    ----------
    png
        The bytes of the file.
    drives : (n_drives,) float32
        See `drives`.
    """

    png: bytes
    drives: NDArray[np.float32]


class Gallery:
    """All images of a seed; may be asked from several threads at once.

    Parameters
    ----------
    seed
        Seed of the challenge.
    kept
        NSD ids of images that will be asked for again, and are kept in memory for it.
    """

    def __init__(self, seed: int, kept: Collection[int] = ()) -> None:
        self._seed = seed
        self._kept: dict[int, Exhibit | None] = dict.fromkeys(kept)

    def show(self, nsd_id: int) -> Exhibit:
        """Draw an image, or bring it back."""
        exhibit = self._kept.get(nsd_id)
        if exhibit is None:
            picture = draw(self._seed, nsd_id)
            exhibit = Exhibit(encode(picture.pixels), measure_drives(picture))
            if nsd_id in self._kept:
                self._kept[nsd_id] = exhibit
        return exhibit


def draw(seed: int, nsd_id: int) -> Picture:
    """Draw the image that a seed gives an NSD id; nothing else has a say in it."""
    rng = generator("scene", seed, nsd_id)
    sketch = compose(rng)
    stroke_of_pixel = _cover(sketch)
    areas = np.bincount(stroke_of_pixel.ravel(), minlength=len(sketch.strokes))
    visible = np.bincount(sketch.owners, weights=areas, minlength=len(sketch.things)) / stroke_of_pixel.size
    pixels = _paint(seed, sketch.strokes, stroke_of_pixel, rng)
    return Picture(pixels, tuple(sketch.things), visible)


def _cover(sketch: Sketch) -> NDArray[np.uint8]:
    """Return the number of the stroke that is seen at each pixel, (425, 425)."""
    # A byte is enough for the fullest of scenes: 150 things, the surface below them and three figures.
    canvas = Image.new("L", (IMAGE_SIZE, IMAGE_SIZE))
    brush = ImageDraw.Draw(canvas)
    for number, stroke in enumerate(sketch.strokes):
        for outline in stroke.parts:
            brush.polygon((outline * IMAGE_SIZE).ravel().tolist(), fill=number)
    return np.asarray(canvas)


def _paint(
    seed: int, strokes: Sequence[Stroke], stroke_of_pixel: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Give every pixel its stroke's colour and texture in the light of the scene, (425, 425, 3)."""
    # Some scenes are dark, some warm, some cold.
    cast = rng.normal(scale=0.05) * np.array([1.0, 0.1, -1.0]) + np.exp(rng.normal(scale=0.2))
    colours = (np.array([stroke.colour for stroke in strokes]) * cast).T.astype(np.float32)
    contrasts = np.array([stroke.contrast for stroke in strokes], dtype=np.float32)
    first_texel = np.array([TEXTURES.index(stroke.texture) for stroke in strokes]) * _TILE**2
    tiles = _tiles(seed)
    row, column = (np.arange(start, start + IMAGE_SIZE) % _TILE for start in rng.integers(0, _TILE, size=2))
    pixels = np.empty((IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
    # Band by band, so that what is worked out in between stays in the processor's cache.
    for band in (slice(top, top + _BAND) for top in range(0, IMAGE_SIZE, _BAND)):
        stroke = stroke_of_pixel[band]
        light = 1 + contrasts[stroke] * tiles.ravel()[first_texel[stroke] + (row[band, None] * _TILE + column)]
        # The light is uneven over a scene.
        light *= 1 + 0.15 * tiles[0][column, row[band, None]]
        exposure = np.take(colours, stroke, axis=1) * np.clip(light, 0.12, 2.0)
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


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """Encode pixels, (height, width, 3), as a PNG."""
    stream = io.BytesIO()
    # Run lengths alone suit what PNG's filters leave of such pictures: half the time of a full search, and smaller.
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
    return stream.getvalue()
