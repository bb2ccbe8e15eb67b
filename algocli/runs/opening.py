"""Opens the run that a training goes into: one that is of the same data, whatever it is called and wherever that lies.

A run is of one dataset. Whoever begins, replaces or claims a part of one holds the lock of all runs for that moment, so
that of two processes that begin at once the second finds what the first has begun.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from algocli.compute.files import read_json, write_json
from algocli.compute.leftovers import delete_folder
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.track import Note, unheard
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.encoding.names import is_automatic, with_data
from algocli.encoding.settings import Settings
from algocli.errors import UsageError, writing
from algocli.runs.datasets import Home, Verdict, differing
from algocli.runs.mixtures import whose
from algocli.runs.run import SCHEMA, Run, check_run_name
from algocli.runs.subject_run import SubjectRun

_WAY_OUT = "choose another name='...', or replace the whole run with force=True"


def _lock_of_runs(cache_dir: Path) -> Path:
    """Return the lock under which runs are begun, replaced and claimed: held for a moment at a time."""
    return cache_dir / "runs" / ".lock"


def open_run(cache_dir: Path, name: str, settings: Settings, *, replace: bool = False) -> Run:
    """Open the run of that name, making it where it does not exist.

    Parameters
    ----------
    replace
        Whether a run of that name with other settings is to be deleted.

    Raises
    ------
    UsageError
        If a run of that name was made with other settings and is not to be replaced, or is being trained.
    """
    run = Run(cache_dir / "runs" / name)
    with hold(_lock_of_runs(cache_dir)):
        _begin(run, settings, replace=replace)
    return run


def open_on(
    dataset: Home,
    settings: Settings,
    numbers: Collection[SubjectId],
    *,
    name: str | None = None,
    force: bool = False,
    note: Note = unheard,
) -> Run:
    """Open the run in which some subjects of a dataset are to be trained, making it where there is none.

    Parameters
    ----------
    numbers
        The subjects to be trained now.
    name
        By default the one that says the settings. Where a run of other data has it, a digest of this dataset follows.
    force
        Replace a run of that name with other settings or of other data, as a whole. The subjects named are trained
        again anyhow: where they alone have changed, the rest of the run stays.

    Raises
    ------
    UsageError
        If the run of that name was made with other settings or of other data, and is not to be replaced.
    """
    home = dataset.cache_dir / "runs"
    named = Run(home / (settings.default_name if name is None else check_run_name(name)))
    # Digests may take a while, and are remembered: nobody else is to wait for that.
    if named.has_settings(settings):
        dataset.judge(named)
    with hold(_lock_of_runs(dataset.cache_dir), note):
        if name is not None:
            _take(named, dataset, settings, numbers, force=force, note=note)
            return named
        run = _find(dataset, settings, numbers if force else ())
        run = run or (named if _is_free(named, settings) else _with_digest(named, dataset, settings))
        if run.name != named.name:
            note(f"run {named.name} is of other data: this one is {run.name}")
        _take(run, dataset, settings, numbers, force=force, note=note)
        return run


def claim(
    run: Run, settings: Settings, subject: Subject, inputs: Mapping[str, Any], *, force: bool, note: Note
) -> SubjectRun:
    """Begin a subject of a run, if it still is what it was when it was opened. Hold its lock.

    Raises
    ------
    UsageError
        If another process has replaced the run meanwhile, or the subject was trained on other data than now and is not
        to be trained again.
    """
    with hold(_lock_of_runs(run.cache_dir), note):
        if not run.has_settings(settings):
            raise UsageError(f"run {run.name} was deleted or replaced meanwhile", hint="repeat the command")
        dataset = Home.of([subject], run.cache_dir)
        if run.data not in (None, str(dataset.folder)):
            verdict = dataset.judge(run)
            if not (verdict.agrees_without([subject.id]) if force else verdict.agrees):
                raise UsageError(
                    f"run {run.name} was begun on {run.data} meanwhile; this is {dataset.folder}", hint=_WAY_OUT
                )
        if run.has(subject.id) and not force:
            faults = differing(run.subject(subject.id).record.get("inputs"), inputs)
            if faults:
                told = {subject.id: " and ".join(faults)}
                raise _refusal(run, dataset, Verdict((), told, (), is_there=True))
        return run.start_subject(subject.id)


def _begin(run: Run, settings: Settings, data: Path | None = None, *, replace: bool = False) -> bool:
    """Make a run where there is none with these settings; say whether it was made. Hold the lock of runs.

    Parameters
    ----------
    data
        The folder that holds the subjects.

    Raises
    ------
    UsageError
        As `open_run` does; or if there are subjects of nobody knows which settings.
    """
    manifest, run.opened_with = run.folder / "manifest.json", settings
    if replace and not run.has_settings(settings):
        _remove(run)
    if manifest.is_file():
        if run.settings != settings and run.settings == settings.as_before:
            raise UsageError(
                f"run {run.name} is of an earlier version, which chose each vertex's penalty by another rule: with the "
                "components of all fitted images, those left out included",
                hint="choose another name='...', or replace it with force=True",
            )
        if run.settings != settings:
            raise UsageError(
                f"run {run.name} exists and was made with other settings: {run.settings.default_name}",
                hint="choose another name='...', or replace it with force=True",
            )
        return False
    if any((subject_folder / "record.json").exists() for subject_folder in run.subject_folders()):
        raise UsageError(
            f"{run.folder} holds subjects, and nothing says with which settings they were trained",
            hint="choose another name='...', or replace it with force=True",
        )
    whose = {} if data is None else {"data": str(data)}
    write_json(manifest, {"schema": SCHEMA, "name": run.name, "settings": asdict(settings), **whose})
    return True


def _remove(run: Run) -> None:
    """Delete a run, none of it before what makes it count. Hold the lock of runs.

    Raises
    ------
    UsageError
        If a process trains it.
    StorageError
        If it may not be deleted.
    """
    if run.folder.is_symlink():
        raise UsageError(f"{run.folder} is a link to a run elsewhere", hint="delete the link, or choose another name")
    # A folder that is no run is nobody's to delete.
    if not ((run.folder / "manifest.json").exists() or run.subject_folders()):
        return
    with hold_if_free(run.locks()) as free, writing(run.folder):
        if not free:
            raise UsageError(f"run {run.name} is being trained", hint="wait for it to end, or choose another name")
        delete_folder(run.folder, "manifest.json")


def _take(
    run: Run, dataset: Home, settings: Settings, numbers: Collection[SubjectId], *, force: bool, note: Note
) -> None:
    """Make a run the dataset's own, or refuse."""
    if _begin(run, settings, dataset.folder, replace=force):
        return
    verdict = dataset.judge(run)
    if verdict.agrees or _is_nobodys(run):
        _sign(run, dataset, verdict)
    elif force and verdict.agrees_without(numbers):
        _sign(run, dataset, verdict, anew=True)
    elif force:
        note(f"run {run.name} was of other data, {whose(run, run.subjects)}: it is replaced as a whole")
        _remove(run)
        _begin(run, settings, dataset.folder)
    else:
        raise _refusal(run, dataset, verdict)


