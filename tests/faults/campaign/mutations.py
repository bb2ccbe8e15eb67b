"""What becomes of a sound file in hostile or careless hands, by what its kind promises and where."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

Mutate = Callable[[Path, random.Random], str]

_LONG = "x" * 10**6
ABSURD: tuple[Any, ...] = (
    *([], {}, None, -1, 0, 1e308, float("nan"), 2**70, -(2**70), True, "", _LONG, "\ud800", "../../x", "\x1b[2J"),
    *([5], [[]], {"a": {}}, "1", 0.5, [None] * 1000),
)


def spoil(path: Path, chance: random.Random) -> str:
    """Change some bytes, in the beginning or anywhere."""
    spoilt = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 1, 3, 10))):
        # Headers are at the beginning, and of zips at the end.
        place = chance.choice((chance.randrange(len(spoilt)), chance.randrange(min(256, len(spoilt)))))
        how = chance.randrange(4)
        if how == 0:
            spoilt[place] ^= 1 << chance.randrange(8)
        elif how == 1:
            spoilt[place : place + 4] = chance.choice((b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xff" * 4))
        elif how == 2:
            spoilt[place] = chance.randrange(256)
        else:
            del spoilt[place : place + chance.randrange(1, 9)]
        if not spoilt:
            break
    path.write_bytes(bytes(spoilt))
    return "bytes"


def walk(path: Path, chance: random.Random) -> str:
    """Replace a value somewhere in a JSON file, or leave it out; where the file vouches for itself, it still does."""
    value = json.loads(path.read_bytes())
    seal = value.pop("digest", None) if isinstance(value, dict) else None
    how = change(value, chance)
    if seal is not None:
        if chance.random() < 0.8:
            text = json.dumps(value, sort_keys=True, separators=(",", ":"))
            seal = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        value["digest"] = seal
    path.write_text(json.dumps(value))
    return how


def change(value: Any, chance: random.Random) -> str:
    """Change one of the places in a tree of JSON."""
    *way, last = chance.choice(list(_places(value)))
    for step in way:
        value = value[step]
    if chance.random() < 0.15:
        del value[last]
        return f"{[*way, last]} left out"
    absurd = chance.choice(ABSURD)
    value[last] = absurd
    return f"{[*way, last]} is {repr(absurd)[:40]}"


def _places(value: Any) -> Iterator[list[Any]]:
    steps = value if isinstance(value, dict) else range(len(value))
    for step in steps:
        yield [step]
        if isinstance(value[step], dict | list):
            yield from ([step, *rest] for rest in _places(value[step]))


_SHAPES = ((), (0,), (0, 5), (1,), (-1, 3), (2**31, 2**31), (10**12,), (16, 10**13), (2**62, 4), (1,) * 33, (3, 4, 5))
_TYPES = ("|O", "<U5", "<c16", "<M8[s]", "|V8", "|b1", ">f4", "<f2", "<i8", "|S3", [("a", "<f4"), ("b", "|O")], "zzz")


def npy(path: Path, chance: random.Random) -> str:
    """Have a .npy file promise another array than there is."""
    path.write_bytes(_npy(path.read_bytes() if path.suffix == ".npy" else b"", chance))
    return "header"


def _npy(content: bytes, chance: random.Random) -> bytes:
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


def safetensors(path: Path, chance: random.Random) -> str:
    """Have the header of tensors promise something else."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    how = change(header, chance)
    text = json.dumps(header).encode()
    size = chance.choice((len(text), len(text), len(text), 2**63, 0, len(text) - 3, 10**9))
    path.write_bytes(struct.pack("<Q", size) + text + content[8 + length :])
    return f"{how}; header of {size}"


class _Odd:
    """What no checkpoint may hold."""


_TENSORS: dict[str, Callable[[], Any]] = {
    "sparse": lambda: torch.eye(16).to_sparse(),
    "meta": lambda: torch.empty(10**9, 6, device="meta"),
    "wide view": lambda: torch.zeros(1).expand(10**6, 10**6),
    "strided": lambda: torch.zeros(6).as_strided((16, 6), (0, 1)),
    "complex": lambda: torch.zeros(16, 6, dtype=torch.complex64),
    "bfloat16": lambda: torch.zeros(16, 6, dtype=torch.bfloat16),
    "bool": lambda: torch.zeros(16, 6, dtype=torch.bool),
    "scalar": lambda: torch.tensor(3.0),
    "empty": lambda: torch.zeros(0, 6),
    "many axes": lambda: torch.zeros((1,) * 60),
    "nan": lambda: torch.full((16, 6), float("nan")),
    "list": lambda: [torch.zeros(16, 6), [], {}],
    "text": lambda: "x" * 1000,
    "number": lambda: 7,
    "none": lambda: None,
    "numbers for names": lambda: {1: torch.zeros(3), (2, 3): torch.zeros(3), None: 3},
    "deep": lambda: {"state_dict": {"model": {"state_dict": {"features.0.weight": 3}}}},
    "wrong shapes": lambda: {"features.0.weight": torch.zeros(64, 4, 3, 3), "features.0.bias": torch.zeros(63)},
    "not finite": lambda: {
        "features.0.weight": torch.full((64, 3, 3, 3), float("inf")),
        "features.0.bias": torch.zeros(64),
    },
    "object": _Odd,
}


