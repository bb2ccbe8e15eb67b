"""What happens to files: a bit, a page, an end, all of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from algocli.runs.subject_run import SubjectRun


def flip(path: Path, share: float = 0.6) -> None:
    """Flip one bit, so far into the file."""
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 4
    _put(path, bytes(content))


def zero_a_page(path: Path) -> None:
    """Make a page, or half of what is shorter, zeros, which its end is not."""
    content = path.read_bytes()
    n = min(4096, len(content) // 2)
    start = (len(content) - n) // 2
    _put(path, content[:start] + bytes(n) + content[start + n :])


def cut_short(path: Path) -> None:
    """Cut the last third."""
    os.truncate(path, 2 * path.stat().st_size // 3)


def delete(path: Path) -> None:
    """Delete it."""
    path.unlink()


def _put(path: Path, content: bytes) -> None:
    """Change a file in place, as nothing of ours does."""
    with path.open("r+b") as stream:
        stream.write(content)


DAMAGES: tuple[Callable[[Path], None], ...] = (flip, zero_a_page, cut_short, delete)


def replace_array(subject_run: SubjectRun, name: str, array: NDArray[Any]) -> None:
    """Replace an array of a finished subject, as no accident would: its record vouches for it."""
    subject_run.save(name, array)
    subject_run.finish(subject_run.record)
