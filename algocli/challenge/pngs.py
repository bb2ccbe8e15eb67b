"""PNG files: whether one is sound, by its first and last bytes or by decoding it, and its pixels, fast."""

from __future__ import annotations

import os
import struct
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from algocli.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# PNG specification, sections 5.2 and 11.2: a signature, then IHDR as the first chunk and an empty IEND as the last.
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = struct.Struct(">8sI4sIIBB")
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
# Where the name of the second chunk stands: after the signature, the whole of IHDR and the chunk's length.
_PIXELS_AT = 8 + 25 + 4
_COLOURS = {0: "greyscale", 2: "RGB", 3: "palette", 4: "greyscale with alpha", 6: "RGB with alpha"}


class PngHeader(NamedTuple):
    """What a PNG says of itself; `colour` is 'RGB' where nothing needs converting."""

    width: int
    height: int
    colour: str


def probe(path: Path) -> PngHeader:
    """Read a PNG's size and colour type, and see that its end is there.

    Raises
    ------
    DataError
        If the file is missing or unreadable, is no PNG, or is cut short.
    """
    try:
        start, end = _edges(path)
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {(error.strerror or str(error)).lower()}") from error
    if not start:
        raise DataError(f"{path} is empty")
    if not start.startswith(_SIGNATURE[: len(start)]):
        raise DataError(f"{path} is no PNG image")
    if end != _END or len(start) < _START.size:
        raise DataError(f"{path} is cut short: a PNG ends with IEND")
    _, _, kind, width, height, depth, colour = _START.unpack(start)
    if kind != b"IHDR" or colour not in _COLOURS or not width or not height:
        raise DataError(f"{path} has a damaged PNG header")
    return PngHeader(width, height, _COLOURS[colour] + (" of 16 bits" if depth == 16 else ""))


def decode(path: Path) -> None:
    """Decode a PNG wholly and check its checksums.

    Raises
    ------
    DataError
        If a byte of it is not as it was written.
    """
    from PIL import Image

    try:
        # verify() reads every checksum and decodes nothing; load() decodes and passes over the pixels' checksums.
        with Image.open(path) as image:
            image.verify()
        with Image.open(path) as image:
            image.load()
    # On damaged bytes Pillow raises OSError, SyntaxError, ValueError, zlib.error and more.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].replace(str(path), "it")
        raise DataError(f"{path} cannot be decoded: {reason}") from error


def read_pixels(path: Path) -> NDArray[np.uint8] | None:
    """Decode a PNG of 8-bit RGB by imagecodecs, (height, width, 3), which takes a third less time than Pillow.

    PNG loses nothing, so the pixels are the same. None where imagecodecs is not installed, the file is of another
    kind or says more than its pixels (a colour profile, transparency), or it is not sound: Pillow is to say how.
    """
    codecs = _codecs()
    if codecs is None:
        return None
    try:
        content = path.read_bytes()
        if not _is_plain(content):
            return None
        pixels: NDArray[np.uint8] = codecs.png_decode(content)
    except (OSError, RuntimeError, ValueError):
        return None
    return pixels


@cache
def _codecs() -> ModuleType | None:
    try:
        import imagecodecs
    except ImportError:
        return None
    return imagecodecs


def _is_plain(content: bytes) -> bool:
    """Say whether a file is 8-bit RGB and its pixels follow its header at once."""
    if len(content) < _PIXELS_AT + 4:
        return False
    signature, _, kind, _, _, depth, colour = _START.unpack_from(content)
    next_kind = content[_PIXELS_AT : _PIXELS_AT + 4]
    return (signature, kind, depth, colour, next_kind) == (_SIGNATURE, b"IHDR", 8, 2, b"IDAT")


def _edges(path: Path) -> tuple[bytes, bytes]:
    # Plain system calls: a Python file object would cost more than the two reads, ten thousand times.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        n_bytes = os.fstat(descriptor).st_size
        return os.pread(descriptor, _START.size, 0), os.pread(descriptor, len(_END), max(0, n_bytes - len(_END)))
    finally:
        os.close(descriptor)
