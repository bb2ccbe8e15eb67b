"""What the functions of the pipeline take alike: subjects, runs, and the folders that they find both in."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from algocli.compute.choices import check_kind
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.errors import UsageError
from algocli.runs.run import Run

# A folder of challenge data, or one that is open already.
Data = Challenge | Path | str

_FIND_RUN = "algocli.find_run(cache_dir, name) returns one"
_FIND_SUBJECTS = "Challenge(folder).subjects() returns all there are"


def each_subject(subjects: object) -> list[Subject]:
    """Return one subject or several as a list.

    Raises
    ------
    UsageError
        If there is none, or one of them is something else.
    """
    if isinstance(subjects, Subject):
        return [subjects]
    if isinstance(subjects, str | bytes) or not isinstance(subjects, Iterable):
        raise UsageError(
            f"subjects: a Subject, or several, was expected; found {type(subjects).__name__}", hint=_FIND_SUBJECTS
        )
    found = [check_kind("subjects", one, Subject, _FIND_SUBJECTS) for one in subjects]
    if not found:
        raise UsageError("subjects: there is none", hint=_FIND_SUBJECTS)
    return found


def one_run(run: object) -> Run:
    """Return what is a run.

    Raises
    ------
    UsageError
        If it is something else, such as a run's name.
    """
    return check_kind("run", run, Run, _FIND_RUN)


def each_run(runs: object) -> list[Run]:
    """Return one run or several as a list; there may be none.

    Raises
    ------
    UsageError
        If one of them is something else, such as a run's name.
    """
    several = runs if isinstance(runs, Iterable) and not isinstance(runs, str | bytes) else [runs]
    return [check_kind("runs", one, Run, _FIND_RUN) for one in several]


def as_challenge(data_dir: Data) -> Challenge:
    """Return the challenge in a folder, or one that is open already."""
    return data_dir if isinstance(data_dir, Challenge) else Challenge(data_dir)


def refuse_file(folder: Path) -> None:
    """Refuse a file where a folder is to be written to.

    Raises
    ------
    UsageError
        If it is one.
    """
    if folder.is_file():
        raise UsageError(f"{folder} is a file; a folder was expected")
