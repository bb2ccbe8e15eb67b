"""Fits an encoding model: a subject's components and responses go in, a run comes out."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from algocli.compute.budget import available_memory, check_memory, gigabytes
from algocli.compute.lock import hold, hold_if_free
from algocli.compute.remarks import Remark, gather
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.digests import digest_other_files, stimuli_digest
from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import recorded
from algocli.encoding.kernels import loads_torch
from algocli.encoding.memory import Size, bytes_needed
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Split
from algocli.encoding.training import Training
from algocli.errors import UsageError
from algocli.features.store.library import find_store
from algocli.features.store.shards import FeatureStore
from algocli.runs import networks
from algocli.runs.claims import tidy
from algocli.runs.datasets import Home, differing, digest_data, tell_changed_data
from algocli.runs.opening import claim
from algocli.runs.p_values import withdraw_damaged
from algocli.runs.run import Run
from algocli.runs.splitting import Sameness, find_sameness, is_same, save_split, saved_split
from algocli.runs.subject_run import SubjectRun


def train_subject(
    subject: Subject,
    run: Run,
    cache_dir: Path,
    *,
    home: Home | None = None,
    stimuli: Path | None = None,
    command_line: Sequence[str] = (),
    force: bool = False,
    device: str = "cpu",
    track: Track = silent,
    note: Note = unheard,
    remarks: list[Remark] | None = None,
) -> SubjectRun:
    """Fit a run's model for one subject, unless that is done already with the same inputs.

    Parameters
    ----------
    home
        The dataset whose other subjects may have seen the same images; by default what lies where the subject does.
    stimuli
        What the images of its features were read from, where these were made of several.
    command_line
        What to record as the way to make this again.
    force
        Fit again even if it is done.
    device
        Where large matrices are multiplied, as torch names it; it changes no more than the last digits.
    remarks
        Takes what is worth saying in the end, for whoever says it of several subjects at once; by default it is noted.

    Raises
    ------
    MissingStep
        If the features are not there or not complete.
    DataError
        If responses are malformed, not finite, or disagree with images or masks.
    UsageError
        If there are fewer dimensions than components; or if the subject was trained on other data, unless by `force`.
    """
    started = time.time()
    settings = run.opened_with or run.settings
    # Held from the beginning on: whoever comes second waits, and finds the work done.
    with hold(run.lock(subject.id), note):
        data, home = digest_data(subject, cache_dir, track), home or Home.of([subject], cache_dir)
        home.learn(subject.id, data)
        same = find_sameness(subject, settings, home, cache_dir, track)
        for line in same.tell(settings):
            note(f"subject {subject.id}: {line}")
        stores, inputs = _inputs(subject, settings, data, cache_dir, stimuli)
        code = regression_of(settings).provenance()
        if not force and _is_done(run, subject.id, settings, inputs, note):
            _refuse_other_code(run, subject.id, code)
            _refuse_other_split(run, subject.id, same, note)
            tidy(run, subject.id)
            withdraw_damaged(run.subject(subject.id), note)
            note(f"subject {subject.id}: run {run.name} is done already")
            return run.subject(subject.id)
        for line in tell_changed_data(subject, inputs, cache_dir):
            note(line)
        split = same.split(settings)
        refuse_unfounded(settings, split, [store.n_features for store in stores])
        needed = _promise(subject, settings, split, stores, device, note)
        without_test = _without_test(subject, stores, settings, note)
        with claim(run, settings, subject, inputs, home, force=force, note=note) as subject_run:
            clock = {"inputs": time.time() - started}
            about: dict[str, Any] = {"held_out": save_split(subject_run, split, len(subject.train_stimuli))}
            training = Training(subject, subject_run, settings, split, stores, device, clock, track, note)
            remarked = training.run(note)
            if remarks is None:
                for line in gather(remarked):
                    note(line)
            else:
                remarks += remarked
            about |= {"memory": needed, "without_test": without_test, **({"regression": code} if code else {})}
            about |= {"other_files": digest_other_files(subject, cache_dir), **same.record()}
            about |= networks.record(cache_dir, settings.features)
            subject_run.finish(_record(subject, settings, inputs, command_line, clock, started) | about)
    return run.subject(subject.id)


def is_trained(
    subject: Subject, run: Run, cache_dir: Path, *, home: Home, stimuli: Path | None = None, track: Track = silent
) -> bool:
    """Say, without a word by the way, whether `train_subject` would find a subject done; not while another trains it.

    Raises
    ------
    AlgocliError
        As `train_subject`, where a subject that is there cannot be compared with its data.
    """
    # Of a subject that is not there nothing has to be read for it.
    if not run.has(subject.id):
        return False
    settings = run.opened_with or run.settings
    with hold_if_free([run.lock(subject.id)]) as free:
        if not free:
            return False
        data = digest_data(subject, cache_dir, track)
        home.learn(subject.id, data)
        _, inputs = _inputs(subject, settings, data, cache_dir, stimuli)
        return _is_done(run, subject.id, settings, inputs, unheard)


def _inputs(
    subject: Subject, settings: Settings, data: Mapping[str, Any], cache_dir: Path, stimuli: Path | None
) -> tuple[list[FeatureStore], dict[str, Any]]:
    """Return the stores that a subject is trained on, and what its record is to say of them and of its `data`."""
    stores = stores_of_training(subject, settings, data["stimuli"], cache_dir, stimuli)
    return stores, {"features": [store.key for store in stores], **data}


def stores_of_training(
    subject: Subject, settings: Settings, content: str, cache_dir: Path, stimuli: Path | None
) -> list[FeatureStore]:
    """Return the stores that a subject is to be trained on, in the order of its layers; `content` digests its images.

    Raises
    ------
    MissingStep, DataError
        If they are not there, or not complete.
    """
    return [find_store(cache_dir, name, subject, content, stimuli) for name in settings.features]


def _refuse_other_code(run: Run, number: SubjectId, code: Mapping[str, Any]) -> None:
    """Refuse to take what a user's own code found for what it finds now that it is another."""
    if run.subject(number).other_code(code):
        raise UsageError(
            f"run {run.name} was trained before {code['module']} was changed",
            hint="choose another name='...', or train again with force=True",
        )


