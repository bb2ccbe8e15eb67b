"""The mark of the run that is meant where none is named: its name in the file `latest`, and what vouches for that."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

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


class Mark(NamedTuple):
    """The mark as it stands: a run's name, or whatever else is there; without a mark the name is empty."""

    name: str
    digest: str
    is_there: bool


def read_mark(runs: Path) -> Mark:
    """Read the mark, before the runs are listed that it may lead to: a training leaves its run first, and then this."""
    pointer = runs / LATEST
    text = ""
    if pointer.is_file():
        with pointer.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MOST_LETTERS)
    name, _, digest = text.strip().partition("\n")
    return Mark(name.strip(), digest.strip(), os.path.lexists(pointer))


def check_mark(runs: Path, mark: Mark, names: Collection[str]) -> None:
    """See that the mark, where there is one, leads to one of some runs, and is what was written.

    Raises
    ------
    DataError
        If it may have meant another than it says.
    """
    is_another = bool(mark.digest) and mark.digest != _digest_of(mark.name)
    # Versions before wrote nothing but the name; and of a single run there is no doubt.
    if is_another or (mark.name not in names and len(names) > 1 and mark.is_there):
        raise DataError(
            f"{runs / LATEST} is damaged, or the run that it names is gone",
            hint=f"delete {runs / LATEST}: the latest run is then the one that ended last; or name one with name='...'",
        )


def _digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
