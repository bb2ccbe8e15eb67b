"""What becomes of what a file says of itself: headers of arrays, of datasets and of pictures."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_SHAPES = ((), (0,), (0, 5), (1,), (-1, 3), (2**31, 2**31), (10**12,), (16, 10**13), (2**62, 4), (1,) * 33, (3, 4, 5))
_TYPES = ("|O", "<U5", "<c16", "<M8[s]", "|V8", "|b1", ">f4", "<f2", "<i8", "|S3", [("a", "<f4"), ("b", "|O")], "zzz")


def npy(path: Path, chance: random.Random) -> str:
    """Have a .npy file promise another array than there is."""
    path.write_bytes(npy_content(path.read_bytes() if path.suffix == ".npy" else b"", chance))
    return "header"


def npy_content(content: bytes, chance: random.Random) -> bytes:
    """Return the content of a .npy file with another header."""
    shape, kind = chance.choice(_SHAPES), chance.choice(_TYPES)
    said: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (16, 6)}
    said |= chance.choice(({"shape": shape}, {"descr": kind}, {"shape": shape, "descr": kind}, {"fortran_order": 3}))
    if chance.random() < 0.1:
        said.pop(chance.choice(list(said)))
    text = chance.choice(
        (repr(said), repr(said), repr(said)[:-3], "__import__('os')", "(" * 3000, repr(said) + " " * 20000)
    )
    header = text.encode() + b"\n"
    version = chance.choice((b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", min(len(header), 65_535))
    return b"\x93NUMPY" + version + length + header + content[128:]


def hdf5(path: Path, chance: random.Random) -> str:
    """Put something else in place of a dataset, or into its attributes."""
    with h5py.File(path, "r+") as file:
        name = chance.choice(list(file))
        kind = chance.choice(list(_DATASETS))
        if kind in ("attribute", "more"):
            file[name].attrs[
                chance.choice(("shape", "CLASS", "DIMENSION_LIST", "\ud800".encode("utf-16-le", "surrogatepass").hex()))
            ] = [b"\xff"]
        if kind != "attribute":
            if kind != "more":
                del file[name]
            _DATASETS[kind](file, name if kind != "more" else "more")
    return f"{name}: {kind}"


_DATASETS: dict[str, Callable[[h5py.File, str], object]] = {
    "attribute": lambda _file, _name: None,
    "more": lambda file, name: file.create_dataset(name, data=np.zeros((3, 3))),
    "wide": lambda file, name: file.create_dataset(name, (16, 10**12), "f4", chunks=(1, 1000)),
    "long": lambda file, name: file.create_dataset(name, (10**13, 6), "f4", chunks=(1000, 6)),
    "many axes": lambda file, name: file.create_dataset(name, (2,) * 20, "f4"),
    "scalar": lambda file, name: file.create_dataset(name, data=3.0),
    "none": lambda file, name: file.create_dataset(name, data=h5py.Empty("f4")),
    "no rows": lambda file, name: file.create_dataset(name, (0, 6), "f4"),
    "text": lambda file, name: file.create_dataset(name, data=[["a", "b"]] * 16, dtype=h5py.string_dtype()),
    "table": lambda file, name: file.create_dataset(name, (16,), [("a", "f4"), ("b", "S3")]),
    "complex": lambda file, name: file.create_dataset(name, (16, 6), "c8"),
    "ragged": lambda file, name: file.create_dataset(name, (16,), h5py.vlen_dtype("f4")),
    "references": lambda file, name: file.create_dataset(name, (16, 6), h5py.ref_dtype),
    "opaque": lambda file, name: file.create_dataset(name, (16, 6), "V7"),
    "group": lambda file, name: file.create_group(f"{name}/{name}/{name}"),
    "circle": lambda file, name: file.__setitem__(name, h5py.SoftLink("/")),
    "dangling": lambda file, name: file.__setitem__(name, h5py.SoftLink("/nowhere")),
    "another file": lambda file, name: file.__setitem__(name, h5py.ExternalLink("/etc/passwd", "/")),
    "many": lambda file, name: [file.create_group(f"{name}/{number}") for number in range(3000)],
}


def png(path: Path, chance: random.Random) -> str:
    """Have a PNG say something else of itself, with sums that fit."""
    content = path.read_bytes()
    chunks = list(_chunks(content))
    kind, data = chunks[0]
    width, height, *rest = struct.unpack(">IIBBBBB", data)
    field = chance.randrange(7)
    sizes = (0, 1, 2**31 - 1, 2**32 - 1, 40_000, 65_536)
    values: list[int] = [width, height, *rest]
    values[field] = chance.choice(sizes) if field < 2 else chance.choice((0, 1, 2, 3, 4, 5, 6, 16, 255))
    chunks[0] = (kind, struct.pack(">IIBBBBB", *values))
    bomb = zlib.compress(bytes(10**8), 9)
    more = chance.choice(
        (
            None,
            None,
            (b"zTXt", b"a\0\0" + bomb),
            (b"iCCP", b"a\0\0" + bomb),
            (b"PLTE", b"abc" * 300),
            (b"IHDR", data),
            (b"eXIf", b"MM\0*" + bytes(40)),
            (b"eXIf", chance.randbytes(60)),
            (b"tRNS", chance.randbytes(5)),
            (b"gAMA", bytes(4)),
            (b"acTL", struct.pack(">II", 2**31, 0)),
        )
    )
    if more is not None:
        chunks.insert(1, more)
    if chance.random() < 0.2:
        chunks = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    if chance.random() < 0.2:
        chunks = [(kind, bomb if kind == b"IDAT" else data) for kind, data in chunks]
    path.write_bytes(content[:8] + b"".join(map(_framed, chunks)))
    return f"field {field} is {values[field]}, {more and more[0]}"


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += 12 + length


def _framed(chunk: tuple[bytes, bytes]) -> bytes:
    kind, data = chunk
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
