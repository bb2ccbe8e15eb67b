"""What it takes to turn an image file into 8-bit RGB, where it is more than a change of colour space.

Each kind is told to whoever uses such images, and enters the digest of a set of images where it decides about a pixel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from algocli.compute.remarks import counted, list_some

# What shows through transparent pixels, in all three channels: the middle of the range, which adds the least contrast
# of its own. White, as on a page, would be the strongest thing in the picture of a cut-out object.
BACKGROUND = 127
# Numbers of 8 or 12 bits in a file of 16 come to no more.
DARKEST = 16


class Conversion(StrEnum):
    """One kind of conversion; its value stands in digests and never changes its meaning."""

    SIXTEEN_BITS = "16-bit"
    WHOLE_NUMBERS = "32-bit"
    SHARES = "float-to-1"
    LEVELS = "float-to-255"
    LAID = f"transparent-on-{BACKGROUND}"
    TURNED = "turned"
    FIRST_FRAME = "first-frame"
    DARK = "dark"
    REFUSED = "refused"

    @property
    def phrase(self) -> str:
        """What comes after 'image' or 'images' in a sentence."""
        return _PHRASES[self]

    @property
    def decides_about_pixels(self) -> bool:
        """Whether pixels depend on how it is done.

        The first frame is the one that any program begins with, and of a dark image nothing but that is said.
        """
        return self not in (Conversion.FIRST_FRAME, Conversion.DARK)


_PHRASES = {
    Conversion.SIXTEEN_BITS: "of 16-bit numbers, scaled to 8 bits by their range",
    Conversion.WHOLE_NUMBERS: "of 32-bit numbers within 0 to 65535, scaled as 16-bit ones",
    Conversion.SHARES: "of floats within 0 to 1, times 255",
    Conversion.LEVELS: "of floats within 0 to 255, rounded",
    Conversion.LAID: f"with transparency, laid on mid-grey ({BACKGROUND})",
    Conversion.TURNED: "turned upright as EXIF says",
    Conversion.FIRST_FRAME: "of several frames, of which the first is taken",
    Conversion.DARK: "nearly black at more than 8 bits a number, as if less than that range were used",
    Conversion.REFUSED: "of which no pixels can be made",
}

# The names of the images that each kind of conversion is done to.
Converted = Mapping[Conversion, Sequence[str]]


def gather(images: Iterable[tuple[str, Iterable[Conversion]]]) -> Converted:
    """Sort the names of images by the kinds of conversion, in the order of the kinds."""
    by_kind: dict[Conversion, list[str]] = {kind: [] for kind in Conversion}
    for name, kinds in images:
        for kind in kinds:
            by_kind[kind].append(name)
    return {kind: names for kind, names in by_kind.items() if names}


def describe(converted: Converted) -> list[str]:
    """Write a line for each kind: how many images, what is done, and the first names."""
    return [f"{count_images(len(names))} {kind.phrase} ({list_some(names)})" for kind, names in converted.items()]


def count_images(count: int) -> str:
    """Write a number of images."""
    return counted(count, "images")
