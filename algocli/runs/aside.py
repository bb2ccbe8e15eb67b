"""Where a subject of a run is made, beside the runs, until it is whole.

    runs/.aside/NAME/subj01/lock               held by whoever trains this subject of the run NAME, or adds to it
    runs/.aside/NAME/subj01/new/               a run of its own, with nothing but the subject that is being made

Put in its place is either the subject's folder, in a run of the same settings, or all of it, where the run that has
the name is to be replaced.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from algocli.compute.files import sync_folder
from algocli.compute.lock import hold_if_free
from algocli.compute.places import put_back, put_in_place
from algocli.dataset.naming import SubjectId, name_of
from algocli.errors import writing
from algocli.runs.run import Run

_NEW = "new"


@contextmanager
def aside(run: Run, number: SubjectId) -> Iterator[Run]:
    """Make room for a subject that is to be trained: yield a run aside, which is gone at the end of the `with` block.

    What killed trainings of the same run left is deleted. Hold the subject's lock.
    """
    for home in _homes(run):
        if home.name == name_of(number):
            _clear(run, home)
        elif (home / _NEW).exists():
            with hold_if_free([home / "lock"]) as free:
                if free:
                    _clear(run, home)
    home = run.lock(number).parent
    try:
        yield Run(home / _NEW)
    finally:
        _clear(run, home)


def clear(run: Run, number: SubjectId) -> None:
    """Delete what a killed training of a subject left: whoever holds its lock would take it for his. Hold that."""
    _clear(run, run.lock(number).parent)


def publish(made: Run, run: Run, number: SubjectId, *, whole: bool) -> None:
    """Put a subject that was made aside into a run, or the run aside in its place, as a `whole`. Hold the lock of runs.

    Raises
    ------
    StorageError
        If it cannot be renamed.
    """
    place = run.folder.resolve()
    source = made.folder
    if not whole:
        source, place = source / name_of(number), place / name_of(number)
    with writing(place):
        sync_folder(source)
        put_in_place(source, place)


def in_training(run: Run) -> list[Run]:
    """Return what is being made of a run, by processes that live: for each subject the run aside."""
    return [Run(home / _NEW) for home in _homes(run) if (home / _NEW).exists() and _is_held(home)]


def left_behind(runs: Path) -> list[Path]:
    """Return the folders in which trainings have left something, alive or not, of all runs in a folder."""
    return sorted(path.parent for path in runs.glob(f".aside/*/*/{_NEW}"))


def _homes(run: Run) -> list[Path]:
    return sorted(lock.parent for lock in run.locks())


def _is_held(home: Path) -> bool:
    with hold_if_free([home / "lock"]) as free:
        return not free


def _clear(run: Run, home: Path) -> None:
    place = run.folder.resolve()
    put_back(home, place)
    put_back(home / _NEW, place / home.name)
    # Another process may delete the same at the same time.
    with suppress(FileNotFoundError):
        for path in filter(Path.is_dir, home.iterdir()):
            shutil.rmtree(path)
