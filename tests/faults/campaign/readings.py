"""The commands that are given to a place, what each leaves, and how that is compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from tests.faults.campaign.place import EXTRACT, IMPORT, PLAIN, PREDICT, RIDGE

OF_ONE = ("-s", "1")
# The commands that make a place whole, in an order in which they can be given.
MINE = (*RIDGE, "--holdout", "0.2", *OF_ONE, "--run", "mine")
FOLDED = (*PLAIN, *OF_ONE, "--run", "plain")
THEIRS = ("train", "--features", "theirs", "--pca", "4", "--folds", "2", *OF_ONE, "--run", "theirs")
BLEND = (*PLAIN[:-4], "--features", "theirs", "--pca", "4", "--folds", "2", "--regression", "blend", *OF_ONE)
TRAININGS = {"mine": MINE, "plain": FOLDED, "theirs": THEIRS, "blend": (*BLEND, "--run", "blend")}
SIGNIFICANCE = ("report", "--run", "plain", "--significance", "--permutations", "20", "--json")
P_VALUES = ("left_p.npy", "right_p.npy", "significance.json")
ZIP = "out/mine.zip"
MAKING = (
    (*EXTRACT, *OF_ONE),
    (*IMPORT, *OF_ONE),
    *TRAININGS.values(),
    ("report", "--run", "mine", "--significance", "--json"),
    SIGNIFICANCE,
    (*PREDICT, "--run", "mine", "-o", "out/predicted"),
    (*PREDICT, "--run", "plain", "-o", "out/predicted"),
    ("submit", "--partial", "--run", "mine", "-o", ZIP),
)


@dataclass(frozen=True)
class Reader:
    """A command that looks at what there is, and what of a place it leaves, beside what it prints."""

    words: tuple[str, ...]
    leaves: tuple[str, ...] = ()
    # What it prints may tell which part of the work was found done.
    talks: bool = False
    # It is only to leave what there is, damaged or not.
    keeps: bool = False


def _training(run: str, *more: str) -> Reader:
    return Reader((*TRAININGS[run], *more), (f"cache/runs/{run}",), talks=True)


READERS: dict[str, Reader] = {
    "report": Reader(("report", "--run", "mine", "--json")),
    "report of the latest": Reader(("report", "--json")),
    # What else the run has it leaves as it is, and what is kept of p values tells all that it prints.
    "report --significance": Reader(SIGNIFICANCE, tuple(f"cache/runs/plain/subj01/{name}" for name in P_VALUES)),
    "report --intervals": Reader(("report", "--run", "plain", "--intervals", "--json")),
    "compare": Reader(("compare", "plain", "theirs", "--json")),
    "partition": Reader(
        ("partition", "edges", "theirs", "--model", "stand-in", "--folds", "2", "--pca", "4", "--json", *OF_ONE)
    ),
    "predict": Reader((*PREDICT, "--run", "mine", "-o", "out/predicted"), ("out/predicted",)),
    "predict of folds": Reader((*PREDICT, "--run", "plain", "-o", "out/predicted"), ("out/predicted",)),
    "submit": Reader(("submit", "--partial", "--run", "mine", "-o", ZIP), ("out/mine.zip",)),
    "score": Reader(("score", "mine", "--json", *OF_ONE)),
    "export": Reader(("export", "--run", "mine", "--format", "npy", "-o", "out/npy"), ("out/npy",)),
    "export of p values": Reader(("export", "--run", "plain", "--format", "csv", "-o", "out/csv"), ("out/csv",)),
    "export of a blend": Reader(("export", "--run", "blend", "--format", "npy", "-o", "out/blend"), ("out/blend",)),
    "plot rois": Reader(("plot", "rois", "--run", "mine", "-o", "out/rois.png"), ("out/rois.png",)),
    # Layers are called by the names of their features where the recipe that tells more is damaged.
    "plot layers": Reader(("plot", "layers", "--run", "blend", "-o", "out/layers.png"), talks=True),
    "train": _training("mine"),
    "train on folds": _training("plain"),
    "train a blend": _training("blend"),
    "train theirs": _training("theirs"),
    "train --force": _training("mine", "--force"),
    "train on folds --force": _training("plain", "--force"),
    "train a new run": Reader((*MINE[:-1], "fresh"), ("cache/runs/fresh",), talks=True),
    "train a new blend": Reader((*BLEND, "--run", "fresh"), ("cache/runs/fresh",), talks=True),
    # What is there they take at its records' word: whoever reads it compares.
    "extract": Reader((*EXTRACT, *OF_ONE), talks=True),
    "import-features": Reader((*IMPORT, *OF_ONE), talks=True),
    "validate": Reader(("validate", ZIP, "--partial")),
    "score of a zip": Reader(("score", ZIP, "--json", *OF_ONE)),
    "cache list": Reader(("cache", "list", "--json"), talks=True),
    "cache gc": Reader(("cache", "gc", "--yes", "--unused"), ("cache/features", "cache/runs"), talks=True, keeps=True),
    "cache verify": Reader(("cache", "verify", "--no-sample"), talks=True),
    "cache verify --sample": Reader(("cache", "verify"), talks=True),
}

# What tells of when, where and by whom something was made, and so is never the same twice.
_OF_THE_MOMENT = {
    *("finished_at", "seconds", "timings", "versions", "command", "command_line", "made_at", "digest", "files"),
    *("record", "sha256", "data", "created_at", "argv", "memory", "host", "peak_bytes", "started_at", "at"),
    *("provenance", "trained_at"),
}


def left_in(place: Path, *parts: str) -> dict[str, str]:
    """Return a digest of every file in some parts of a place, locks aside; of records without what time tells."""
    files = (path for part in parts for path in _files(place / part))
    return {str(path.relative_to(place)): _digest(path) for path in files}


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    yield from (each for each in sorted(path.rglob("*")) if each.is_file() and not is_lock(each))


def is_lock(path: Path) -> bool:
    """Say whether a file is one that is held and not read."""
    return path.name in ("lock", "creation.lock", ".lock") or path.parent.name == "locks"


def may_lack(file: str) -> bool:
    """Say whether a file keeps what saves work, and may be there or not."""
    return any(word in file for word in ("/gram/", "/standardised/", "/axes/", "model.npz", "_p.npy", "significance"))


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".json":
        with suppress(ValueError):
            content = json.dumps(_lasting(json.loads(content)), sort_keys=True).encode()
    elif path.suffix == ".zip":
        content = b"".join(_members(path))
    elif path.name == "model.npz" and path.parent.name.startswith("subj"):
        # It names the record that it stands for.
        return "a model"
    return hashlib.sha256(content).hexdigest()


def _members(path: Path) -> Iterator[bytes]:
    try:
        with ZipFile(path) as archive:
            yield from (archive.read(name) for name in sorted(archive.namelist()) if name.endswith(".npy"))
    except BadZipFile:
        yield b"no zip"


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lasting(part) for name, part in value.items() if name not in _OF_THE_MOMENT}
    return [_lasting(part) for part in value] if isinstance(value, list) else value
