"""Image files of every kind, written byte by byte where that is what is tested, and what a person sees in them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# What is to show through transparent pixels.
GREY = 127


def write_png(
    path: Path,
    samples: NDArray[Any],
    *,
    bits: int = 8,
    colour_type: int,
    before: Sequence[tuple[bytes, bytes]] = (),
    after: Sequence[tuple[bytes, bytes]] = (),
) -> Path:
    """Write samples, (height, width) or (height, width, channels), as a PNG with chunks before and after the pixels."""
    height, width = samples.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in samples]
    elif bits == 8:
        rows = [row.astype(np.uint8).tobytes() for row in samples]
    else:
        rows = [_pack(row, bits) for row in samples]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)),
        *before,
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
        *after,
        (b"IEND", b""),
    ]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )
    )
    return path


def _pack(row: NDArray[Any], bits: int) -> bytes:
    every = "".join(f"{int(sample):0{bits}b}" for sample in row)
    every += "0" * (-len(every) % 8)
    return bytes(int(every[place : place + 8], 2) for place in range(0, len(every), 8))


def write_tiff(path: Path, numbers: NDArray[Any], *, white_is_zero: bool = False, bits: int | None = None) -> Path:
    """Write one number a pixel as an uncompressed TIFF, in the byte order of the array; `bits` may be 12."""
    order = ">" if numbers.dtype.byteorder == ">" else "<"
    height, width = numbers.shape
    content = numbers.tobytes() if bits is None else b"".join(_pack(row, bits) for row in numbers)
    sample_format = {"u": 1, "i": 2, "f": 3}[numbers.dtype.kind]
    tags = [
        (256, width),
        (257, height),
        (258, bits or 8 * numbers.dtype.itemsize),
        (259, 1),
        (262, 0 if white_is_zero else 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, len(content)),
        (339, sample_format),
    ]
    head = (b"MM" if order == ">" else b"II") + struct.pack(f"{order}HI", 42, 8 + len(content))
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(head + content + struct.pack(f"{order}H", len(tags)) + entries + bytes(4))
    return path


def orientation_block(orientation: int) -> bytes:
    """Return an EXIF block, a TIFF of one tag, that says how a picture is turned."""
    return b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 274, 3, 1, orientation) + bytes(4)


def stored_as(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return the pixels that EXIF's orientation turns into `upright`; beside each, where row 0 and column 0 lie."""
    ways: dict[int, NDArray[Any]] = {
        1: upright,  # top, left
        2: upright[:, ::-1],  # top, right
        3: upright[::-1, ::-1],  # bottom, right
        4: upright[::-1],  # bottom, left
        5: upright.swapaxes(0, 1),  # left, top
        6: upright[:, ::-1].swapaxes(0, 1),  # right, top
        7: upright[::-1, ::-1].swapaxes(0, 1),  # right, bottom
        8: upright[::-1].swapaxes(0, 1),  # left, bottom
    }
    return np.ascontiguousarray(ways[orientation])


def grey(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return levels as three equal channels."""
    return np.repeat(levels[:, :, None], 3, axis=2).astype(np.uint8)


def laid(colours: NDArray[np.uint8], opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay colours on grey, pixel by pixel, in floating numbers."""
    share = opacity[:, :, None] / 255
    return np.floor(colours * share + GREY * (1 - share) + 0.5).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **how: Any) -> bytes:
    """Return an image's file as bytes."""
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()
