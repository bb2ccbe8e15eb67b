"""Says on which images a run was scored, and who was fitted on what is for the test, as its records tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from algocli.dataset.naming import SubjectId, list_subjects
from algocli.runs.run import Run


def tell_split(run: Run, numbers: Sequence[SubjectId]) -> Iterator[str]:
    """Say on which images a run was scored, where that is not as usual, and where its data has one image twice."""
    which = {"only": "was scored on the", "exclude": "neither fitted nor held out the"}.get(run.settings.shared)
    records = {number: run.subject(number).record for number in numbers}
    if which is not None:
        told = (f"subject {number}: {_n_shared(record)}" for number, record in records.items())
        yield f"run {run.name} {which} training images that other subjects saw too ({'; '.join(told)})"
    yield from tell_fitted_tests(run, numbers)


def tell_fitted_tests(run: Run, numbers: Sequence[SubjectId]) -> Iterator[str]:
    """Say whose test images a run was trained on, under other names."""
    copied = [number for number in numbers if _n_copies(run.subject(number).record)]
    if copied:
        yield f"{list_subjects(copied)} had test images for training too: scores on the test images are too high"


def _n_shared(record: Mapping[str, Any]) -> str:
    told = record.get("shared")
    return f"{told['n_train']} of {record.get('n_train')}" if isinstance(told, Mapping) and "n_train" in told else "?"


def _n_copies(record: Mapping[str, Any]) -> int:
    told = record.get("copies")
    return int(told.get("test", 0)) if isinstance(told, Mapping) else 0
