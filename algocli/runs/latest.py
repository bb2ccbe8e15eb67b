"""The mark of the run that is meant where none is named: its name in the file `latest`, and what vouches for that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

from algocli.compute.files import publish
from algocli.errors import DataError

LATEST = "latest"
# More than any name takes.
_MOST_LETTERS = 1000


def mark(runs: Path, name: str) -> None:
    """Make a run in the folder of runs the latest.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    publish(runs / LATEST, lambda stream: stream.write(f"{name}\n{_digest_of(name)}\n".encode()))


def marked(runs: Path) -> str:
    """Return the name of the run that is marked, or whatever else stands there; empty where there is no mark."""
    return _read(runs)[0]


def check_mark(runs: Path, names: Collection[str]) -> None:
    """See that the mark, where there is one, leads to one of some runs, and is what was written.

    Raises
    ------
    DataError
        If it may have meant another than it says.
    """
    name, digest = _read(runs)
    # Versions before wrote nothing but the name; and of a single run there is no doubt.
    if (digest and digest != _digest_of(name)) or (name not in names and len(names) > 1 and _is_there(runs)):
        raise DataError(
            f"{runs / LATEST} is damaged, or the run that it names is gone",
            hint=f"delete {runs / LATEST}: the latest run is then the one that ended last; or name one with name='...'",
        )


def _is_there(runs: Path) -> bool:
    return os.path.lexists(runs / LATEST)


def _read(runs: Path) -> tuple[str, str]:
    pointer = runs / LATEST
    text = ""
    if pointer.is_file():
        with pointer.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MOST_LETTERS)
    name, _, digest = text.strip().partition("\n")
    return name.strip(), digest.strip()


def _digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
