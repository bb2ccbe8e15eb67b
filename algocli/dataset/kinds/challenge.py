"""A folder in the challenge's own layout: subj01, subj02 and so on."""

from __future__ import annotations

import os
from pathlib import Path

from algocli.dataset.challenge.layout import SUBJECTS, subject_folder
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.naming import SubjectId


def recognises(folder: Path) -> bool:
    """Say whether a subject's folder is there."""
    # Below a folder that may not be entered, os.path answers False where pathlib raises.
    return any(os.path.isdir(folder / subject_folder(number)) for number in SUBJECTS)  # noqa: PTH112


def open_folder(folder: Path) -> Challenge:
    """Open it, or say why it is none."""
    return Challenge(folder)


def find_subject(which: SubjectId, folder: Path) -> Subject | None:
    """Return the subject of that number, whatever its folder is called: it may be where a link led."""
    is_there = which in SUBJECTS and os.path.isdir(folder)  # noqa: PTH112
    return Subject(int(which), folder) if is_there else None
