"""The end of what a worker has said, which is told where it died."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import IO

# How much of it is told.
_LINES, _BYTES = 5, 4000


def last_words(said: IO[bytes]) -> str:
    """Return the last lines of a file that is open for reading."""
    said.seek(max(0, said.seek(0, os.SEEK_END) - _BYTES))
    lines = said.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_LINES:])


def end_of_log(log: Path) -> str:
    """Return the last lines of a log; nothing where it cannot be read."""
    with suppress(OSError), log.open("rb") as stream:
        return last_words(stream)
    return ""
