"""What the checking of a submission found: each fault beside what was expected and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# Stands in `ZipFault.file` for what concerns the archive and no single file in it.
THE_ZIP = "the zip"

_LONGEST = 200


@dataclass(frozen=True)
class ZipFault:
    """One reason why the leaderboard would refuse a zip."""

    file: str
    found: str
    expected: str
    mend: str

    def __str__(self) -> str:
        return f"{self.file}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Verdict:
    """All that is to be said about a zip; it is ready when nothing is wrong with it.

    `subjects` are those whose files were found, `n_bytes` is the size of the zip itself. `notes` refuse nothing.
    """

    path: Path
    n_bytes: int
    subjects: tuple[int, ...]
    faults: tuple[ZipFault, ...]
    notes: tuple[str, ...]
    # A field rather than a property, so that whatever prints the fields prints it.
    ready: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ready", not self.faults)


class ZipFindings:
    """Collects faults and notes while a zip is being read."""

    def __init__(self) -> None:
        self.faults: list[ZipFault] = []
        self.notes: list[str] = []

    def fault(self, file: str, *, found: str, expected: str, mend: str) -> None:
        """Add a fault; names and texts that come out of the zip are made fit to print."""
        self.faults.append(ZipFault(printable(file), printable(found), expected, mend))

    def damage(self, file: str, found: str) -> None:
        """Add the fault of an entry whose bytes are damaged."""
        mend = "make the zip again; if it came over a network, copy it again"
        self.fault(file, found=found, expected="a file that unpacks whole", mend=mend)

    def note(self, text: str) -> None:
        """Add something worth knowing that is no reason to refuse the zip."""
        self.notes.append(printable(text))


def printable(text: str) -> str:
    """Return a text from an untrusted file without control characters and of bounded length."""
    # The names in a zip may hold anything, terminal escapes included.
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:_LONGEST])
    return shown if len(text) <= _LONGEST else f"{shown}..."
