"""Images by their names: a split's, with row and NSD id, and what is wrong with them; NSD's ids in all their forms."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from algocli.compute.remarks import list_some
from algocli.dataset.challenge.layout import IMAGE_NAME, N_NSD_IMAGES, SubjectLayout
from algocli.dataset.ids import Ids, Reference
from algocli.dataset.sides import Split
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError, reading

ID_COLUMN = "nsd_id"
_SUFFIX = re.compile(r"\.(png|jpe?g|bmp|gif|tiff?|webp|npy|npz|pt|pth|txt|mat)$", re.IGNORECASE)
_FOLDER = re.compile(r"subj(?:ect)?[-_]?0?([1-8])(?![0-9])", re.IGNORECASE)
# The 1,000 images that all subjects saw, as NSD gives them out one by one: the only file names of NSD's own, and they
# count its images from 1, where its tables count from 0.
_SHARED = re.compile(r"shared[0-9]{4}_nsd([0-9]{5})", re.IGNORECASE)
_NSD = re.compile(r"(?<![a-z])nsd(?:[-_ ]?id)?[-_ ]?([0-9]{1,5})(?![0-9])", re.IGNORECASE)
# A column of whole numbers with gaps is written with decimals by some programs.
_NUMBER = re.compile(r"([0-9]{1,6})(?:\.0+)?")


def list_stimuli(layout: SubjectLayout, split: Split) -> tuple[Stimulus, ...]:
    """List a split's images in row order.

    Raises
    ------
    DataError
        If the folder is missing or empty, or a name, row or id is not as the challenge has it.
    """
    folder = layout.images(split)
    names = image_names(folder)
    if not names:
        raise DataError(f"{folder} holds no images named like {split}-0001_nsd-00013.png")
    stimuli = [parse_name(folder, name) for name in names]
    faults = order_faults(stimuli, split)
    if faults:
        raise DataError(f"{folder}: {faults[0]}", hint="`algocli data` lists every fault")
    return tuple(stimuli)


def image_names(folder: Path) -> list[str]:
    """Return the challenge's image names in a folder, sorted; other files are passed over.

    Raises
    ------
    DataError
        If the folder is not there or may not be read.
    """
    with reading(folder):
        entries = os.listdir(folder)
    return sorted(name for name in entries if IMAGE_NAME.fullmatch(name))


def parse_name(folder: Path, name: str) -> Stimulus:
    """Read row, split and NSD id from an image's name, as in 'train-0001_nsd-00013.png'."""
    match = IMAGE_NAME.fullmatch(name)
    if match is None:
        raise DataError(f"{name} is not named like train-0001_nsd-00013.png")
    split: Split = "train" if match[1] == "train" else "test"
    return Stimulus(row=int(match[2]) - 1, split=split, id=int(match[3]), path=folder / name)


def order_faults(stimuli: Sequence[Stimulus], split: Split) -> list[str]:
    """Say where names, rows and ids disagree: rows must count up from 1 and ids must rise below 73,000."""
    strange = [s.path.name for s in stimuli if s.split != split]
    faults = [f"in the folder of the {split} split lies {list_some(strange)}"] if strange else []
    of_split = [s for s in stimuli if s.split == split]
    times = Counter(s.row for s in of_split)
    doubled = [f"{row + 1:04d}" for row, count in sorted(times.items()) if count > 1]
    if doubled:
        faults.append(f"more than one image is numbered {list_some(doubled)}")
    if -1 in times:
        faults.append("an image is numbered 0000; numbers count from 0001")
    missing = _ranges(sorted(set(range(max(times, default=-1))) - set(times)))
    if missing:
        faults.append(f"no image is numbered {missing}")
    falling = [pair for pair in pairwise(of_split) if pair[1].nsd_id <= pair[0].nsd_id]
    if falling:
        before, after = falling[0]
        more = f", and {len(falling) - 1} more such places" if falling[1:] else ""
        faults.append(f"NSD ids must rise with the row: {before.path.name} is followed by {after.path.name}{more}")
    unknown = [s.path.name for s in of_split if s.nsd_id >= N_NSD_IMAGES]
    if unknown:
        faults.append(f"NSD's images are numbered 00000 to {N_NSD_IMAGES - 1}; found {list_some(unknown)}")
    return faults


def _ranges(rows: Sequence[int]) -> str:
    """Write rising rows as the numbers in image names, as in '0003, 0005 to 0009'."""
    # Within a run of neighbours, row minus place is constant.
    runs = [[row for _, row in run] for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0])]
    ranges = [f"{r[0] + 1:04d}" if r[0] == r[-1] else f"{r[0] + 1:04d} to {r[-1] + 1:04d}" for r in runs]
    return list_some(ranges, 40)


@dataclass(frozen=True)
class NsdIds(Ids):
    """Whole numbers among 73,000; a name is one of the challenge's files, or holds an id in one form or another."""

    def refer(self, name: str, first: int) -> Reference:
        """Take a name apart: train-0001_nsd-00013, an id, and whose folder it was in."""
        path = name.strip().strip("\"'").replace("\\", "/")
        folder, _, file = path.rpartition("/")
        stem = _SUFFIX.sub("", file)
        owners = _FOLDER.findall(folder)
        return Reference(stem.lower(), _nsd_id(stem, first), int(owners[-1]) if owners else None)


def _nsd_id(stem: str, first: int) -> int | None:
    challenges = IMAGE_NAME.fullmatch(f"{stem.lower()}.png")
    if challenges:
        return int(challenges[3])
    shared = _SHARED.search(stem)
    if shared:
        return int(shared[1]) - 1
    within = _NSD.findall(stem)
    if within:
        return int(within[-1]) - first
    number = _NUMBER.fullmatch(stem)
    return int(number[1]) - first if number else None


NSD_IDS = NsdIds("NSD id", ID_COLUMN, N_NSD_IMAGES)


def parse_id(word: str, where: str) -> int:
    """Turn a word into an NSD id, 0 to 72999.

    Raises
    ------
    DataError
        If it is none; `where` says what holds it.
    """
    return int(NSD_IDS.parse(word, where))