def _refuse_other_split(run: Run, number: SubjectId, same: Sameness, note: Note) -> None:
    """Refuse to take scores on other images for those on the images that are to be held out now."""
    if not same.matters:
        return
    split = same.split(run.settings)
    if is_same(split, saved_split(run.subject(number), len(same.subject.train_stimuli))):
        return
    if same.sharing is not None:
        raise UsageError(
            f"run {run.name} was trained when other subjects' images lay beside those of subject {number}: it held out "
            "other ones than it would now",
            hint="choose another name='...', or train again with force=True",
        )
    note(
        f"subject {number}: run {run.name} was trained by a version that did not keep the same images on one side: its "
        "r may be too high; force=True trains again"
    )


def refuse_unfounded(settings: Settings, split: Split, widths: Sequence[int]) -> None:
    """Refuse what would tell nothing: too many components for the images that are fitted.

    Parameters
    ----------
    widths
        How many features each layer has.

    Raises
    ------
    UsageError
        If there are too many.
    """
    if settings.n_components is not None:
        widths = widths[regression_of(settings).n_read(settings) :]
        n_fit = min(len(fold.fit) for fold in split.folds)
        sets = widths if settings.join == "components" else [sum(widths)]
        n_components = sum(min(settings.n_components, width) for width in sets)
        regression_of(settings).check_components(settings, n_fit, n_components)


