"""Whether the runs of a cache are what their trainings left, and what mends each that is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from algocli.compute.arrays import read_kept
from algocli.compute.lock import hold
from algocli.compute.vouching import Fault
from algocli.dataset.naming import id_of
from algocli.encoding.settings import Settings
from algocli.errors import DataError, StorageError
from algocli.features.store.derived import forget
from algocli.runs import p_values
from algocli.runs.commands import again
from algocli.runs.finding import list_runs
from algocli.runs.latest import LATEST, check_mark, read_mark
from algocli.runs.run import Run
from algocli.runs.subject_run import INNER, MODEL, SubjectRun


def all_runs(cache_dir: Path) -> list[Run]:
    """List the folders of runs, whatever is left of each."""
    runs = [Run(folder) for folder in sorted((cache_dir / "runs").glob("[!.]*")) if folder.is_dir()]
    return [run for run in runs if (run.folder / "manifest.json").exists() or subject_runs_in(run)]


def run_faults(run: Run) -> Iterator[Fault]:
    """Read all of a run, and yield what is not what its trainings left."""
    subject_runs = subject_runs_in(run)
    everyone = [subject_run.id for subject_run in subject_runs]
    settings = None
    try:
        settings = run.settings
    except DataError as error:
        yield Fault(run.folder / "manifest.json", error.message, error.hint or again(run.folder, everyone))
    for subject_run in subject_runs:
        yield from _subject_faults(run, subject_run, settings)


def mark_faults(cache_dir: Path) -> Iterator[Fault]:
    """Yield the mark of the latest run where it leads to none, or is not what was written."""
    runs = cache_dir / "runs"
    mark = read_mark(runs)
    try:
        check_mark(runs, mark, [run.name for run in list_runs(cache_dir)])
    except DataError as error:
        yield Fault(runs / LATEST, error.message, error.hint or "")


def subject_runs_in(run: Run) -> list[SubjectRun]:
    """Return the subjects of which a run has anything, finished or not."""
    folders = [folder for folder in run.subject_folders() if any(folder.glob("*.npy")) or _has_record(folder)]
    return [SubjectRun(id_of(folder.name), folder) for folder in folders]


def _has_record(folder: Path) -> bool:
    return (folder / "record.json").exists()


def _subject_faults(run: Run, subject_run: SubjectRun, settings: Settings | None) -> Iterator[Fault]:
    mend = again(run.folder, [subject_run.id])
    record = subject_run.folder / "record.json"
    if not record.is_file():
        yield Fault(subject_run.folder, "it holds arrays and no record of what they are", mend)
        return
    try:
        subject_run.check_record()
        if settings is not None and not _may_have(run, subject_run, settings):
            manifest = run.folder / "manifest.json"
            yield Fault(record, f"it tells of other settings than {manifest}", subject_run.again_as_it_was())
        for path in subject_run.faults():
            yield Fault(path, "it is not what was written, or missing", mend)
    except DataError as error:
        yield Fault(record, error.message, error.hint or mend)
        return
    yield from _later_faults(subject_run)


def _may_have(run: Run, subject_run: SubjectRun, settings: Settings) -> bool:
    # The run may have been trained again after one was read and before the other.
    return subject_run.may_have(settings) or SubjectRun(subject_run.id, subject_run.folder).may_have(run.settings)


def _later_faults(subject_run: SubjectRun) -> Iterator[Fault]:
    """Yield what is damaged of that which commands have added to a training: they add it again."""
    faults = p_values.faults(subject_run)
    if faults:
        # They may just be replaced: whoever does that holds the subject.
        with suppress(StorageError), hold(subject_run.lock):
            faults = p_values.faults(subject_run)
    for path in faults:
        yield Fault(path, "it is not what was written, or lacks its record", p_values.make_again(subject_run))
    for kept in (subject_run.folder / name for name in (MODEL, INNER)):
        if kept.exists() and read_kept(kept) is None:
            forget(kept)
            yield Fault(kept, "it is damaged", "nothing needs to be done: whatever needs it fits it anew")
