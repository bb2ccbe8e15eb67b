"""What a subject is called: one with a name such as subj03 by its number, any other by its name.

The name is that of the folders that are its own, in a feature cache as in a run; what tables, records and messages say,
and what a function takes, is its id: 3 for subj03, 'anna' for anna. Each follows from the other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol, SupportsIndex, TypeVar

from algocli.compute.choices import check_whole, each_of, said
from algocli.errors import UsageError

SubjectId = int | str


class WithId(Protocol):
    """A subject, or its part of a run."""

    @property
    def id(self) -> SubjectId:
        """What it goes by."""
        ...


# As a caller may put it: a number may be of any kind, such as numpy's; a subject at hand stands for its own.
AnySubjectId = SubjectId | SupportsIndex | WithId
IdT = TypeVar("IdT", int, SubjectId)

_LARGEST = 99
_NUMBERED = re.compile(r"subj(?:0[1-9]|[1-9][0-9])")
_NUMBER = re.compile(r"0?[1-9]|[1-9][0-9]")
# Nothing that could lead out of a folder, be hidden in it, or be taken for an option of a command.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,99}")


def id_of(name: str) -> SubjectId:
    """Return the id of the subject that a folder is named after."""
    return int(name.removeprefix("subj")) if is_numbered(name) else name


def is_numbered(name: str) -> bool:
    """Say whether a name says a number, as in subj01."""
    return _NUMBERED.fullmatch(name) is not None


def name_of(subject: SubjectId) -> str:
    """Return the name of a subject, as in 'subj01'."""
    return subject if isinstance(subject, str) else f"subj{subject:02d}"


def is_name(word: str) -> bool:
    """Say whether a subject, and its folders, can be named so."""
    return bool(_NAME.fullmatch(word)) and not (word.isdecimal() or word.endswith((".", ".json", ".lock")))


def check_subject_name(name: object) -> str:
    """Return the name of a subject of any dataset, after which folders can be named.

    Raises
    ------
    UsageError
        If none can; or if it is digits alone, which are a number: that of subj01 is 1, too.
    """
    if not isinstance(name, str) or not is_name(name):
        raise UsageError(
            f"{said('subject', name)}: no subject can be called so",
            hint="a name has letters, and may have digits, dots, dashes and underscores: sub-01, but not 01",
        )
    return name


def list_subjects(subjects: Sequence[SubjectId]) -> str:
    """Name subjects by their ids, as in 'subjects 1, 6'."""
    noun = "subject" if len(subjects) == 1 else "subjects"
    return f"{noun} {', '.join(map(str, subjects))}" if subjects else "no subject"


def by_id(subject: SubjectId) -> tuple[bool, Any]:
    """Return what subjects are sorted by: numbers first, and rising."""
    return isinstance(subject, str), subject


def check_subject_id(value: object) -> SubjectId:
    """Return a subject's id from its number, whole or as a word, its name, or itself: 1, '1', 'subj01' are one subject.

    Raises
    ------
    UsageError
        If no subject can be called so.
    """
    # A subject at hand stands for its id, as does its part of a run.
    value = getattr(value, "id", value)
    if not isinstance(value, str):
        return check_whole("subject", value, 1, _LARGEST)
    if _NUMBER.fullmatch(value):
        return int(value)
    return id_of(check_subject_name(value))


def check_subject_ids(value: object) -> tuple[SubjectId, ...]:
    """Return the id of one subject or of several, each once, in their order.

    Raises
    ------
    UsageError
        If no subject can be called so, or there is none.
    """
    return check_each(value, check_subject_id)


def check_each(value: object, check: Callable[[object], IdT]) -> tuple[IdT, ...]:
    """Return what `check` makes of one subject or of several, each once, in their order; there must be one."""
    ids = tuple(dict.fromkeys(check(subject) for subject in each_of(value)))
    if not ids:
        raise UsageError("no subject is named", hint="None stands for all that there are")
    return ids
