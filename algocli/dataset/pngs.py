"""PNG files: whether one is sound, by its first and last bytes or by decoding it, and its pixels, fast."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, NamedTuple

from algocli.compute.opening import open_descriptor, open_file, read_file
from algocli.errors import DataError, first_line

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
# Chunks without which samples of at most 8 bits are the picture as it is meant (tRNS in section 11.3.1; eXIf and acTL
# in the third edition). They stand before the pixels; programs that add EXIF or XMP later put it after them.
_EXTRAS = {b"tRNS": "a transparent colour", b"eXIf": "EXIF data", b"acTL": "an animation"}
_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
# Texts by which an orientation comes: Adobe's, and ImageMagick's before there was eXIf.
_TURNING_TEXTS = (b"XML:com.adobe.xmp", b"Raw profile type")
_KEYWORD_BYTES = 20
# Bytes of a file's beginning that are read for a look: what is told before the pixels mostly lies within.
_BEGINNING = 1024
# Pillow decodes no more pixels. A file takes as many bytes as these do uncompressed, in four samples of 16 bits.
MOST_PIXELS = 178_956_970
LARGEST_IMAGE = 8 * MOST_PIXELS
# What no image has: who follows so many would never come to an end.
_MANY_CHUNKS = 100_000
# How a row is written (section 9.2): each sample as it is, or less its neighbour to the left, above, or both. Above the
# first row there are zeros.
_AS_IS, _, _LESS_ABOVE, _LESS_MEAN, _ = range(5)


class PngHeader(NamedTuple):
    """What a PNG says of itself; `colour` is 'RGB' where nothing needs converting, `bits` are those of a sample.

    `extras` says what else bears on the picture and stands near the beginning, as in 'EXIF data'.
    """

    width: int
    height: int
    colour: str
    bits: int
    extras: tuple[str, ...]


def probe(path: Path) -> PngHeader:
    """Read a PNG's size and colour type, and see that its end is there; other bytes may follow that.

    Raises
    ------
    DataError
        If the file is missing or unreadable, is no PNG, or is cut short.
    """
    try:
        start, is_whole = _edges(path)
    except OSError as error:
        raise DataError(f"{path} cannot be opened: {(error.strerror or str(error)).lower()}") from error
    if not start:
        raise DataError(f"{path} is empty")
    if not start.startswith(_SIGNATURE[: len(start)]):
        raise DataError(f"{path} is no PNG image")
    if not is_whole or len(start) < _START.size:
        raise DataError(f"{path} is cut short: a PNG ends with IEND")
    _, _, kind, width, height, depth, colour = _START.unpack_from(start)
    if kind != b"IHDR" or colour not in _COLOURS or not width or not height:
        raise DataError(f"{path} has a damaged PNG header")
    extras = tuple(_EXTRAS[chunk] for chunk, _ in _chunks(lambda at, n: start[at : at + n]) if chunk in _EXTRAS)
    return PngHeader(width, height, _COLOURS[colour] + (" of 16 bits" if depth == 16 else ""), depth, extras)


def is_as_stored(path: Path) -> bool:
    """Say whether a file is a PNG that nothing need be done to: 8 bits or fewer, no transparency, turn or animation.

    Only the heads of its chunks are read. A file that cannot be read is not said to be one.
    """
    with suppress(OSError, DataError):
        descriptor = open_descriptor(path, LARGEST_IMAGE)
        try:
            start = os.pread(descriptor, _START.size, 0)
            if len(start) < _START.size or not start.startswith(_SIGNATURE):
                return False
            *_, depth, colour = _START.unpack(start)
            chunks = _chunks(lambda at, n: os.pread(descriptor, n, at))
            return depth <= 8 and colour in (0, 2, 3) and not any(_bears_on_pixels(*chunk) for chunk in chunks)
        finally:
            os.close(descriptor)
    return False


def sample_bits(path: Path) -> int:
    """Return the bits of a sample of a file that is known to be a PNG; unlike `probe` it looks at nothing else."""
    with open_file(path, LARGEST_IMAGE) as stream:
        *_, depth, _ = _START.unpack(stream.read(_START.size))
    return int(depth)


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
        with open_file(path, LARGEST_IMAGE) as stream, Image.open(stream) as image:
            image.verify()
        with open_file(path, LARGEST_IMAGE) as stream, Image.open(stream) as image:
            image.load()
    except DataError:
        raise
    # On damaged bytes Pillow raises OSError, SyntaxError, ValueError, zlib.error and more.
    except Exception as error:
        reason = first_line(error).replace(str(path), "it")
        raise DataError(f"{path} cannot be decoded: {reason}") from error


def read_pixels(path: Path) -> NDArray[np.uint8] | None:
    """Decode a PNG of 8-bit RGB by imagecodecs, (height, width, 3), which takes a third less time than Pillow.

    PNG loses nothing, so the pixels are the same. None where imagecodecs is not installed, the file is of another
    kind or says more than its pixels (a colour profile, transparency, an orientation), or it is not sound: Pillow is
    to say how.
    """
    codecs = _codecs()
    if codecs is None:
        return None
    try:
        content = read_file(path, LARGEST_IMAGE)
        if not _is_plain(content):
            return None
        pixels: NDArray[np.uint8] = codecs.png_decode(content)
    except (OSError, RuntimeError, ValueError, DataError):
        return None
    return pixels


def first_row(path: Path) -> tuple[tuple[int, int], bytes] | None:
    """Return the width and height of a PNG of 8-bit RGB, and the samples of its first row, decoding no other.

    None where the file is of another kind, says more than its pixels, or has no first row to be read so.
    """
    try:
        with open_file(path, LARGEST_IMAGE) as stream:
            start = stream.read(_START.size + 5)
            if len(start) < _START.size + 5 or not is_as_stored(path):
                return None
            signature, _, kind, width, height, depth, colour = _START.unpack_from(start)
            # The last byte of IHDR but its checksum: 1 where rows come in another order.
            interlaced = start[_START.size + 2]
            if (signature, kind, depth, colour, interlaced) != (_SIGNATURE, b"IHDR", 8, 2, 0):
                return None
            n_bytes = 1 + 3 * width
            row = zlib.decompressobj().decompress(_first_pixels(stream, 2 * n_bytes + _BEGINNING), n_bytes)
    except (OSError, DataError, zlib.error):
        return None
    return ((width, height), _unfiltered(row[0], row[1:])) if len(row) == n_bytes else None


def _first_pixels(stream: IO[bytes], n_bytes: int) -> bytes:
    """Read the beginning of the first chunk of pixels."""
    place = len(_SIGNATURE)
    for _ in range(_MANY_CHUNKS):
        stream.seek(place)
        head = stream.read(8)
        length = int.from_bytes(head[:4])
        if head[4:] == b"IDAT":
            return stream.read(min(length, n_bytes))
        if len(head) < 8:
            break
        place += 12 + length
    return b""


def _unfiltered(how: int, row: bytes) -> bytes:
    """Undo what was done to the first row before it was compressed."""
    if how in (_AS_IS, _LESS_ABOVE):
        return row
    samples = bytearray(row)
    for place in range(3, len(samples)):
        left = samples[place - 3]
        samples[place] = (samples[place] + (left // 2 if how == _LESS_MEAN else left)) % 256
    return bytes(samples)


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
    signature, _, kind, width, height, depth, colour = _START.unpack_from(content)
    # Pillow, which says so, is to refuse what has too many pixels to be decoded.
    if width * height > MOST_PIXELS:
        return False
    next_kind = content[_PIXELS_AT : _PIXELS_AT + 4]
    if (signature, kind, depth, colour, next_kind) != (_SIGNATURE, b"IHDR", 8, 2, b"IDAT"):
        return False
    # An orientation may follow the pixels.
    return not any(_bears_on_pixels(*chunk) for chunk in _chunks(lambda at, n: content[at : at + n]))


def _bears_on_pixels(kind: bytes, beginning: bytes) -> bool:
    return kind in _EXTRAS or (kind in _TEXTS and beginning.startswith(_TURNING_TEXTS))


def _has_end(read: Callable[[int, int], bytes]) -> bool:
    place = len(_SIGNATURE)
    for _ in range(_MANY_CHUNKS):
        head = read(place, len(_END))
        if head == _END or len(head) < len(_END) or not head[4:8].isalpha():
            return head == _END
        place += 12 + int.from_bytes(head[:4])
    return False


def _chunks(read: Callable[[int, int], bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind of each chunk and the beginning of its data; `read` takes a place and a number of bytes."""
    place = len(_SIGNATURE)
    for _ in range(_MANY_CHUNKS):
        head = read(place, 8 + _KEYWORD_BYTES)
        kind = head[4:8]
        # Names of chunks are of letters: what has none goes on with something else than chunks.
        if len(head) < 8 or not kind.isalpha():
            return
        yield kind, head[8:]
        if kind == b"IEND":
            return
        place += 12 + int.from_bytes(head[:4])


def _edges(path: Path) -> tuple[bytes, bool]:
    """Read a file's beginning, and whether its last chunk is there."""
    # Plain system calls: a Python file object would cost more than the two reads, ten thousand times.
    descriptor = open_descriptor(path, LARGEST_IMAGE)
    try:
        start, n_bytes = os.pread(descriptor, _BEGINNING, 0), os.fstat(descriptor).st_size
        if os.pread(descriptor, len(_END), max(0, n_bytes - len(_END))) == _END:
            return start, True
        # Some programs leave bytes behind the end, which no reader minds: only then is the file followed to it.
        return start, start.startswith(_SIGNATURE) and _has_end(lambda at, n: os.pread(descriptor, n, at))
    finally:
        os.close(descriptor)
