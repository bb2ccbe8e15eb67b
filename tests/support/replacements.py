"""What stands in place of a file that was sound: what is none, what has no end, and what promises too much."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def _listen(path: Path) -> None:
    # The address of a socket may have 107 letters.
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def _absurd(path: Path) -> None:
    """Let a header promise far more than there is."""
    content = path.read_bytes()
    if content.startswith(b"\x93NUMPY") or path.suffix == ".npz":
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (16, 1000000000000), }\n"
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + b"\0" * 64
        path.write_bytes(content)
        os.truncate(path, len(content) + 2**34)
    elif content.startswith(b"\x89PNG"):
        chunk = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
        rows = zlib.compress(bytes(1 + 3 * 40_000) * 1000, 1) * 1
        parts = [chunk, b"IDAT" + rows, b"IEND"]
        framed = (struct.pack(">I", len(p) - 4) + p + struct.pack(">I", zlib.crc32(p)) for p in parts)
        path.write_bytes(content[:8] + b"".join(framed))
    else:
        # Numbers of a header, whatever they count.
        path.write_bytes(content[:16] + b"\xff" * 64 + content[80:])


REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: _replace(path, os.mkfifo),
    "device": lambda path: _replace(path, lambda p: p.symlink_to("/dev/zero")),
    "folder": lambda path: _replace(path, Path.mkdir),
    "socket": lambda path: _replace(path, _listen),
    "dangling": lambda path: _replace(path, lambda p: p.symlink_to("nowhere")),
    "empty": lambda path: os.truncate(path, 0),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a few bytes": lambda path: os.truncate(path, 9),
    "endless": lambda path: os.truncate(path, 2**40),
    "zeros": lambda path: (os.truncate(path, 0), os.truncate(path, 2**40)),
    "another kind": lambda path: path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 40),
    "one line": lambda path: path.write_bytes(b"1," * 200_000),
    "absurd": _absurd,
}
# What says itself where it ends may go on behind that; and MATLAB begins with a text of anyone's.
SOUND = {("hdf5", "endless"), ("brick", "endless"), ("mat", "absurd")}
