"""Subjects from wherever each one's data lies, as one dataset that figures can be made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from algocli.dataset.naming import AnySubjectId, SubjectId, by_id, check_subject_id, check_subject_ids
from algocli.dataset.protocol import Subject
from algocli.errors import DataError
from algocli.results.data_of_runs import recorded_subjects
from algocli.runs.run import Run


class Gathered:
    """Some subjects, each in a folder of its own; there may be none."""

    def __init__(self, subjects: Iterable[Subject], folder: Path) -> None:
        self.folder = folder
        self._subjects = {subject.id: subject for subject in subjects}
        self.subject_ids = tuple(sorted(self._subjects, key=by_id))

    def subject(self, which: AnySubjectId) -> Subject:
        """Return one subject by its number or name."""
        subject = self._subjects.get(check_subject_id(which))
        if subject is None:
            raise DataError(f"the data of subject {which} is gone", hint="name the data that has it with data_dir=...")
        return subject

    def subjects(self, which: Iterable[AnySubjectId] | AnySubjectId | None = None) -> list[Subject]:
        """Return the subjects asked for, each once, or all that are there."""
        return [self.subject(number) for number in (self.subject_ids if which is None else check_subject_ids(which))]


def gather(runs: Run | Sequence[Run], usual: Path, numbers: Iterable[SubjectId] | None = None) -> Gathered:
    """Gather the data that the subjects of runs were trained on; one whose data is gone is missing.

    Parameters
    ----------
    runs
        Of which the first that still knows the data of a subject is asked.
    usual
        The data folder to take where the recorded one is gone.
    numbers
        By default all subjects of the first run.

    Raises
    ------
    MissingStep
        If a run has not been trained on a subject that was asked for.
    """
    runs = [runs] if isinstance(runs, Run) else runs
    present: dict[SubjectId, Subject] = {}
    for number in runs[0].subjects if numbers is None else check_subject_ids(numbers):
        origins = (recorded_subjects(run, usual, [number])[0] for run in runs if run is runs[0] or run.has(number))
        subjects = (
            origin.subject for origin in sorted(origins, key=lambda origin: bool(origin.note)) if origin.subject
        )
        if (subject := next(subjects, None)) is not None:
            present[number] = subject
    return Gathered(present.values(), usual)
