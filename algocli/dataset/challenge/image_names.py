"""The images of a split by their names, which say row, split and NSD id; and what is wrong with the names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path

from algocli.dataset.challenge.layout import IMAGE_NAME, N_NSD_IMAGES, SubjectLayout
from algocli.dataset.sides import Split
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError


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
        raise DataError(f"{folder}: {faults[0]}", hint="algocli data lists every fault")
    return tuple(stimuli)


def image_names(folder: Path) -> list[str]:
    """Return the challenge's image names in a folder, sorted; other files are passed over.

    Raises
    ------
    DataError
        If the folder is not there or may not be read.
    """
    try:
        entries = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{folder} is missing") from error
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {(error.strerror or str(error)).lower()}") from error
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
    faults = [f"{s.path.name} lies in the folder of the {split} split" for s in stimuli if s.split != split]
    own = [s for s in stimuli if s.split == split]
    times = Counter(s.row for s in own)
    doubled = [f"{row + 1:04d}" for row, count in sorted(times.items()) if count > 1]
    if doubled:
        faults.append(f"more than one image is numbered {', '.join(doubled)}")
    if -1 in times:
        faults.append("an image is numbered 0000; numbers count from 0001")
    missing = _ranges(sorted(set(range(max(times, default=-1))) - set(times)))
    if missing:
        faults.append(f"no image is numbered {missing}")
    falling = [pair for pair in pairwise(own) if pair[1].nsd_id <= pair[0].nsd_id]
    if falling:
        before, after = falling[0]
        more = f", and {len(falling) - 1} more such places" if falling[1:] else ""
        faults.append(f"NSD ids must rise with the row: {before.path.name} is followed by {after.path.name}{more}")
    unknown = [s.path.name for s in own if s.nsd_id >= N_NSD_IMAGES]
    if unknown:
        faults.append(f"NSD's images are numbered 00000 to {N_NSD_IMAGES - 1}; found {', '.join(unknown)}")
    return faults


def _ranges(rows: Sequence[int]) -> str:
    """Write rising rows as the numbers in image names, as in '0003, 0005 to 0009'."""
    # Within a run of neighbours, row minus place is constant.
    runs = [[row for _, row in run] for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(f"{r[0] + 1:04d}" if r[0] == r[-1] else f"{r[0] + 1:04d} to {r[-1] + 1:04d}" for r in runs)
