"""What becomes of a sound file in hostile or careless hands, by what its kind promises and where."""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from tests.faults.campaign.headers import hdf5, npy, npy_content, png

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
    how = chance.choice(("header", "name", "bomb", "empty", "folder", "more", "none"))
    others = ("../" + name, "/" + name, name.replace("/", "\\"), "a" * 60_000, "subj99/lh_pred_test.npy", "\x1b[2J.npy")
    if how == "name":
        members[chance.choice(others)] = members.pop(name)
    elif how == "header":
        members[name] = npy_content(members[name], chance)
    elif how in ("bomb", "empty"):
        members[name] = bytes(10**8 if how == "bomb" else 0)
    elif how == "folder":
        members["subj01/"] = b""
    elif how == "more":
        members |= {f"{number}.npy": b"" for number in range(2000)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as after:
        for each, content in ({} if how == "none" else members).items():
            after.writestr(each, content)
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
