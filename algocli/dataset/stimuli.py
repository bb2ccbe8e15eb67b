"""The images of a subject, in the order of the responses' rows, and what their ids are."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from algocli.dataset.sides import Split

StimulusId = int | str
# What images are read from.
Source = Literal["challenge", "hdf5", "folder"]
# The dataset's images, whichever dataset it is: stores have had this word from the first on.
FROM_DATASET: Source = "challenge"


@dataclass(frozen=True)
class Stimulus:
    """One image: its row (from 0) within its split, its id among all the images of its dataset, its file."""

    row: int
    split: Split
    id: StimulusId
    path: Path

    @property
    def nsd_id(self) -> int:
        """The id, where it is one of NSD's 73,000."""
        return int(self.id)


def ids_digest(stimuli: Sequence[Stimulus]) -> str:
    """Digest the splits and ids of ordered stimuli, whatever their images hold."""
    return hashlib.sha256("".join(f"{s.split} {s.id}\n" for s in stimuli).encode()).hexdigest()