def tensors(path: Path, chance: random.Random) -> str:
    """Save something else than plain tensors."""
    kind = chance.choice(list(_TENSORS))
    value = _TENSORS[kind]()
    torch.save({"x": value} if chance.random() < 0.3 else value, path)
    return kind


_CELLS = (
    "nan",
    "1e400",
    "",
    "=1+1",
    '"',
    "\0",
    "-",
    "１",
    "1e-400",
    "inf",
    "0x10",
    "1_000",
    _LONG,
    "\x1b]0;x\x07",
    "None",
    "1,1",
)


def table(path: Path, chance: random.Random) -> str:
    """Put something else into a cell, a line or the whole of a table."""
    text = path.read_text()
    comma = "\t" if path.suffix == ".tsv" else ","
    rows = [line.split(comma) for line in text.splitlines()]
    row = chance.randrange(len(rows))
    cell = chance.choice(_CELLS)
    how = chance.choice(
        ("cell", "cell", "cell", "short", "long", "no rows", "twice", "utf-16", "latin", "one line", "many lines")
    )
    if how == "cell":
        rows[row][chance.randrange(len(rows[row]))] = cell
    elif how in ("short", "long"):
        rows[row] = rows[row][:-1] if how == "short" else rows[row] * 1000
    elif how == "no rows":
        rows = rows[:1]
    elif how == "twice":
        rows.insert(row, rows[row])
    changed = "\n".join(comma.join(some) for some in rows) + "\n"
    changed = changed.replace("\n", comma) if how == "one line" else changed + changed * (how == "many lines") * 200
    path.write_bytes(changed.encode({"utf-16": "utf-16", "latin": "latin-1"}.get(how, "utf-8"), "replace"))
    return f"{how}: {cell[:20]!r}"


def archive(path: Path, chance: random.Random) -> str:
    """Put other members into a zip, or have it say other things of those that it has."""
    with zipfile.ZipFile(path) as before:
        members = {name: before.read(name) for name in before.namelist()}
    name = chance.choice(list(members))
    how = chance.choice(("header", "name", "twice", "bomb", "empty", "folder", "more", "none"))
    others = (
        "../" + name,
        "/" + name,
        name.replace("/", "\\"),
        "a" * 60_000,
        "subj99/lh_pred_test.npy",
        "\x1b[2J.npy",
        "",
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for each, content in members.items():
            changed = each == name
            stored = chance.choice(others) if changed and how == "name" else each
            if changed and how in ("header", "bomb", "empty"):
                content = {"header": lambda: _npy(content, chance), "bomb": lambda: bytes(10**8), "empty": bytes}[how]()  # noqa: B023
            if how != "none":
                after.writestr(stored or "x", content)
        if how == "twice":
            info = zipfile.ZipInfo(name)
            after.fp.write(b"")  # type: ignore[union-attr]
            after.filelist.append(info)
            after.filelist.pop()
            with after.open(zipfile.ZipInfo("x.npy"), "w") as stream:
                stream.write(members[name])
        elif how == "folder":
            after.writestr("subj01/", b"")
        elif how == "more":
            for number in range(2000):
                after.writestr(f"{number}.npy", b"")
    return how


def _truncated(path: Path, chance: random.Random) -> str:
    size = chance.randrange(path.stat().st_size)
    os.truncate(path, size)
    return f"{size} bytes"


BY_SUFFIX: dict[str, tuple[Mutate, ...]] = {
    ".npy": (npy, npy, spoil),
    ".npz": (archive, spoil, npy),
    ".zip": (archive, archive, spoil),
    ".h5": (hdf5, hdf5, spoil),
    ".hdf5": (hdf5, hdf5, spoil),
    ".json": (walk, walk, walk, spoil),
    ".png": (png, png, spoil),
    ".safetensors": (safetensors, safetensors, spoil),
    ".pt": (tensors, tensors, spoil),
    ".pth": (tensors, tensors, spoil),
    ".csv": (table, table, spoil),
    ".tsv": (table, table, spoil),
}


def mutate(path: Path, chance: random.Random) -> str:
    """Mutate a file by its kind, and say how."""
    how = chance.choice(BY_SUFFIX.get(path.suffix, (spoil, _truncated)))
    return f"{how.__name__.strip('_')}: {how(path, chance)}"
