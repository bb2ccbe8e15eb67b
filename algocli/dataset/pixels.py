"""From an image file to 8-bit RGB pixels as a person would see them: the one way in which images are read.

Numbers of another depth are scaled by the range that they have in the file, what is transparent shows a background
instead of the colours hidden under it, and a picture that was taken sideways is turned upright as its EXIF says. What
has no one meaning is refused by name. Colour profiles are not applied. A plain image has the pixels that are stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from algocli.compute.opening import open_file
from algocli.dataset.conversions import Conversion
from algocli.dataset.pngs import LARGEST_IMAGE, is_as_stored, read_pixels
from algocli.errors import DataError, NoPixels

if TYPE_CHECKING:
    from PIL import Image

# What is taken for an image in a folder; a file that is named itself may be called anything.
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
# EXIF 2.32, tag 274: where the stored row 0 and column 0 lie, and the turn that undoes it, as Pillow names it.
_ORIENTATION = 274
_TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
# Modes of 8 bits a channel (or 1 a pixel) that Pillow brings to RGB without loss or choice.
_COLOURS = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"})
_WITH_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
# Of these the header tells all that is converted, unless the mode asks for more.
_TOLD_BY_HEADER = frozenset({"JPEG", "MPO", "WEBP", "GIF", "BMP"})
# A camera's MPO holds its picture first, then previews or another eye's view; a PSD opens as its layers together.
_ONE_PICTURE = frozenset({"MPO", "PSD"})
_PROGRAMS = frozenset({"EPS", "WMF"})


class Seen(NamedTuple):
    """An image as RGB, upright, and the conversions that it took."""

    image: Image.Image
    conversions: tuple[Conversion, ...]


def read_image(path: Path) -> Image.Image:
    """Read an image file as 8-bit RGB, upright, transparent pixels laid on `BACKGROUND`.

    Raises
    ------
    DataError
        If the file is missing, truncated or no image; as `NoPixels` if its numbers have no range that could be told.
    """
    return see(path).image


def see(path: Path) -> Seen:
    """Read an image file as `read_image` does, and say what that took.

    Raises
    ------
    DataError
        As `read_image`.
    """
    from PIL import Image

    from algocli.dataset.levels import is_dark

    pixels = read_pixels(path)
    if pixels is not None:
        return Seen(Image.fromarray(pixels), ())
    with _opened(path) as image:
        frames = _frames(image)
        image.load()
        rgb, conversions = _to_rgb(image, path)
        turn = _turn(image)
        turned = (Conversion.TURNED,) if turn else ()
        dark = (Conversion.DARK,) if is_dark(rgb, image, path) else ()
        upright = rgb.transpose(Image.Transpose[turn]) if turn else rgb
        return Seen(upright, (*conversions, *turned, *frames, *dark))


def find_conversions(path: Path) -> tuple[Conversion, ...]:
    """Say what reading a file takes, as `see` does, and decode it only where nothing else tells.

    Raises
    ------
    DataError
        If no pixels can be made of it. That the pixels are whole is not looked at.
    """
    if is_as_stored(path):
        return ()
    with _opened(path) as image:
        if image.format in _TOLD_BY_HEADER and image.mode in _COLOURS and not image.has_transparency_data:
            frames = _frames(image)
            return (Conversion.TURNED, *frames) if _turn(image) else frames
    return see(path).conversions


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image with Pillow, and tell whatever goes wrong in one sentence."""
    from PIL import Image, UnidentifiedImageError

    try:
        with open_file(path, LARGEST_IMAGE) as stream, Image.open(stream) as image:
            # Pillow has other programs decode these, which run what such a file says.
            if image.format in _PROGRAMS:
                raise NoPixels(f"{path} is a program that draws, no image", hint="save it as 8-bit RGB, as PNG")
            yield image
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path} is no readable image: its format is not known",
            hint="copy the image again, or save it as 8-bit RGB, as PNG or JPEG",
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{path} is no readable image: it has too many pixels to be safely decoded",
            hint="make it smaller: no network sees that many",
        ) from error
    # On damaged bytes its many formats raise OSError, SyntaxError, ValueError, EOFError, struct.error and more.
    except Exception as error:
        # The system's own sentence would say the path once more.
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} is no readable image: {reason}", hint="copy the image again") from error


def _to_rgb(image: Image.Image, path: Path) -> tuple[Image.Image, tuple[Conversion, ...]]:
    from algocli.dataset.levels import NUMBERS, lay_on_background, scale

    if image.mode in NUMBERS:
        return scale(image, path)
    if image.mode not in _COLOURS | _WITH_ALPHA:
        raise NoPixels(
            f"{path} has pixels of the kind {image.mode}, of which no RGB is made here", hint="save it as 8-bit RGB"
        )
    if image.has_transparency_data:
        return lay_on_background(image, path)
    return image if image.mode == "RGB" else image.convert("RGB"), ()


def _frames(image: Image.Image) -> tuple[Conversion, ...]:
    several = image.format not in _ONE_PICTURE and getattr(image, "is_animated", False)
    return (Conversion.FIRST_FRAME,) if several else ()


def _turn(image: Image.Image) -> str | None:
    """Return the turn that makes an image upright. Pillow turns TIFFs itself as it loads them."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    # Damaged EXIF takes nothing from the pixels, and Pillow has many ways to say that it is damaged.
    except Exception:
        return None
