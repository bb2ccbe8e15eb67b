"""Opens the run that a training goes into: one that is of the same data, whatever it is called and wherever that lies.

A run is of one dataset. Whoever begins, replaces or deletes one, or puts a subject into it, holds the lock of all runs
for that moment, so that of two processes that begin at once the second finds what the first has begun. A subject is
made aside and put into the run once it is whole. A run that is to be replaced stays until the first subject of the new
one is whole, which then takes the place of all of it; whoever trains other subjects of the new one joins that.
What of that rests on locks, and what does not, is told in `aside.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from algocli.compute.caches import where_writable
from algocli.compute.lock import hold
from algocli.compute.places import standing
from algocli.compute.track import Note, unheard
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.encoding.names import is_automatic, with_data, with_words
from algocli.encoding.settings import Settings
from algocli.errors import AlgocliError, UsageError
from algocli.runs.aside import aside, clear, in_training, publish
from algocli.runs.claims import begun, claimed, holds_some, is_free, is_nobodys, lock_of_runs, trained_at, withdraw
from algocli.runs.datasets import Home, Verdict, differing
from algocli.runs.manifest import write_manifest
from algocli.runs.mixtures import whose
from algocli.runs.run import Run, check_run_name
from algocli.runs.subject_run import SubjectRun

_WAY_OUT = "choose another name='...', or replace the whole run with force=True"


def open_run(cache_dir: Path, name: str, settings: Settings, *, replace: bool = False) -> Run:
    """Open the run of that name, making it where it does not exist.

    Parameters
    ----------
    replace
        Whether a run of that name with other settings is to be replaced, once a subject has been trained.

    Raises
    ------
    UsageError
        If a run of that name was made with other settings and is not to be replaced, or is being trained.
    """
    run = Run(cache_dir / "runs" / name)
    run.opened_with = settings
    with hold(lock_of_runs(cache_dir)):
        if not _begin(run, settings, replace=replace) and not holds_some(run):
            write_manifest(run.folder, settings, None)
            withdraw(run)
    return run


def open_on(
    dataset: Home,
    settings: Settings,
    numbers: Collection[SubjectId],
    *,
    name: str | None = None,
    words: str = "",
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
    words
        What a run that is begun says after its settings, where it has no other name.
    force
        Replace a run of that name with other settings or of other data, as a whole, once a subject has been trained.
        The subjects named are trained again anyhow: where they alone have changed, the rest of the run stays.

    Raises
    ------
    UsageError
        If the run of that name was made with other settings or of other data, and is not to be replaced.
    """
    settings, home = settings.seen_at(dataset.image_width), dataset.cache_dir / "runs"
    named = Run(home / (with_words(settings.default_name, words) if name is None else check_run_name(name)))
    if named.has_settings(settings):
        _digest_ahead(dataset, named)
    with hold(lock_of_runs(dataset.cache_dir), note):
        if name is not None:
            _take(named, dataset, settings, numbers, force=force, note=note)
            return named
        run = _find(dataset, settings, numbers if force else ())
        run = run or (named if is_free(named, settings) else _with_digest(named, dataset, settings))
        if run.name != named.name and named.has_settings(settings):
            note(f"run {named.name} is of other data: this one is {run.name}")
        _take(run, dataset, settings, numbers, force=force, note=note)
        return run


@contextmanager
def claim(
    run: Run, settings: Settings, subject: Subject, inputs: Mapping[str, Any], dataset: Home, *, force: bool, note: Note
) -> Iterator[SubjectRun]:
    """Begin a subject of a dataset aside, to be finished within the `with` block, at whose end it is put into the run.

    Hold its lock. Unless told to `force` its way, the run has to be what it was when it was opened.

    Raises
    ------
    UsageError
        If another process has replaced the run meanwhile, or the subject was trained on other data than now and is not
        to be trained again.
    StorageError
        If it cannot be put there.
    """
    lock = lock_of_runs(run.cache_dir)
    with ExitStack() as held:
        with hold(lock, note):
            if not (force or begun(run).has_settings(settings)):
                raise UsageError(f"run {run.name} was deleted or replaced meanwhile", hint="repeat the command")
            clear(run, subject.id)
            _joins(run, settings, dataset, subject.id, inputs, force=force)
            before = trained_at(run, subject.id)
            made = held.enter_context(aside(run, subject.id))
            write_manifest(made.folder, settings, dataset.folder, name=run.name)
        yield made.start_subject(subject.id)
        if force:
            _digest_ahead(dataset, run)
        is_there = False
        while not is_there:
            with hold(lock, note):
                stood = standing(run.folder.resolve())
                joins = _joins(run, settings, dataset, subject.id, inputs, force=force)
                is_there = joins and not force and trained_at(run, subject.id) not in (None, before)
                if is_there:
                    note(
                        f"subject {subject.id}: another machine has trained it meanwhile; that stays in run {run.name}"
                    )
                is_there = is_there or publish(made, run, subject.id, whole=not joins, stood=stood)
                withdraw(run)


def _digest_ahead(dataset: Home, run: Run) -> None:
    """Digest what a dataset has of a run's subjects, which may take a while and is remembered: nobody is to wait."""
    # Without the lock of runs, subjects may go meanwhile.
    with suppress(AlgocliError):
        dataset.judge(run)


