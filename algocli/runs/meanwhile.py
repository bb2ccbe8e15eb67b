"""Notices where a run is trained again while something is made of it, which would be of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from algocli.errors import Replaced
from algocli.runs.run import Run


@contextmanager
def unreplaced(runs: Sequence[Run]) -> Iterator[None]:
    """Hold that runs stay what they are within a `with` block, in which all is read that is told together.

    A subject that is added meanwhile does no harm.

    Raises
    ------
    Replaced
        If a subject of one of them was trained again; whoever is `anew` tries once more.
    """
    before = [_trained(run) for run in runs]
    yield
    for run, those in zip(runs, before, strict=True):
        after = _trained(run)
        if any(after.get(subject) != when for subject, when in those.items()):
            raise Replaced(f"run {run.name} was trained again while it was read", hint="repeat the command")


def _trained(run: Run) -> dict[object, object]:
    """Return when each subject was finished, which no two trainings have in common."""
    return {subject: run.subject(subject).record.get("finished_at") for subject in run.subjects}
