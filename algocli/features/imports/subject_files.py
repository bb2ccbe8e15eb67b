"""Says which of several files is which subject's: by the number or name in theirs, or in the order of the subjects."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from algocli.compute.remarks import counted
from algocli.dataset.naming import SubjectId, by_id
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import StimulusId
from algocli.errors import UsageError
from algocli.features.imports.formats.matrix import Matrix
from algocli.features.imports.locating import Key, is_keyed_by_id

_SUBJECT = re.compile(r"(?<![a-z0-9])(?:subject|subj|sub)[-_ ]?0{0,2}([1-8])(?![0-9])", re.IGNORECASE)
_SHORT = re.compile(r"(?<![a-z0-9])s[-_]?0{0,2}([1-8])(?![a-z0-9])", re.IGNORECASE)
_PLACE = "{subject"


def named_subject(path: Path) -> int | None:
    """Return the subject that a file is named after, as in features_subj03.npy; None where that is not one."""
    numbers = {int(number) for number in _SUBJECT.findall(path.name)}
    return numbers.pop() if len(numbers) == 1 else None


def is_per_subject(files: Sequence[Path]) -> bool:
    """Say whether there is a file for each subject, and not one for all."""
    return len(files) > 1 or _PLACE in str(files[0])


def assign_files(files: Sequence[Path], subjects: Sequence[SubjectId], *, asked: bool) -> dict[SubjectId, Path]:
    """Return the file of each subject.

    Parameters
    ----------
    files
        As many as subjects; or one whose path has {subject}, or {subject:02d}, for its number or name.
    subjects
        In the order in which they were asked for.
    asked
        Whether they were asked for at all: otherwise they are all that the data has, and only numbers in the files'
        names say which are meant.

    Raises
    ------
    UsageError
        If the files' names and the subjects do not fit together.
    """
    if len(files) == 1 and _PLACE in str(files[0]):
        return {number: _fill(files[0], number) for number in subjects}
    numbers = _owners(files, subjects)
    if numbers is not None and (not asked or set(numbers) == set(subjects)):
        strangers = sorted(set(numbers) - set(subjects), key=by_id)
        if strangers:
            raise UsageError(f"{files[numbers.index(strangers[0])]}: the data has no subject {strangers[0]}")
        return dict(sorted(zip(numbers, files, strict=True), key=lambda pair: by_id(pair[0])))
    if numbers is not None:
        named, wanted = (", ".join(map(str, sorted(some, key=by_id))) for some in (numbers, subjects))
        raise UsageError(f"the files are named after subject {named}; asked for was {wanted}")
    if not asked:
        raise UsageError(
            f"{counted(len(files), 'files')}, and their names do not say whose they are",
            hint="name the subjects in the order of the files, as in -s 1 -s 2",
        )
    if len(files) != len(subjects):
        raise UsageError(
            f"{counted(len(files), 'files')} for {counted(len(subjects), 'subjects')}",
            hint="give a file for each subject",
        )
    return dict(zip(subjects, files, strict=True))


def refuse_another(
    matrix: Matrix, subjects: Sequence[Subject], ids: Sequence[StimulusId] | None, key: Key | None
) -> None:
    """Refuse rows in the order of one subject's images for several, or for another than the file is named after.

    Raises
    ------
    UsageError
        If they are given so.
    """
    kind, numbers = subjects[0].ids, [subject.id for subject in subjects]
    if is_keyed_by_id(matrix, ids, key, kind):
        return
    owner, called = named_subject(matrix.path), matrix.path.name
    if owner is None:
        owner, called = named_subject(matrix.path.parent), f"{matrix.path.parent.name}/{called}"
    if len(numbers) > 1:
        raise UsageError(
            f"the rows of {matrix.name} are in the order of one subject's images; {len(numbers)} subjects were chosen",
            hint=f"say whose they are, as in subjects={owner or numbers[0]}, or give each row's {kind.name} with "
            "ids_file=...",
        )
    # Several subjects have as many images: nothing else would tell.
    if key is None and owner is not None and [owner] != list(numbers):
        raise UsageError(
            f"{called} is named after subject {owner}, and subject {numbers[0]} was asked for",
            hint=f"subjects={owner}; or say key='row' if its rows are in the order of subject {numbers[0]}'s images",
        )


def _fill(path: Path, number: SubjectId) -> Path:
    try:
        return Path(str(path).format(subject=number))
    except (KeyError, IndexError, ValueError) as error:
        raise UsageError(
            f"{path} is no pattern of a subject's file", hint="as in 'subj{subject:02d}.npy', with no other braces"
        ) from error


def _owners(files: Sequence[Path], subjects: Sequence[SubjectId]) -> list[SubjectId] | None:
    """Return each file's subject, by its number or else by its name; None where this is not evident for all."""
    numbers = _numbers(files)
    if numbers is not None:
        return [*numbers]
    words = [name for name in subjects if isinstance(name, str)]
    named = {name: re.compile(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z0-9])", re.IGNORECASE) for name in words}
    owners_of = [[name for name, pattern in named.items() if pattern.search(file.name)] for file in files]
    owners = [some[0] for some in owners_of if len(some) == 1]
    return [*owners] if len(owners) == len(set(owners)) == len(files) else None


def _numbers(files: Sequence[Path]) -> list[int] | None:
    """Return each file's subject; None where this is not evident for all, or two are of one."""
    for pattern in (_SUBJECT, _SHORT):
        # The nearest part of the path that tells all files apart.
        for depth in range(max(len(path.parts) for path in files)):
            parts = [path.parts[-1 - depth] if depth < len(path.parts) else "" for path in files]
            numbers_in = [set(pattern.findall(part)) for part in parts]
            numbers = [int(number) for some in numbers_in if len(some) == 1 for number in some]
            if len(numbers) == len(set(numbers)) == len(files):
                return numbers
    return None
