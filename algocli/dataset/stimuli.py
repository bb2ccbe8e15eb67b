"""The images of a subject, in the order of the responses' rows, and what their ids are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from algocli.dataset.sides import Split

StimulusId = int | str


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
