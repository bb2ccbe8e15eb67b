"""The images of a subject, in the order of the responses' rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from algocli.dataset.sides import Split


@dataclass(frozen=True)
class Stimulus:
    """One image: its row (from 0) within its split, its id among NSD's 73,000, its file."""

    row: int
    split: Split
    nsd_id: int
    path: Path
