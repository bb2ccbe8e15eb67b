"""Whether the runs of a cache are what their trainings left, and what mends each that is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote

from algocli.compute.arrays import read_kept
from algocli.compute.lock import hold
from algocli.compute.vouching import Fault
from algocli.dataset.naming import SubjectId, id_of
from algocli.encoding.settings import Settings
from algocli.errors import DataError, StorageError, UsageError
from algocli.runs import p_values
from algocli.runs.commands import command
from algocli.runs.latest import LATEST, check_mark
from algocli.runs.run import Run, list_runs
from algocli.runs.subject_run import MODEL, SubjectRun


def all_runs(cache_dir: Path) -> list[Run]:
    """List the folders of runs, whatever is left of each."""
    runs = [Run(folder) for folder in sorted((cache_dir / "runs").glob("[!.]*")) if folder.is_dir()]
    return [run for run in runs if (run.folder / "manifest.json").exists() or _subject_runs(run)]


def run_faults(run: Run) -> Iterator[Fault]:
    """Read all of a run, and yield what is not what its trainings left."""
    subject_runs = _subject_runs(run)
    everyone = [subject_run.id for subject_run in subject_runs]
    settings = None
    try:
        settings = run.settings
    except DataError as error:
        yield Fault(run.folder / "manifest.json", error.message, _again(run, everyone))
    for subject_run in subject_runs:
        yield from _subject_faults(run, subject_run, settings)


def mark_faults(cache_dir: Path) -> Iterator[Fault]:
    """Yield the mark of the latest run where it leads to none, or is not what was written."""
    runs = cache_dir / "runs"
    try:
        check_mark(runs, [run.name for run in list_runs(cache_dir)])
    except DataError as error:
        yield Fault(runs / LATEST, error.message, error.hint or "")


def unvouched(run: Run) -> list[SubjectRun]:
    """Return the subjects that an earlier version trained, whose records vouch for nothing."""
    unknown = []
    for subject_run in _subject_runs(run):
        with suppress(DataError):
            if subject_run.vouched is None:
                unknown.append(subject_run)
    return unknown


def adopt(subject_run: SubjectRun) -> None:
    """Have the record of an earlier version vouch for the arrays as they are now.

    Raises
    ------
    DataError, StorageError
        If it is damaged, or cannot be written.
    """
    with hold(subject_run.lock):
        if subject_run.vouched is None:
            subject_run.finish(subject_run.record)


def _subject_runs(run: Run) -> list[SubjectRun]:
    folders = [folder for folder in run.subject_folders() if any(folder.glob("*.npy")) or _has_record(folder)]
    return [SubjectRun(id_of(folder.name), folder) for folder in folders]


def _has_record(folder: Path) -> bool:
    return (folder / "record.json").exists()


def _subject_faults(run: Run, subject_run: SubjectRun, settings: Settings | None) -> Iterator[Fault]:
    again = _again(run, [subject_run.id])
    record = subject_run.folder / "record.json"
    if not record.is_file():
        yield Fault(subject_run.folder, "it holds arrays and no record of what they are", again)
        return
    try:
        subject_run.check_record()
        if settings is not None and not subject_run.may_have(settings):
            yield Fault(record, f"it tells of other settings than {run.folder / 'manifest.json'}", again)
        for path in subject_run.faults():
            yield Fault(path, "it is not what was written, or missing", again)
    except DataError as error:
        yield Fault(record, error.message, again)
        return
    yield from _later_faults(subject_run)


def _later_faults(subject_run: SubjectRun) -> Iterator[Fault]:
    """Yield what is damaged of that which commands have added to a training: they add it again."""
    faults = p_values.faults(subject_run)
    if faults:
        # They may just be replaced: whoever does that holds the subject.
        with suppress(StorageError), hold(subject_run.lock):
            faults = p_values.faults(subject_run)
    for path in faults:
        mend = f"algocli report --run {quote(subject_run.folder.parent.name)} --significance -s {subject_run.id}"
        yield Fault(path, "it is not what was written, or lacks its record", mend)
    model = subject_run.folder / MODEL
    if model.exists() and read_kept(model) is None:
        yield Fault(model, "it is damaged", f"delete {model}: algocli predict fits it anew")


def _again(run: Run, subjects: Sequence[SubjectId]) -> str:
    """Return the command that trains some subjects again, with the settings that are left to be read."""
    for settings in _told(run):
        return f"{command(run, subjects, settings)} --force"
    return f"delete {run.folder}, then train again"


def _told(run: Run) -> Iterator[Settings]:
    with suppress(DataError):
        yield run.settings
    for subject_run in _subject_runs(run):
        with suppress(DataError, KeyError, TypeError, UsageError):
            yield Settings(**subject_run.record["settings"])