def _joins(
    run: Run, settings: Settings, dataset: Home, number: SubjectId, inputs: Mapping[str, Any], *, force: bool
) -> bool:
    """Say whether a subject is of the run that there is, or else of one that replaces it. Hold the lock of runs.

    Raises
    ------
    UsageError
        If it is neither.
    """
    is_there, told = _begin(run, settings, dataset.folder, replace=force), begun(run)
    if not force and told.data not in (None, str(dataset.folder)) and not dataset.judge(told).agrees:
        raise UsageError(f"run {run.name} was begun on {told.data} meanwhile; this is {dataset.folder}", hint=_WAY_OUT)
    if force and is_there:
        return dataset.judge(run).agrees_without({*run.opened_for, number})
    if is_there and run.has(number):
        faults = differing(run.subject(number).record.get("inputs"), inputs)
        if faults:
            raise _refusal(run, dataset, Verdict((), {number: " and ".join(faults)}, (), is_there=True))
    return is_there


def _begin(run: Run, settings: Settings, data: Path | None = None, *, replace: bool = False) -> bool:
    """See that a run with these settings may be made, and say whether there is one; where not, claim its name.

    Hold the lock of runs.

    Parameters
    ----------
    data
        The folder that holds the subjects.

    Raises
    ------
    UsageError
        As `open_run` does; or if there are subjects of nobody knows which settings.
    """
    if run.has_settings(settings):
        withdraw(run)
        return True
    told = begun(run)
    if told is not run and told.has_settings(settings):
        return False
    if replace:
        _refuse_to_replace(run, settings, data)
        if holds_some(run):
            return False
    elif told is run:
        how = f"exists and was made with other settings: {run.settings.default_name}"
        if run.settings == settings.as_before:
            how = "is of an earlier version, which chose each vertex's penalty by another rule: with the components "
            how += "of all fitted images, those left out included"
        raise UsageError(f"run {run.name} {how}", hint="choose another name='...', or replace it with force=True")
    elif holds_some(run):
        what = f"{run.folder} holds subjects, and nothing says with which settings they were trained"
        raise UsageError(what, hint="choose another name='...', or replace it with force=True")
    elif not is_nobodys(run):
        raise UsageError(f"run {run.name} is being trained with other settings", hint="choose another name='...'")
    write_manifest(told.folder, settings, data)
    return told is run


def _refuse_to_replace(run: Run, settings: Settings, data: Path | None) -> None:
    """Refuse to replace a run that lies elsewhere, or into which another process trains what would be lost.

    Raises
    ------
    UsageError
        If it is such a run.
    """
    if run.folder.is_symlink():
        raise UsageError(f"{run.folder} is a link to a run elsewhere", hint="delete the link, or choose another name")
    for made in in_training(run):
        if not made.has_settings(settings) or (data is not None and made.data not in (None, str(data))):
            raise UsageError(f"run {run.name} is being trained", hint="wait for it to end, or choose another name")


def _take(
    run: Run, dataset: Home, settings: Settings, numbers: Collection[SubjectId], *, force: bool, note: Note
) -> None:
    """Make a run the dataset's own, or refuse."""
    run.opened_with, run.opened_for = settings, frozenset(numbers)
    _begin(run, settings, dataset.folder, replace=force)
    told = begun(run)
    if not told.has_settings(settings):
        # It stays until something of what replaces it is whole.
        return
    verdict = dataset.judge(told)
    if verdict.agrees or is_nobodys(run):
        _sign(told, dataset, verdict)
    elif force and verdict.agrees_without(numbers):
        _sign(told, dataset, verdict, anew=True)
    elif force:
        _refuse_to_replace(run, settings, dataset.folder)
        note(f"run {run.name} was of other data, {whose(run, run.subjects)}: it is replaced as a whole")
    else:
        raise _refusal(told, dataset, verdict)


def _sign(run: Run, dataset: Home, verdict: Verdict, *, anew: bool = False) -> None:
    """Have a run say where its data lies, unless it does, or some of it may be of another dataset."""
    is_gone = run.data is None or not Path(run.data).is_dir()
    if anew or not run.subjects or (is_gone and not verdict.unknown):
        manifest = run.folder / "manifest.json"
        with where_writable(run.folder):
            write_sealed(manifest, {**read_sealed(manifest), "data": str(dataset.folder)})


def _find(dataset: Home, settings: Settings, again: Collection[SubjectId]) -> Run | None:
    """Find the dataset's own among the runs named after some settings, or one that will be, once some are trained."""
    usual, changed = settings.default_name, None
    runs = dataset.cache_dir / "runs"
    for name in sorted({path.parent.name for path in (*runs.glob("*/manifest.json"), *claimed(runs))}):
        run = Run(runs / name)
        told = begun(run)
        if is_automatic(run.name, usual) and told.has_settings(settings):
            verdict = dataset.judge(told)
            if verdict.agrees:
                return run
            if again and verdict.is_there and verdict.agrees_without(again):
                changed = changed or run
    return changed


def _with_digest(named: Run, dataset: Home, settings: Settings) -> Run:
    """Name a run of a dataset beside that of another: by what the first subject is, by the first two, and so on."""
    known = []
    for number in dataset.subject_ids:
        known.append((number, dataset.digests(number)))
        digest = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
        run = Run(named.folder.with_name(with_data(named.name, digest)))
        if is_free(run, settings):
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
