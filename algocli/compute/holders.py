"""Which program has locked a file, as far as this machine tells."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_LOCKS = Path("/proc/locks")


def holder_of(path: Path, locks: Path = _LOCKS) -> str:
    """Name the program that holds a lock on a file; one on another machine, or of another user, is nameless.

    Parameters
    ----------
    locks
        Where Linux lists all locks: `1: FLOCK ADVISORY WRITE 4711 fe:00:2361925 0 EOF` has the process, then the
        device and the number of the file.
    """
    with suppress(OSError, ValueError, IndexError):
        about = path.stat()
        place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
        for line in locks.read_text().splitlines():
            fields = line.replace("->", " ").split()
            if place in fields:
                process = int(fields[fields.index(place) - 1])
                with suppress(OSError):
                    return f"{Path(f'/proc/{process}/comm').read_text().strip()} (process {process})"
                break
    return "another program"
