"""Whose a run's name is until something of the run is whole: the settings and the data with which it was begun.

    runs/.aside/NAME/manifest.json

Nobody meets it as a run. It counts while somebody works on it: what a stopped training left is in no one's way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from algocli.compute.caches import where_writable
from algocli.compute.lock import hold, hold_if_free
from algocli.dataset.naming import SubjectId
from algocli.encoding.settings import Settings
from algocli.errors import writing
from algocli.runs.aside import clear
from algocli.runs.run import Run
from algocli.runs.vouched_arrays import place_aside

_MANIFEST = "manifest.json"


def lock_of_runs(cache_dir: Path) -> Path:
    """Return the lock under which runs are begun, filled, replaced and deleted: held for a moment at a time."""
    return cache_dir / "runs" / ".lock"


def begun(run: Run) -> Run:
    """Return what tells with which settings, and on which data, a run was begun: the run itself, or else the claim."""
    return run if (run.folder / _MANIFEST).is_file() else _claim(run)


def withdraw(run: Run) -> None:
    """Delete the claim on the name of a run that is there by now, unless runs may only be read."""
    path = _claim(run).folder / _MANIFEST
    with where_writable(path.parent), writing(path):
        path.unlink(missing_ok=True)


def tidy(run: Run, number: SubjectId) -> None:
    """Delete what whoever had put a subject in its place was stopped before deleting. Hold the subject's lock.

    Raises
    ------
    StorageError
        If it cannot be deleted.
    """
    clear(run, number)
    if (_claim(run).folder / _MANIFEST).is_file():
        with hold(lock_of_runs(run.cache_dir)):
            withdraw(run)


def holds_some(run: Run) -> bool:
    """Say whether a run has a subject, whole or damaged."""
    return any((subject_folder / "record.json").exists() for subject_folder in run.subject_folders())


def trained_at(run: Run, number: SubjectId) -> object:
    """Return when a subject of a run was finished, which no two trainings have in common; None where it is not."""
    return run.subject(number).record.get("finished_at") if run.has(number) else None


def is_nobodys(run: Run) -> bool:
    """Say whether a run has nothing of any data: no subject is finished, and none is being trained."""
    with hold_if_free(run.locks()) as free:
        return free and not run.subjects


def is_free(run: Run, settings: Settings) -> bool:
    """Say whether a name is to be had: nobody has it, or nobody's data, or somebody gave it to other settings."""
    return not begun(run).has_settings(settings) or is_nobodys(run)


def claimed(runs: Path) -> Iterator[Path]:
    """Yield every claim in a folder of runs, whether or not somebody works on it."""
    yield from sorted(runs.glob(f".aside/*/{_MANIFEST}"))


def _claim(run: Run) -> Run:
    return Run(place_aside(run.folder))
