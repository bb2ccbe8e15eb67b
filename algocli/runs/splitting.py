"""Which images of a subject a run fits and holds out, given which of them are the same, and which others saw too.

What a training has decided stays with the run: who fits its models once more needs no other subject's images for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import list_some
from algocli.compute.track import Track, silent
from algocli.dataset.conversions import count_images
from algocli.dataset.copies import Sharing, find_copies, find_shared
from algocli.dataset.naming import list_subjects
from algocli.dataset.protocol import Subject
from algocli.encoding.settings import Settings
from algocli.encoding.splits import Fold, Split, make_split
from algocli.errors import DataError
from algocli.runs.datasets import Home
from algocli.runs.subject_run import SubjectRun, digest_split

_LEFT_OUT = "left_out_rows"


@dataclass(frozen=True)
class Sameness:
    """Which images of a subject are the same.

    Attributes
    ----------
    first : (n_stimuli,)
        The row of the first of its images with the same pixels, training first.
    sharing
        Which of them other subjects saw; None where the settings do not ask for it.
    """

    subject: Subject
    first: NDArray[np.int64]
    sharing: Sharing | None

    @property
    def copies(self) -> NDArray[np.int64]:
        """The rows of training images that have the pixels of one before them, (n_copies,)."""
        n_train = len(self.subject.train_stimuli)
        return np.flatnonzero(self.first[:n_train] < np.arange(n_train))

    @property
    def fitted_tests(self) -> NDArray[np.int64]:
        """The rows, among all images, of test images that are for training as well, (n_some,)."""
        n_train = len(self.subject.train_stimuli)
        return n_train + np.flatnonzero(self.first[n_train:] < n_train)

    @property
    def matters(self) -> bool:
        """Whether a split depends on it."""
        return self.sharing is not None or len(self.copies) > 0

    def split(self, settings: Settings) -> Split:
        """Split the training images as the settings say.

        Raises
        ------
        DataError
            If there are too few to be split so.
        """
        n_train = len(self.subject.train_stimuli)
        shared = np.zeros(n_train, dtype=bool) if self.sharing is None else self.sharing.rows[:n_train]
        return make_split(settings, self.first[:n_train], shared)

    def tell(self, settings: Settings) -> Iterator[str]:
        """Say what is the same, and what follows from it, in a line each."""
        if len(self.copies):
            have, they = ("has", "it stays") if len(self.copies) == 1 else ("have", "they stay")
            yield (
                f"{count_images(len(self.copies))} for training {have} the pixels of another "
                f"({self._names(self.copies)}): {they} on its side of the split, fitted or held out"
            )
        if len(self.fitted_tests):
            have = "has" if len(self.fitted_tests) == 1 else "have"
            yield (
                f"{count_images(len(self.fitted_tests))} for the test {have} the pixels of one for training "
                f"({self._names(self.fitted_tests)}): a score on the test images will be too high"
            )
        if self.sharing is not None:
            yield self._told_sharing(self.sharing, settings)

    def record(self) -> dict[str, Any]:
        """Return what a record keeps of it: how many images are copies, and what others saw, where it was asked for."""
        kept: dict[str, Any] = {}
        if len(self.copies) or len(self.fitted_tests):
            kept["copies"] = {"train": len(self.copies), "test": len(self.fitted_tests)}
        if self.sharing is not None:
            n_shared = int(self.sharing.rows[: len(self.subject.train_stimuli)].sum())
            kept["shared"] = {"n_train": n_shared, "with": list(self.sharing.others)}
        return kept

    def _told_sharing(self, sharing: Sharing, settings: Settings) -> str:
        n_train = len(self.subject.train_stimuli)
        n_shared = int(sharing.rows[:n_train].sum())
        done = "held out" if settings.shared == "only" else "left out"
        n_by_pixels = int(sharing.rows.sum()) - sharing.n_by_id
        by_id = f"{self.subject.ids.name}s" if self.subject.ids.n is not None else ""
        by_pixels = "pixels" if not by_id else f"{n_by_pixels} by their pixels alone" if n_by_pixels else ""
        how = ", ".join(filter(None, [by_id, by_pixels]))
        them = f"{list_subjects(sharing.others)} saw too, which their {how} tell"
        return f"{n_shared} of {n_train} images for training are {done}: those that {them}"

    def _names(self, rows: NDArray[np.int64]) -> str:
        """Name some images, each with the first that it is the same as."""
        names = [image.path.name for image in self.subject.stimuli]
        return list_some([f"{names[row]} those of {names[self.first[row]]}" for row in rows.tolist()])


def find_sameness(subject: Subject, settings: Settings, home: Home, cache_dir: Path, track: Track = silent) -> Sameness:
    """Find which images of a subject are the same as others of its own, and of the dataset, if the settings ask for it.

    Raises
    ------
    DataError
        If images are missing; or if the settings ask for what other subjects saw, and there are none.
    StorageError
        If `cache_dir` cannot be written.
    """
    first = find_copies([image.path for image in subject.stimuli], cache_dir, track=track)
    if settings.shared == "all":
        return Sameness(subject, first, None)
    others = home.others(subject.id)
    if not others:
        raise DataError(
            f"shared='{settings.shared}' needs the images of other subjects: {home.folder} holds none but "
            f"{subject.name}'s",
            hint="put other subjects of the dataset beside it, or leave shared=... away",
        )
    return Sameness(subject, first, find_shared(subject, others, cache_dir, track=track))


def save_split(subject_run: SubjectRun, split: Split, n_train: int) -> dict[str, Any]:
    """Keep a split with a run; return what the record says of the images held out."""
    rows = np.concatenate([fold.held_out for fold in split.folds])
    of_fold = np.repeat(np.arange(len(split.folds)), [len(fold.held_out) for fold in split.folds])
    subject_run.save("validation_rows", rows)
    subject_run.save("validation_folds", of_fold)
    left_out = np.setdiff1d(np.arange(n_train), split.used)
    if len(left_out):
        subject_run.save(_LEFT_OUT, left_out)
    else:
        subject_run.discard(_LEFT_OUT)
    of_what = {"split": "train", "n_images": len(rows), "n_folds": len(split.folds)}
    return {**of_what, "digest": digest_split(rows, of_fold)}


def saved_split(subject_run: SubjectRun, n_train: int) -> Split:
    """Return the split that a run was trained with.

    Raises
    ------
    DataError
        If it is damaged.
    """
    rows, folds = np.asarray(subject_run.validation_rows()), np.asarray(subject_run.validation_folds())
    used = np.arange(n_train)
    if subject_run.has_array(_LEFT_OUT):
        used = np.setdiff1d(used, subject_run.array(_LEFT_OUT))
    parts = [np.sort(rows[folds == fold]) for fold in np.unique(folds)]
    return Split([Fold(np.setdiff1d(used, part), part) for part in parts], used)


def is_same(first: Split, second: Split) -> bool:
    """Say whether two splits hold out, and fit, the same images."""
    return np.array_equal(first.used, second.used) and (
        [fold.held_out.tolist() for fold in first.folds] == [fold.held_out.tolist() for fold in second.folds]
    )
