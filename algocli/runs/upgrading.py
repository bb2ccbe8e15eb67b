"""What earlier versions left of runs without digests, and how it gets those that today's records hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from algocli.compute.lock import hold
from algocli.compute.vouching import Upgrade
from algocli.errors import DataError
from algocli.runs import p_values
from algocli.runs.audit import subject_runs_in
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


def unvouched(run: Run) -> list[Path]:
    """Return the records of subjects, and of p values, that an earlier version wrote and that vouch for no array."""
    unknown = []
    for subject_run in subject_runs_in(run):
        with suppress(DataError):
            if subject_run.vouched is None:
                unknown.append(subject_run.folder / "record.json")
        if p_values.is_unvouched(subject_run):
            unknown.append(subject_run.folder / p_values.RECORD)
    return unknown


def upgrade(run: Run) -> Iterator[Upgrade]:
    """Have the records of a run vouch for its arrays as they are; to be called where nothing is wrong with the run.

    Each is replaced at once, so that whoever is stopped in between goes on from there.

    Raises
    ------
    DataError, StorageError
        If the settings are damaged, or a record cannot be written.
    """
    settings = asdict(run.settings)
    for subject_run in subject_runs_in(run):
        with hold(subject_run.lock):
            if subject_run.vouched is None:
                _vouch(subject_run, settings)
                yield Upgrade(subject_run.folder / "record.json", on_trust=True)
            if p_values.is_unvouched(subject_run):
                p_values.vouch(subject_run)
                yield Upgrade(subject_run.folder / p_values.RECORD, on_trust=True)


def _vouch(subject_run: SubjectRun, settings: dict[str, object]) -> None:
    # What is kept for new images goes by the record, which changes.
    model = subject_run.model()
    subject_run.finish({"settings": settings, **subject_run.record})
    if model is not None:
        subject_run.save_model(model, subject_run.record_digest())