def _promise(
    subject: Subject, settings: Settings, split: Split, stores: Sequence[FeatureStore], device: str, note: Note
) -> int:
    """Say how much memory it will take at the most, and refuse what does not fit; return the bytes."""
    seen = regression_of(settings).look_at(settings, stores)
    if seen:
        note(f"subject {subject.id}: {seen}")
    n_held_out = len(split.folds[0].held_out) if settings.shared == "only" else None
    needed = memory_of(subject, settings, stores, device, n_held_out)
    check_memory(needed, remedy="fewer components (n_components=...) need less, and so do fewer layers")
    note(f"subject {subject.id}: up to {gigabytes(needed)} of memory, of {gigabytes(available_memory())} free")
    vertices = [subject.n_vertices(side) for side in subject.sides]
    foretold = regression_of(settings).foretell(settings, stores, len(subject.train_stimuli), vertices, device)
    if foretold:
        note(f"subject {subject.id}: {foretold}")
    return needed


def promised_memory(
    subject: Subject, settings: Settings, cache_dir: Path, stimuli: Path | None = None, device: str = "cpu"
) -> int:
    """Return the bytes that the training of a subject takes at the most, as `train_subject` will say it.

    Raises
    ------
    MissingStep, DataError
        If its features are not there, or its images or responses.
    """
    stores = stores_of_training(subject, settings, stimuli_digest(subject.stimuli, cache_dir), cache_dir, stimuli)
    # Of images that other subjects saw there are no more than these.
    n_held_out = len(subject.train_stimuli) if settings.shared == "only" else None
    return memory_of(subject, settings, stores, device, n_held_out)


def memory_of(
    subject: Subject, settings: Settings, stores: Sequence[FeatureStore], device: str, n_held_out: int | None
) -> int:
    """Return the bytes that a training takes at the most.

    Parameters
    ----------
    n_held_out
        How many images are held out, where the settings do not say it.
    """
    n_vertices = max(map(subject.n_vertices, subject.sides))
    n_columns = regression_of(settings).n_columns(settings, stores)
    size = Size(len(subject.train_stimuli), len(subject.test_stimuli), n_vertices, n_held_out, n_columns)
    return bytes_needed(settings, size, with_torch=loads_torch(stores, settings, device))


def _is_done(run: Run, number: SubjectId, settings: Settings, inputs: dict[str, Any], note: Note) -> bool:
    """Say whether a run has a subject, trained with these settings on these inputs."""
    if not (run.has_settings(settings) and run.has(number)):
        return False
    subject_run = run.subject(number)
    faults = subject_run.faults()
    for path in faults:
        note(f"subject {number}: {path} is damaged, or missing: it is trained again")
    recorded = subject_run.record.get("inputs") or {}
    return (
        not faults
        and subject_run.may_have(settings)
        and differing(recorded, inputs) == []
        and recorded.get("features") == inputs["features"]
    )


def _without_test(subject: Subject, stores: Sequence[FeatureStore], settings: Settings, note: Note) -> list[str]:
    """Return the names of the features that know the training images alone, and say what follows from that."""
    pairs = zip(settings.features, stores, strict=True)
    names = [name for name, store in pairs if store.n_stimuli < len(subject.stimuli)]
    if names:
        note(
            f"subject {subject.id}: {', '.join(names)} has the training images alone: some are held out and "
            "scored, and no test predictions are made"
        )
    return names


def _record(
    subject: Subject,
    settings: Settings,
    inputs: dict[str, Any],
    command_line: Sequence[str],
    clock: dict[str, float],
    started: float,
) -> dict[str, Any]:
    versions = {name: version(name) for name in ("algocli", "numpy", "scipy", "zarr")}
    versions |= regression_of(settings).versions()
    return {
        "subject": subject.id,
        "data": str(subject.folder.resolve()),
        "inputs": inputs,
        "settings": asdict(settings),
        "n_train": len(subject.train_stimuli),
        "n_test": len(subject.test_stimuli),
        **recorded({side: subject.n_vertices(side) for side in subject.sides}),
        "seed": settings.seed,
        "command_line": list(command_line),
        "versions": {"python": platform.python_version(), **versions},
        "seconds": {stage: round(seconds, 3) for stage, seconds in clock.items()},
        "started_at": started,
        "finished_at": time.time(),
    }
