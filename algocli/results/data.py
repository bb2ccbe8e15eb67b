"""Subjects from wherever each one's data lies, as one challenge that figures can be made of."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.errors import DataError
from algocli.results.data_of_runs import recorded_subjects
from algocli.runs.run import Run


class Gathered(Challenge):
    """Some subjects, each in a folder of its own; there may be none."""

    def __init__(self, subjects: Iterable[Subject], folder: Path) -> None:
        self.folder = folder
        self._subjects = {subject.number: subject for subject in subjects}
        self.found = tuple(sorted(self._subjects))

    def subject(self, number: int) -> Subject:
        """Return one subject by its number."""
        if number not in self._subjects:
            raise DataError(f"the data of subject {number} is gone", hint="name the data that has it with data_dir=...")
        return self._subjects[number]


def gather(run: Run, usual: Path, numbers: Iterable[int] | None = None) -> Gathered:
    """Gather the data that a run's subjects were trained on; one whose data is gone is missing.

    Parameters
    ----------
    usual
        The data folder to take where the recorded one is gone.
    numbers
        By default all subjects of the run.

    Raises
    ------
    MissingStep
        If the run has not been trained on a subject that was asked for.
    """
    origins = recorded_subjects(run, usual, numbers)
    return Gathered((origin.subject for origin in origins if origin.subject is not None), usual)
