"""What several files say of each image of some subjects, file by file: COCO's own take gigabytes of memory each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from algocli.compute.remarks import list_some
from algocli.compute.track import Track
from algocli.dataset.nsd.coco import read_coco_images
from algocli.dataset.protocol import Subject
from algocli.errors import DataError, UsageError
from algocli.features.words.coco import CocoFile
from algocli.features.words.saying import Origins, Shown, WordsFile
from algocli.features.words.tables import Table

T = TypeVar("T")
_FORMATS: dict[str, Callable[[Path], WordsFile]] = {".json": CocoFile, ".csv": Table, ".tsv": Table}


@dataclass
class Said(Generic[T]):
    """What is said of a subject's images, by their places; images that no file knows are not among them."""

    subject: Subject
    by_place: dict[int, list[T]] = field(default_factory=dict)

    def rows(self, files: Sequence[Path]) -> list[list[T]]:
        """Return what is said of each image: of all of them, or of the training images alone.

        Raises
        ------
        DataError
            If no file knows one of them.
        """
        stimuli, n_train = self.subject.stimuli, len(self.subject.train_stimuli)
        missing = [place for place in range(len(stimuli)) if place not in self.by_place]
        if missing == list(range(n_train, len(stimuli))):
            return [self.by_place[place] for place in range(n_train)]
        if missing:
            first = stimuli[missing[0]]
            several = len(files) > 1
            raise DataError(
                f"{list_some([file.name for file in files])} {'lack' if several else 'lacks'} {len(missing):,} of the "
                f"{len(stimuli):,} images of {self.subject.name}; the first is {self.subject.ids.name} {first.id} "
                f"({first.path.name})",
                hint="COCO's train2017 and val2017 hold them together: name both files; "
                "a table has a line for each image, its label empty where it shows nothing",
            )
        return [self.by_place[place] for place in range(len(stimuli))]


def gather_captions(
    subjects: Sequence[Subject], files: Sequence[Path], coco: Path | None, track: Track
) -> list[Said[str]]:
    """Return the captions of each subject's images, those of one file after those of another.

    Parameters
    ----------
    coco
        The table of where images were cut out of COCO's; None where files call images as the subjects do.

    Raises
    ------
    UsageError
        If a file is of no kind that is read, or was named twice, or the table is of another dataset.
    DataError
        If one cannot be read, or has no captions.
    """
    said = [Said[str](subject) for subject in subjects]
    origins = _origins(subjects, coco)
    for file in track(_each_once(files), total=len(files), label="reading", unit="files"):
        opened = _open(file)
        for one in said:
            for place, texts in opened.captions(one.subject, origins.get(one.subject.id)).items():
                one.by_place.setdefault(place, []).extend(texts)
    for one in said:
        silent = [place for place, texts in one.by_place.items() if not texts]
        if silent:
            named = [one.subject.stimuli[place].path.name for place in sorted(silent)]
            raise DataError(f"no caption is of {list_some(named)}, of {one.subject.name}")
    return said


def gather_shown(
    subjects: Sequence[Subject], files: Sequence[Path], coco: Path | None, track: Track
) -> tuple[list[Said[Shown]], tuple[str, ...]]:
    """Return what each subject's images show, and all categories: those of one file after those of another.

    Raises
    ------
    UsageError, DataError
        As `gather_captions`; also if two files say of one image that it shows things of the same categories.
    """
    said = [Said[Shown](subject) for subject in subjects]
    origins = _origins(subjects, coco)
    before: dict[str, Path] = {}
    for file in track(_each_once(files), total=len(files), label="reading", unit="files"):
        opened = _open(file)
        again = [name for name in opened.categories if name in before]
        for one in said:
            theirs = opened.shown(one.subject, origins.get(one.subject.id))
            _refuse_twice(one, theirs, again, before, file)
            for place, things in theirs.items():
                one.by_place.setdefault(place, []).extend(things)
        before |= dict.fromkeys((name for name in opened.categories if name not in before), file)
    return said, tuple(before)


def _refuse_twice(
    said: Said[Shown], theirs: Mapping[int, list[Shown]], again: Sequence[str], before: Mapping[str, Path], file: Path
) -> None:
    twice = sorted(theirs.keys() & said.by_place.keys()) if again else []
    if twice:
        raise DataError(
            f"{before[again[0]]} and {file} both say what {said.subject.stimuli[twice[0]].path.name} shows of "
            f"{again[0]}: it would count twice",
            hint="name one of them",
        )


def _origins(subjects: Sequence[Subject], coco: Path | None) -> dict[object, Origins]:
    if coco is None:
        return {}
    worded = [subject.name for subject in subjects if subject.ids.n is None]
    if worded:
        raise UsageError(
            f"coco={str(coco)!r} has numbers for ids, and the images of {worded[0]} are called by words",
            hint="leave it out: images are then matched by their file names",
        )
    return {subject.id: read_coco_images(coco, subject.stimuli) for subject in subjects}


def _open(file: Path) -> WordsFile:
    kind = file.suffix.lower()
    if kind not in _FORMATS:
        raise UsageError(
            f"{file} is of no kind that words are read from: {', '.join(_FORMATS)}",
            hint="COCO's annotations, or a table with the columns id and label, or id and caption",
        )
    return _FORMATS[kind](file)


def _each_once(files: Sequence[Path]) -> Sequence[Path]:
    resolved = [file.resolve() for file in files]
    twice = [file for place, file in enumerate(files) if resolved[place] in resolved[:place]]
    if twice:
        raise UsageError(f"{twice[0]} is named twice")
    return files