def _sign(run: Run, dataset: Home, verdict: Verdict, *, anew: bool = False) -> None:
    """Have a run say where its data lies, unless it does, or some of it may be of another dataset."""
    is_gone = run.data is None or not Path(run.data).is_dir()
    if anew or not run.subjects or (is_gone and not verdict.unknown):
        manifest = run.folder / "manifest.json"
        write_json(manifest, {**read_json(manifest), "data": str(dataset.folder)})


def _is_nobodys(run: Run) -> bool:
    """Say whether a run has nothing of any data: no subject is finished, and none is being trained."""
    with hold_if_free(run.locks()) as free:
        return free and not run.subjects


def _is_free(run: Run, settings: Settings) -> bool:
    """Say whether a name is to be had: nobody has it, or nobody's data, or somebody gave it to other settings."""
    return not run.has_settings(settings) or _is_nobodys(run)


def _find(dataset: Home, settings: Settings, again: Collection[SubjectId]) -> Run | None:
    """Find the dataset's own among the runs named after some settings, or one that will be, once some are trained."""
    usual, changed = settings.default_name, None
    for manifest in sorted((dataset.cache_dir / "runs").glob("*/manifest.json"), key=lambda path: path.parent.name):
        run = Run(manifest.parent)
        if is_automatic(run.name, usual) and run.has_settings(settings):
            verdict = dataset.judge(run)
            if verdict.agrees:
                return run
            if again and verdict.is_there and verdict.agrees_without(again):
                changed = changed or run
    return changed


def _with_digest(named: Run, dataset: Home, settings: Settings) -> Run:
    """Name a run of a dataset beside that of another: by what the first subject is, by the first two, and so on."""
    known = []
    for number in dataset.found:
        known.append((number, dataset.digests(number)))
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        run = Run(named.folder.with_name(with_data(named.name, digest)))
        if _is_free(run, settings):
            return run
    raise _refusal(named, dataset, dataset.judge(named))


def _refusal(run: Run, dataset: Home, verdict: Verdict) -> UsageError:
    """Say which subjects were trained on what."""
    trained = f"run {run.name} was trained on other data ({whose(run, run.subjects)})"
    if verdict.other:
        what = "; ".join(f"{faults} of subject {number} differ" for number, faults in verdict.other.items())
        return UsageError(f"{trained}: in {dataset.folder} the {what}", hint=_WAY_OUT)
    if not run.subjects:
        return UsageError(f"run {run.name} is being trained on {run.data}, not {dataset.folder}", hint=_WAY_OUT)
    return UsageError(
        f"{trained}, or nothing shows that {dataset.folder} is the same",
        hint=f"{_WAY_OUT}; a folder is the same if it holds a subject of the run, unchanged",
    )
