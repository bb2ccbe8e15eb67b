"""Where a subject of a run is made, beside the runs, until it is whole.

    runs/.aside/NAME/subj01/lock               held by whoever trains this subject of the run NAME, or adds to it
    runs/.aside/NAME/subj01/new-MACHINE/       a run of its own, with nothing but the subject that is being made

Put in its place is either the subject's folder, in a run of the same settings, or all of it, where the run that has
the name is to be replaced.

On disks whose locks do not reach from machine to machine, a subject that two of them train is made twice, each in a
folder of its own, and the first one stays; a run that both begin is begun by one and joined by the other, as each looks
once more at what it has put its own in place of. What another machine's training has left goes when it has rested for a
day. What does rest on locks is what is refused of a run that is still being trained: to replace it, or to give its name
to other data. There, whoever ends later is told that the run is another's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from algocli.compute.files import has_rested, sync_folder
from algocli.compute.lock import hold_if_free, machine
from algocli.compute.places import WAITING, Standing, put_back, put_in_place, put_instead, standing
from algocli.dataset.naming import SubjectId, name_of
from algocli.errors import UsageError, writing
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
        elif _made_in(home):
            with hold_if_free([home / "lock"]) as free:
                if free:
                    _clear(run, home)
    home = run.lock(number).parent
    try:
        yield Run(home / f"{_NEW}-{machine()}")
    finally:
        _clear(run, home)


def clear(run: Run, number: SubjectId) -> None:
    """Delete what a killed training of a subject left: whoever holds its lock would take it for his. Hold that."""
    _clear(run, run.lock(number).parent)


def publish(made: Run, run: Run, number: SubjectId, *, whole: bool, stood: Standing | None) -> bool:
    """Put a subject that was made aside into a run, or the run aside in its place, as a `whole`. Hold the lock of runs.

    Parameters
    ----------
    stood
        What stood in the run's place when it was found that it is to be so (`standing`).

    Returns
    -------
    Whether that is done: a machine that does not see our locks may have put another run there.

    Raises
    ------
    UsageError
        If that has come in between.
    StorageError
        If it cannot be renamed.
    """
    place, mine = run.folder.resolve(), name_of(number)
    with writing(place):
        if whole:
            sync_folder(made.folder)
            return put_instead(made.folder, place, stood)
        sync_folder(made.folder / mine)
        ours = standing(made.folder / mine)
        put_in_place(made.folder / mine, place / mine)
        if standing(place) != stood:
            # It has gone into a run that may be of other settings, or with one that has gone.
            if standing(place / mine) == ours:
                (place / mine).rename(made.folder / f"{mine}.taken-back")
            raise UsageError(f"run {run.name} was deleted or replaced meanwhile", hint="repeat the command")
    return True


def in_training(run: Run) -> list[Run]:
    """Return what is being made of a run, for each subject the run aside, by processes that live, as far as is seen."""
    return [Run(made) for home in _homes(run) if _made_in(home) and _is_held(home) for made in _made_in(home)]


def left_behind(runs: Path) -> list[Path]:
    """Return the folders in which trainings have left something, alive or not, of all runs in a folder."""
    return sorted({path.parent for path in runs.glob(f".aside/*/*/{_NEW}*")})


def _homes(run: Run) -> list[Path]:
    return sorted(lock.parent for lock in run.locks())


def _made_in(home: Path) -> list[Path]:
    """List the runs aside in a subject's folder, whoever makes them; versions before did not name the machine."""
    return [path for path in sorted(home.glob(f"{_NEW}*")) if path.suffix != f".{WAITING}"]


def _is_held(home: Path) -> bool:
    with hold_if_free([home / "lock"]) as free:
        return not free


def _clear(run: Run, home: Path) -> None:
    place = run.folder.resolve()
    # Another process may delete the same at the same time.
    with writing(home), suppress(FileNotFoundError):
        put_back(home, place)
        for made in _made_in(home):
            put_back(made, place / home.name)
        for path in filter(Path.is_dir, home.iterdir()):
            if path.name.startswith(f"{_NEW}-{machine()}") or _has_rested(path):
                shutil.rmtree(path)


def _has_rested(folder: Path) -> bool:
    return all(has_rested(path) for path in (folder, *folder.rglob("*")))
