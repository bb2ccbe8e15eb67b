"""Opens a folder as the dataset that it is, by the first kind that knows it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from algocli.compute.choices import check_path
from algocli.dataset import kinds
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject, is_dataset

# What a folder is taken for that no kind knows: its message says what was expected.
_USUAL = "challenge"


class Kind(Protocol):
    """A way in which a dataset can lie in a folder: a module of `kinds`, or an object with these functions."""

    def recognises(self, folder: Path) -> bool:
        """Say whether a folder is of this kind, from what it holds alone."""
        ...

    def open_folder(self, folder: Path) -> Dataset:
        """Open a folder.

        Raises
        ------
        DataError
            If it is not of this kind, or nothing can be found in it.
        """
        ...

    def find_subject(self, which: SubjectId, folder: Path) -> Subject | None:
        """Return the subject whose own folder is there, as a run recorded it; None where it is not of this kind."""
        ...


_registered: list[Kind] = []


def open_dataset(folder: Path | str | Dataset) -> Dataset:
    """Open a folder of subjects, whatever its kind; a dataset that is open is returned as it is.

    Raises
    ------
    UsageError
        If it is no path.
    DataError
        If it is not there, or of no kind that is known.
    """
    if is_dataset(folder):
        return folder
    place = check_path("folder", folder)
    kind = next((kind for kind in _kinds() if kind.recognises(place)), None)
    return (kind or _load(_USUAL)).open_folder(place)


def find_subject(which: SubjectId, folder: Path) -> Subject | None:
    """Return the subject whose own data lies in a folder, as a run recorded it; None where no kind knows it."""
    answers = (kind.find_subject(which, folder) for kind in _kinds())
    return next((subject for subject in answers if subject is not None), None)


@contextmanager
def known(kind: Kind) -> Iterator[None]:
    """Have a kind of one's own known within a `with` block, before those that come with the program."""
    _registered.append(kind)
    try:
        yield
    finally:
        _registered.remove(kind)


def _kinds() -> Iterator[Kind]:
    yield from _registered
    # By name, which makes the order the same everywhere; the usual one last, as it takes what may be another's.
    names = sorted(module.name for module in pkgutil.iter_modules(kinds.__path__))
    yield from map(_load, sorted(names, key=lambda name: name == _USUAL))


def _load(name: str) -> Kind:
    return cast("Kind", importlib.import_module(f"algocli.dataset.kinds.{name}"))
