"""A folder of images and nothing else: what one compares networks by, or with measurements that lie elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.track import Track, silent
from algocli.dataset.challenge.layout import IMAGE_NAME
from algocli.dataset.naming import AnySubjectId, SubjectId, check_subject_ids, is_name, is_numbered
from algocli.dataset.pixels import SUFFIXES
from algocli.dataset.plain import PlainSubject
from algocli.dataset.sides import Side, Split
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError, reading

# What the images are called where nothing can be named after their folder.
_NAME = "images"


class Viewer(PlainSubject):
    """Whoever might see the images of a folder, in the order of their names: nobody has measured a response."""

    sides = ("all",)

    def __init__(self, folder: Path) -> None:
        name = folder.resolve().name
        self.name, self.folder = name if is_name(name) else _NAME, folder

    @cached_property
    def train_stimuli(self) -> tuple[Stimulus, ...]:  # type: ignore[override]
        """All images, by name."""
        return tuple(Stimulus(row, "train", path.name, path) for row, path in enumerate(_images(self.folder)))

    def n_vertices(self, side: Side) -> int:
        """None."""
        return 0

    def has_responses(self, split: Split) -> bool:
        """Say that there are none."""
        return False

    def responses(self, split: Split, side: Side) -> NDArray[np.float32]:
        """Refuse."""
        raise self._no_responses()

    def digest_responses(self, cache_dir: Path, track: Track = silent) -> Mapping[Side, str]:
        """Refuse."""
        raise self._no_responses()

    def _no_responses(self) -> DataError:
        return DataError(
            f"{self.folder} holds images, and no responses to them",
            hint="features of them can be compared with each other, or with RDMs: algocli similarity --rdm FILE",
        )


class Pictures:
    """A folder of images as a dataset."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._viewer = Viewer(folder)
        self.subject_ids: tuple[SubjectId, ...] = (self._viewer.id,)

    def subject(self, which: AnySubjectId) -> Viewer:
        """Return who sees them."""
        return self.subjects(which)[0]

    def subjects(self, which: Iterable[AnySubjectId] | AnySubjectId | None = None) -> list[Viewer]:
        """Return the one who sees them, asked for by name or not."""
        for asked in () if which is None else check_subject_ids(which):
            if asked != self._viewer.id:
                raise DataError(f"{self.folder} is a folder of images, and has no subject {asked}")
        return [self._viewer]


def recognises(folder: Path) -> bool:
    """Say whether images lie in a folder itself: not beside subjects, and none of a subject's of the challenge."""
    # Below a folder that may not be entered, os.path answers False where pathlib raises.
    if not os.path.isdir(folder) or not os.access(folder, os.R_OK | os.X_OK):  # noqa: PTH112
        return False
    if any(is_numbered(path.name) for path in folder.iterdir()):
        return False
    names = [path.name for path in _images(folder)]
    return bool(names) and not any(map(IMAGE_NAME.fullmatch, names))


def open_folder(folder: Path) -> Pictures:
    """Open it."""
    return Pictures(folder)


def find_subject(which: SubjectId, folder: Path) -> Viewer | None:
    """Return None: without responses there is no run to record it."""
    return None


def _images(folder: Path) -> list[Path]:
    with reading(folder):
        there = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return [path for path in there if path.suffix.lower() in SUFFIXES and not path.is_dir()]
