"""Levels from 0 to 255 of numbers that are not: of another depth, or seen through transparency."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.conversions import BACKGROUND, DARKEST, Conversion
from algocli.dataset.pngs import probe, sample_bits
from algocli.errors import NoPixels

if TYPE_CHECKING:
    from PIL import Image

_SIXTEEN = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})
# Pillow's modes of one number a pixel that is no level of 8 bits.
NUMBERS = _SIXTEEN | {"I", "F"}
# Formats whose greyscale is defined from black at 0 to white at the largest number of its bits. Some of them Pillow
# keeps in 32 bits; those of PPM and JPEG 2000 it has brought to the range of 16 bits.
_RANGE_BY_DEPTH = {"PNG": ("I", *_SIXTEEN), "PPM": ("I",), "JPEG2000": tuple(_SIXTEEN), "TIFF": tuple(_SIXTEEN)}
# TIFF 6.0, tags 258 and 262: bits of a sample, and whether 0 is white.
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
# Programs that write these often leave the fourth byte of a pixel at 0 and mean nothing by it.
_ALPHA_OFTEN_UNSET = frozenset({"BMP", "DIB", "TGA"})
# Where resampled shares of white end that went beyond 1, as at sharp edges: as levels they would be black.
_OVERSHOT = 2
_SAVE = "save it with black at 0 and white at 255 (8 bits), 65535 (16 bits) or 1.0 (floats)"


def scale(image: Image.Image, path: Path) -> tuple[Image.Image, tuple[Conversion, ...]]:
    """Bring an image of one 16-bit, 32-bit or floating number a pixel to RGB.

    16-bit numbers span their whole range. For others no file says which number is black and which white: within 0 to
    255 they are levels already, floats within 0 to 1 are shares of white, and 32-bit whole numbers within 0 to 65535
    are taken for 16-bit ones. Floats that end between 1 and 2 are no levels, but shares that overshot.

    Raises
    ------
    NoPixels
        If the numbers are none of these, or not finite.
    """
    from PIL import Image

    numbers = np.asarray(image)
    levels, conversions = _from_floats(numbers, path) if image.mode == "F" else _from_whole(numbers, image, path)
    if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # type: ignore[attr-defined]
        # Of 8-bit images Pillow turns this around itself.
        levels = 255 - levels
    if "transparency" in image.info:
        hidden = numbers == image.info["transparency"]
        if hidden.any():
            levels = np.where(hidden, np.uint8(BACKGROUND), levels)
            conversions = (*conversions, Conversion.LAID)
    return Image.fromarray(levels).convert("RGB"), conversions


def is_dark(rgb: Image.Image, image: Image.Image, path: Path) -> bool:
    """Say whether an image of more than 8 bits a number came out nearly black, as where its range was another."""
    bits = 8
    if image.format == "PNG":
        bits = sample_bits(path)
    elif image.format == "TIFF":
        bits = int(image.tag_v2.get(_BITS, (8,))[0])  # type: ignore[attr-defined]
    return (bits > 8 or image.mode in NUMBERS) and int(np.asarray(rgb).max()) <= DARKEST


def _from_whole(
    numbers: NDArray[Any], image: Image.Image, path: Path
) -> tuple[NDArray[np.uint8], tuple[Conversion, ...]]:
    bits = _bits(image)
    if image.mode in _RANGE_BY_DEPTH.get(str(image.format), ()):
        return _spread(numbers, 2**bits - 1), (Conversion.SIXTEEN_BITS,)
    low, high = int(numbers.min()), int(numbers.max())
    if low >= 0 and high <= 255:
        return numbers.astype(np.uint8), ()
    # 16 bits at this point are signed ones, whose white could as well be at 32767.
    if low >= 0 and high <= 65535 and bits == 32:
        return _spread(numbers, 65535), (Conversion.WHOLE_NUMBERS,)
    kind = "signed 16-bit" if bits == 16 else "32-bit"
    raise NoPixels(
        f"{path} holds {kind} whole numbers from {low} to {high}; which of them is black and which white is not said",
        hint=_SAVE,
    )


def _bits(image: Image.Image) -> int:
    """Return how many bits a number has in the file."""
    if image.format == "TIFF":
        return int(image.tag_v2.get(_BITS, (16,))[0])  # type: ignore[attr-defined]
    return 16 if image.mode in _RANGE_BY_DEPTH.get(str(image.format), ()) else 32


def _spread(numbers: NDArray[Any], white: int) -> NDArray[np.uint8]:
    """Bring 0 to `white` to 0 to 255, to the nearest."""
    wide = numbers.astype(np.int64)
    return ((2 * 255 * wide + white) // (2 * white)).astype(np.uint8)


def _from_floats(numbers: NDArray[Any], path: Path) -> tuple[NDArray[np.uint8], tuple[Conversion, ...]]:
    if not np.isfinite(numbers).all():
        raise NoPixels(f"{path} holds numbers that are not finite", hint=_SAVE)
    low, high = float(numbers.min()), float(numbers.max())
    if low >= 0 and high <= 1:
        return np.rint(255 * numbers.astype(np.float64)).astype(np.uint8), (Conversion.SHARES,)
    if low >= 0 and _OVERSHOT <= high <= 255:
        return np.rint(numbers).astype(np.uint8), (Conversion.LEVELS,)
    raise NoPixels(
        f"{path} holds floats from {low:g} to {high:g}; which of them is black and which white is not said", hint=_SAVE
    )


def lay_on_background(image: Image.Image, path: Path) -> tuple[Image.Image, tuple[Conversion, ...]]:
    """Bring an image with transparency to RGB, `BACKGROUND` showing through it.

    Raises
    ------
    NoPixels
        If one 16-bit colour is transparent: Pillow drops the bits that would tell it from its neighbours.
    """
    from PIL import Image

    colours, opacity = _split(image, path)
    is_unset = image.format in _ALPHA_OFTEN_UNSET and not opacity.any()
    if is_unset or opacity.min() == 255:
        return Image.fromarray(colours), ()
    alpha = opacity[:, :, None].astype(np.uint16)
    laid = (colours * alpha + BACKGROUND * (255 - alpha) + 127) // 255
    return Image.fromarray(laid.astype(np.uint8)), (Conversion.LAID,)


def _split(image: Image.Image, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return colours, (height, width, 3), and opacity, (height, width), 255 where nothing shows through."""
    if image.mode in ("1", "L", "RGB"):
        colours = np.asarray(image.convert("RGB"))
        return colours, np.where((colours == _transparent_colour(image, path)).all(axis=2), 0, 255).astype(np.uint8)
    # Premultiplied colours are divided by their opacity on the way.
    image = image.convert("LA") if image.mode == "La" else image
    pixels = np.asarray(image.convert("RGBA"))
    return np.ascontiguousarray(pixels[:, :, :3]), pixels[:, :, 3]


def _transparent_colour(image: Image.Image, path: Path) -> NDArray[np.int64]:
    """Return the one colour that is transparent, (1,) or (3,), as a level of 8 bits."""
    colour: NDArray[np.int64] = np.atleast_1d(np.asarray(image.info["transparency"], dtype=np.int64))
    if image.mode == "1":
        # Some versions of Pillow say 1, others 255.
        return np.where(colour != 0, 255, 0)
    if image.format != "PNG":
        return colour
    bits = probe(path).bits
    if bits == 16:
        raise NoPixels(f"{path} has 16-bit colours of which one is transparent", hint="save it with an alpha channel")
    # The file has it in as many bits as its pixels, in a field of 16.
    white = 2**bits - 1
    return np.asarray(np.bitwise_and(colour, white) * 255 // white)
