"""Which data a run is of: its subjects' images and responses, told apart by what is in them.

A folder may be moved, copied or filled anew: what counts is the content that each subject of a run was trained on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from algocli.compute.remarks import list_some
from algocli.compute.track import Track, silent
from algocli.dataset.digests import digest_other_files, stimuli_digest
from algocli.dataset.naming import SubjectId, check_subject_name, name_of
from algocli.dataset.opening import open_dataset
from algocli.dataset.protocol import Subject, image_width_of
from algocli.dataset.sides import check_sides
from algocli.errors import DataError, UsageError
from algocli.runs.finding import list_runs
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
    responses = subject.digest_responses(cache_dir, track)
    stimuli = stimuli_digest(subject.stimuli, cache_dir, track=track)
    return {"responses": dict(responses), "stimuli": stimuli}


def differing(inputs: object, others: object) -> list[str] | None:
    """Say what differs between the data of two records' inputs: responses, images, or nothing.

    None where one of them does not say enough. Records of old say nothing of images.
    """
    told = [
        data for data in (inputs, others) if isinstance(data, Mapping) and isinstance(data.get("responses"), Mapping)
    ]
    if len(told) < 2:
        return None
    first, second = told
    return [word for kind, word in _KINDS.items() if kind in first and kind in second and first[kind] != second[kind]]


def tell_changed(subject: Subject, subject_run: SubjectRun, cache_dir: Path) -> Iterator[str]:
    """Say which files beside images and training responses are not what they were when a run was trained.

    ROIs, noise ceilings and test responses may well be replaced; nothing tells that from damage. What has come since is
    nobody's fault, and records of old do not say.
    """
    known = subject_run.record.get("other_files") or {}
    digests = digest_other_files(subject, cache_dir) if known else {}
    changed = sorted(name for name, digest in known.items() if digests.get(name) != digest)
    if changed:
        files = list_some([subject.folder / name for name in changed], 1)
        when = f"after run {subject_run.folder.parent.name} was trained"
        yield f"subject {subject_run.id}: {files} changed, or went, {when}"


def tell_changed_data(subject: Subject, inputs: object, cache_dir: Path) -> Iterator[str]:
    """Say what of a subject's data is not what the latest run of the same folder was trained on: it may be damaged."""
    here = subject.folder.resolve()
    for run in list_runs(cache_dir):
        with suppress(DataError):
            known = run.subject(subject.id) if run.has(subject.id) else None
            if known is not None and known.data_folder == here:
                faults = differing(known.record.get("inputs"), inputs)
                if faults:
                    what = f"the {' and '.join(faults)} in {here}"
                    yield f"subject {subject.id}: {what} changed after run {run.name} was trained"
                yield from tell_changed(subject, known, cache_dir)
                return


def refuse_other_data(runs: Sequence[Run], number: SubjectId, *, doing: str, images: bool = False) -> None:
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
        subject_run = run.subject(number)
        faults = differing(first.record.get("inputs"), subject_run.record.get("inputs")) or []
        if "responses" in faults or (images and faults):
            raise UsageError(
                f"run {runs[0].name} and run {run.name} cannot be {doing}: they were trained on other "
                f"{' and '.join(faults)} of subject {number}, in {first.data_folder} and {subject_run.data_folder}",
                hint="take runs of one dataset",
            )


def refuse_another_place(
    subject: Subject, subject_run: SubjectRun, cache_dir: Path, *, doing: str, track: Track = silent
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
    trained_on, here = subject_run.data_folder, subject.folder.resolve()
    if trained_on is None or trained_on == here:
        return
    faults = differing(subject_run.record.get("inputs"), digest_data(subject, cache_dir, track))
    if faults:
        raise UsageError(
            f"the predictions of subject {subject_run.id} cannot be {doing} on {here}: it was trained on {trained_on}, "
            f"and the {' and '.join(faults)} differ",
            hint="name the data that it was trained on with data_dir=...",
        )


@dataclass(frozen=True)
class Verdict:
    """What the subjects of a run have to do with a dataset.

    `same` were trained on what the dataset holds of them, `other` on something else, as they say; of `unknown` it
    cannot be told. `is_there` says whether the run was begun in the dataset's own folder.
    """

    same: tuple[SubjectId, ...]
    other: Mapping[SubjectId, str]
    unknown: tuple[SubjectId, ...]
    is_there: bool

    @property
    def agrees(self) -> bool:
        """Whether the run is of this dataset."""
        return not self.other and (self.is_there or bool(self.same))

    def agrees_without(self, numbers: Collection[SubjectId]) -> bool:
        """Say whether a run is of this dataset as soon as some of its subjects have been trained again."""
        rest = {*self.same, *self.other, *self.unknown} - {*numbers}
        return self.agrees or (rest <= {*self.same} and (bool(rest) or self.is_there))


@dataclass(frozen=True)
class Home:
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
    _given: Mapping[SubjectId, Subject] = field(default_factory=dict, compare=False, repr=False)
    _known: dict[SubjectId, dict[str, Any] | None] = field(default_factory=dict, compare=False, repr=False)

    @staticmethod
    def of(subjects: Sequence[Subject], cache_dir: Path, track: Track = silent) -> Home:
        """Return the dataset that some subjects belong to.

        Raises
        ------
        UsageError
            If they lie in several folders, or nothing can be named after one, or after its sides.
        """
        for subject in subjects:
            check_subject_name(subject.name)
            check_sides(subject.sides)
        # Each subject may be a link; the folder that holds it is the dataset's.
        folders = sorted({subject.home.resolve() for subject in subjects})
        if len(folders) != 1:
            raise UsageError(
                f"the subjects of a run are of one dataset; these lie in {' and '.join(map(str, folders))}",
                hint="train those of each folder by themselves, under another name",
            )
        return Home(folders[0], cache_dir, track, {subject.id: subject for subject in subjects})

    @property
    def image_width(self) -> float | None:
        """How wide images were seen, in degrees of visual angle; None where the dataset does not say it."""
        return next(iter({image_width_of(subject) for subject in self._given.values()}), None)

    @cached_property
    def subject_ids(self) -> tuple[SubjectId, ...]:
        """The subjects that the folder holds, in its order."""
        with suppress(DataError):
            return open_dataset(self.folder).subject_ids
        return tuple(self._given)

    def others(self, number: SubjectId) -> list[Subject]:
        """Return all subjects that are there but one.

        Raises
        ------
        DataError
            If one is there and cannot be opened.
        """
        rest = [other for other in self.subject_ids if other != number]
        return [self._given.get(other) or open_dataset(self.folder).subject(other) for other in rest]

    def digests(self, number: SubjectId) -> dict[str, Any] | None:
        """Return the digests of a subject's data; None where the folder has not all of it."""
        if number not in self._known and (number in self._given or number in self.subject_ids):
            with suppress(DataError):
                subject = self._given.get(number) or open_dataset(self.folder).subject(number)
                self._known[number] = digest_data(subject, self.cache_dir, self.track)
        return self._known.setdefault(number, None)

    def learn(self, number: SubjectId, digests: Mapping[str, Any]) -> None:
        """Take these for the digests of a subject's data, which have just been made."""
        self._known[number] = dict(digests)

    def judge(self, run: Run) -> Verdict:
        """Compare every finished subject of a run with what the folder holds of it."""
        same, other, unknown = [], {}, []
        for number in run.subjects:
            digests = self.digests(number)
            faults = None if digests is None else differing(run.subject(number).record.get("inputs"), digests)
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
        return any(place == (self.folder / name_of(number)).resolve() for number, place in places.items())
