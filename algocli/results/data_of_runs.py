"""Finds the data that a run was trained on again, subject by subject, from the run's own records."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from algocli.dataset.naming import SubjectId, check_subject_ids, name_of
from algocli.dataset.opening import find_subject
from algocli.dataset.protocol import Subject
from algocli.errors import DataError
from algocli.runs.datasets import tell_changed
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


@dataclass(frozen=True)
class Origin:
    """A subject of a run and the data behind it; `subject` is None where no data is left.

    `note` says what is gone, and which data stands in; it is empty where nothing is.
    """

    subject: Subject | None
    subject_run: SubjectRun
    note: str = ""


def recorded_subjects(run: Run, usual: Path, numbers: Iterable[SubjectId] | None = None) -> list[Origin]:
    """Find each subject's data: in the folder of its record, else in the usual data folder, else nowhere.

    Parameters
    ----------
    usual
        The data folder that commands take unless told otherwise.
    numbers
        By default all subjects of the run.

    Raises
    ------
    MissingStep
        If the run has not been trained on a subject that was asked for.
    """
    chosen = run.subjects if numbers is None else check_subject_ids(numbers)
    return [_origin(run.subject(n), usual) for n in chosen]


def refuse_gone(run: Run, usual: Path) -> None:
    """Refuse a run none of whose subjects' data can be found.

    Raises
    ------
    DataError
        With where the first was.
    """
    origins = recorded_subjects(run, usual)
    if origins and all(origin.subject is None for origin in origins):
        first = origins[0].note
        there = "" if str(usual) in first else f", and {usual} does not have it"
        raise DataError(f"{first}{there}", hint="name the data with data_dir=...")


def recorded_subject(subject_run: SubjectRun) -> Subject | None:
    """Return the data that a subject of a run was trained on; None where it is gone, or was never recorded."""
    folder = subject_run.data_folder
    return find_subject(subject_run.id, folder) if folder is not None and _is_folder(folder) else None


def tell_other_places(pairs: Iterable[tuple[Subject, SubjectRun]]) -> Iterator[str]:
    """Say which subjects were trained on the data of another folder than that which their scores are told of.

    It may be a copy; or ROIs, noise ceilings and test responses may be another dataset's.
    """
    moved: dict[tuple[Path, Path], list[SubjectId]] = {}
    for subject, subject_run in pairs:
        trained_on, here = subject_run.data_folder, subject.folder.resolve()
        if trained_on is not None and trained_on != here:
            moved.setdefault((trained_on.parent, here.parent), []).append(subject_run.id)
    for (trained_on, here), numbers in moved.items():
        listed = ", ".join(map(str, dict.fromkeys(numbers)))
        yield f"subject {listed} was trained on {trained_on}; ROIs and the like are those of {here}"


def tell_changed_files(pairs: Iterable[tuple[Subject | None, SubjectRun]]) -> Iterator[str]:
    """Say which files that scores are told by are not what they were when a subject was trained."""
    for subject, subject_run in pairs:
        if subject is not None:
            yield from tell_changed(subject, subject_run, Run(subject_run.folder.parent).cache_dir)


def tell_data(pairs: Sequence[tuple[Subject, SubjectRun]]) -> Iterator[str]:
    """Say in what the data that scores are told of is not that which their subjects were trained on."""
    yield from tell_other_places(pairs)
    yield from tell_changed_files(pairs)


def _origin(subject_run: SubjectRun, usual: Path) -> Origin:
    subject = recorded_subject(subject_run)
    if subject is not None:
        return Origin(subject, subject_run)
    trained_on = subject_run.data_folder
    gone = f"subject {subject_run.id} was trained on {trained_on}, which is gone" if trained_on else ""
    place = usual / name_of(subject_run.id)
    stand_in = find_subject(subject_run.id, place) if _is_folder(place) else None
    if stand_in is not None:
        return Origin(stand_in, subject_run, f"{gone}: {place} takes its place" if gone else "")
    return Origin(None, subject_run, gone or f"{place} is not there")


def _is_folder(path: Path) -> bool:
    # Below a folder that may not be entered, os.path answers False where pathlib raises.
    return os.path.isdir(path)  # noqa: PTH112
