"""What becomes of a file that a place holds: it loses a bit, a page, its end, all; it is another's, or of before."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Around(Protocol):
    """What else there is: files of each kind in a place, and the place as it was before."""

    before: Path
    kinds: dict[str, list[Path]]


def kind_of(file: Path) -> str:
    """Return what a file of a place is, whatever subject, side, number or digest it is of."""
    parts = file.parts
    name = re.sub(r"^(left|right|lh|rh)[_.]", "", file.name)
    if parts[:2] == ("cache", "runs"):
        return (
            "latest" if name == "latest" else f"run: {'p values' if name in ('p.npy', 'significance.json') else name}"
        )
    if "features.zarr" in parts:
        return "store: " + ("zarr.json" if name == "zarr.json" else "shard")
    if parts[:2] == ("cache", "features"):
        return f"store: {re.sub(r'[0-9a-f]{16}.*npz|[0-9]{5}.json', '', '/'.join((*_derived(parts), name)))}"
    if parts[0] == "cache":
        return parts[1]
    return f"{parts[0]}: {re.sub(r'[0-9]+', '', re.sub(r'^.*?([.]all|[.]|_)', '', name)) or name}"


def _derived(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for part in parts[4:-1] if not re.fullmatch(r"[0-9a-f]{16}", part))


Damage = Callable[[Around, Path, Path, random.Random], str | None]


def _change(path: Path, content: bytes) -> None:
    # In place, as nothing of ours does.
    with path.open("r+b") as stream:
        stream.write(content)
        stream.truncate()


def _bit(_around: Around, place: Path, file: Path, chance: random.Random) -> str:
    content = bytearray((place / file).read_bytes())
    at, bit = chance.randrange(len(content)), chance.randrange(8)
    content[at] ^= 1 << bit
    _change(place / file, bytes(content))
    return f"byte {at}, bit {bit}"


def _page(_around: Around, place: Path, file: Path, chance: random.Random) -> str | None:
    content = (place / file).read_bytes()
    size = min(512, max(1, len(content) // 2))
    start = chance.randrange(-(-len(content) // size)) * size
    changed = content[:start] + bytes(size) + content[start + size :]
    if changed == content:
        return None
    _change(place / file, changed[: len(content)])
    return f"{size} bytes from {start} on"


def _end(_around: Around, place: Path, file: Path, chance: random.Random) -> str:
    size = chance.choice((0, chance.randrange((place / file).stat().st_size)))
    os.truncate(place / file, size)
    return f"after {size} bytes"


def _all(_around: Around, place: Path, file: Path, _chance: random.Random) -> str:
    (place / file).unlink()
    return "deleted"


def _more(_around: Around, place: Path, file: Path, chance: random.Random) -> str:
    byte = bytes([chance.choice((0, 120, 255))])
    _change(place / file, (place / file).read_bytes() + byte)
    return f"{byte!r} behind it"


def _swapped(around: Around, place: Path, file: Path, chance: random.Random) -> str | None:
    mine = (place / file).read_bytes()
    others = [other for other in around.kinds[kind_of(file)] if (place / other).read_bytes() != mine]
    if not others:
        return None
    other = chance.choice(others)
    _change(place / file, (place / other).read_bytes())
    _change(place / other, mine)
    return f"swapped with {other}"


def _older(around: Around, place: Path, file: Path, chance: random.Random) -> str | None:
    """Put the file of before in its place, as a backup does that was brought back in part."""
    old = around.before / file
    if not old.is_file():
        kin = [path for path in (around.before / "cache").rglob(file.name) if path.is_file()]
        kin = [path for path in kin if kind_of(path.relative_to(around.before)) == kind_of(file)]
        if not kin:
            return None
        old = chance.choice(sorted(kin))
    if old.read_bytes() == (place / file).read_bytes():
        return None
    _change(place / file, old.read_bytes())
    return f"as {old.relative_to(around.before)} was before"


DAMAGES: dict[str, Damage] = {
    "a bit": _bit,
    "a page": _page,
    "the end": _end,
    "all of it": _all,
    "a byte more": _more,
    "another's": _swapped,
    "of before": _older,
}
