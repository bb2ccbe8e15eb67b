"""Tells a sound PNG from a broken one, by its first and last bytes or by decoding it."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

from algocli.errors import DataError

# PNG specification, sections 5.2 and 11.2: a signature, then IHDR as the first chunk and an empty IEND as the last.
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = struct.Struct(">8sI4sIIBB")
_END = b"\0\0\0\0IEND\xae\x42\x60\x82"
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


def _edges(path: Path) -> tuple[bytes, bytes]:
    # Plain system calls: a Python file object would cost more than the two reads, ten thousand times.
    descriptor = os.open(path, os.O_RDONLY)
    try:
        n_bytes = os.fstat(descriptor).st_size
        return os.pread(descriptor, _START.size, 0), os.pread(descriptor, len(_END), max(0, n_bytes - len(_END)))
    finally:
        os.close(descriptor)
