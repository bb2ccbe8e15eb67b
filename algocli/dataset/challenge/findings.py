"""What a check finds: faults that must be mended, and notes that are worth knowing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from algocli.compute.vouching import Fault
from algocli.dataset.arrays import open_array
from algocli.errors import DataError

FROM_ARCHIVE = "take it from the challenge's archive"
COPY_AGAIN = "copy the file again"


class Findings:
    """Collects what is wrong with one subject's files; nothing found here ends the search."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Dicts for their order and their keys: each thing is told once, though half a folder be at fault.
        self._faults: dict[Fault, None] = {}
        self._notes: dict[str, None] = {}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Every fault found so far, each once."""
        return tuple(self._faults)

    @property
    def notes(self) -> tuple[str, ...]:
        """Every note taken so far, each once."""
        return tuple(self._notes)

    def fault(self, path: Path, problem: str, mend: str) -> None:
        """Record a fault, once."""
        self._faults[Fault(path, problem, mend)] = None

    def note(self, text: str) -> None:
        """Record something worth knowing that stops no later step."""
        self._notes[text] = None

    def is_there(self, path: Path) -> bool:
        """Say whether a path exists; where it does not, its topmost missing folder is the one fault."""
        if _exists(path):
            return True
        missing = path
        while missing.parent != self.folder and not _exists(missing.parent):
            missing = missing.parent
        self.fault(missing, "is missing", FROM_ARCHIVE)
        return False

    def open(self, path: Path) -> NDArray[Any] | None:
        """Open a .npy file; where it is missing or damaged, record that and return None."""
        if not self.is_there(path):
            return None
        try:
            return open_array(path)
        except DataError as error:
            self.refuse(path, error)
            return None

    def refuse(self, path: Path, error: DataError) -> None:
        """Record as a fault what opening a file has raised."""
        # Such messages open with the path, which a fault carries by itself.
        self.fault(path, error.message.removeprefix(str(path)).lstrip(" :"), error.hint or COPY_AGAIN)


def _exists(path: Path) -> bool:
    # Below a folder that may not be entered, os.path answers False where pathlib raises.
    return os.path.exists(path)  # noqa: PTH110
