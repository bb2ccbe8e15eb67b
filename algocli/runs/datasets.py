"""Which data a run is of: its subjects' images and responses, told apart by what is in them.

A folder may be moved, copied or filled anew: what counts is the content that each subject of a run was trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from algocli.compute.track import Track, silent
from algocli.dataset.challenge.layout import SUBJECTS, subject_folder
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.digests import digest_files, stimuli_digest
from algocli.dataset.sides import HEMISPHERES
from algocli.errors import DataError, UsageError
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun

# What of a record's inputs is the data's, and what to call it.
_KINDS = {"responses": "responses", "stimuli": "images"}


def digest_data(subject: Subject, cache_dir: Path, track: Track = silent) -> dict[str, Any]:
    """Return the digests of a subject's training responses and of all its images, as a record's inputs have them.

    Raises
    ------
    DataError
        If a file is missing or cannot be read.
    """
    paths = [subject.layout.responses("train", hemisphere) for hemisphere in HEMISPHERES]
    digests = digest_files(paths, cache_dir, track=track)
    stimuli = stimuli_digest(subject.stimuli, cache_dir, track=track)
    return {"responses": dict(zip(HEMISPHERES, digests, strict=True)), "stimuli": stimuli}


def differing(inputs: object, others: object) -> list[str] | None:
    """Say what differs between the data of two records' inputs: responses, images, or nothing.

    None where one of them does not say enough. Records of old say nothing of images.
    """
    told = [one for one in (inputs, others) if isinstance(one, Mapping) and isinstance(one.get("responses"), Mapping)]
    if len(told) < 2:
        return None
    one, other = told
    return [word for kind, word in _KINDS.items() if kind in one and kind in other and one[kind] != other[kind]]


def refuse_other_data(runs: Sequence[Run], number: int, *, doing: str, images: bool = False) -> None:
    """Refuse to put runs together that were trained on different data of a subject.

    Parameters
    ----------
    doing
        What cannot be done, as in 'compared'.
    images
        Whether other images, too, forbid it; else only other responses do.

    Raises
    ------
    UsageError
        If their records say so.
    MissingStep
        If a run has not been trained on the subject.
    """
    first = runs[0].subject(number)
    for run in runs[1:]:
        share = run.subject(number)
        faults = differing(first.record.get("inputs"), share.record.get("inputs")) or []
        if "responses" in faults or (images and faults):
            raise UsageError(
                f"run {runs[0].name} and run {run.name} cannot be {doing}: they were trained on other "
                f"{' and '.join(faults)} of subject {number}, in {first.data_folder} and {share.data_folder}",
                hint="take runs of one dataset",
            )


def refuse_another_place(
    subject: Subject, share: SubjectRun, cache_dir: Path, *, doing: str, track: Track = silent
) -> None:
    """Refuse data of another folder than a subject was trained on, unless it holds the same.

    Parameters
    ----------
    doing
        What cannot be done, as in 'scored'.

    Raises
    ------
    UsageError
        If its responses or images differ from those of the subject's record.
    """
    trained_on, here = share.data_folder, subject.layout.folder.resolve()
    if trained_on is None or trained_on == here:
        return
    faults = differing(share.record.get("inputs"), digest_data(subject, cache_dir, track))
    if faults:
        raise UsageError(
            f"the predictions of subject {share.number} cannot be {doing} on {here}: it was trained on {trained_on}, "
            f"and the {' and '.join(faults)} differ",
            hint="name the data that it was trained on with --data-dir",
        )


@dataclass(frozen=True)
class Verdict:
    """What the subjects of a run have to do with a dataset.

    `same` were trained on what the dataset holds of them, `other` on something else, as they say; of `unknown` it
    cannot be told. `is_there` says whether the run was begun in the dataset's own folder.
    """

    same: tuple[int, ...]
    other: Mapping[int, str]
    unknown: tuple[int, ...]
    is_there: bool

    @property
    def agrees(self) -> bool:
        """Whether the run is of this dataset."""
        return not self.other and (self.is_there or bool(self.same))

    def agrees_without(self, numbers: Collection[int]) -> bool:
        """Say whether a run is of this dataset as soon as some of its subjects have been trained again."""
        rest = {*self.same, *self.other, *self.unknown} - {*numbers}
        return self.agrees or (rest <= {*self.same} and (bool(rest) or self.is_there))


@dataclass(frozen=True)
class Dataset:
    """A folder that holds subjects; what is in them is digested when it is asked for.

    Attributes
    ----------
    folder
        Where it is, links followed.
    cache_dir
        Where digests are remembered.
    """

    folder: Path
    cache_dir: Path
    track: Track = silent
    _known: dict[int, dict[str, Any] | None] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(subjects: Sequence[Subject], cache_dir: Path, track: Track = silent) -> Dataset:
        """Return the dataset that some subjects belong to.

        Raises
        ------
        UsageError
            If they lie in several folders.
        """
        # Each subject may be a link; the folder that holds it is the dataset's.
        folders = sorted({subject.layout.folder.parent.resolve() for subject in subjects})
        if len(folders) != 1:
            raise UsageError(
                f"the subjects of a run are of one dataset; these lie in {' and '.join(map(str, folders))}",
                hint="train those of each folder by themselves, under another name",
            )
        return Dataset(folders[0], cache_dir, track)

    @cached_property
    def found(self) -> tuple[int, ...]:
        """The subjects that the folder holds, rising."""
        return tuple(n for n in SUBJECTS if (self.folder / subject_folder(n)).is_dir())

    def digests(self, number: int) -> dict[str, Any] | None:
        """Return the digests of a subject's data; None where the folder has not all of it."""
        if number in self.found and number not in self._known:
            subject = Subject(number, self.folder / subject_folder(number))
            with suppress(DataError):
                self._known[number] = digest_data(subject, self.cache_dir, self.track)
        return self._known.setdefault(number, None)

    def judge(self, run: Run) -> Verdict:
        """Compare every finished subject of a run with what the folder holds of it."""
        same, other, unknown = [], {}, []
        for number in run.subjects:
            found = self.digests(number)
            faults = None if found is None else differing(run.subject(number).record.get("inputs"), found)
            if faults is None:
                unknown.append(number)
            elif faults:
                other[number] = " and ".join(faults)
            else:
                same.append(number)
        return Verdict(tuple(same), other, tuple(unknown), self._is_home_of(run))

    def _is_home_of(self, run: Run) -> bool:
        if run.data is not None:
            return Path(run.data) == self.folder
        # Runs of old do not say where they were begun, but where each subject was trained.
        places = {number: run.subject(number).data_folder for number in run.subjects}
        return any(place == (self.folder / subject_folder(number)).resolve() for number, place in places.items())
