"""What another user of this machine may do, tried by whoever runs the tests, who may well be root."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
# The third version of Linux's capabilities, as two words of 32 bits for each of three sets.
_VERSION = 0x20080522
# To write, and to read, whatever the permissions say.
_ABOVE_PERMISSIONS = 0b110


def as_any_user(function: Callable[[], T]) -> T:
    """Call a function for which permissions count, root or not: capabilities are a thread's own."""
    came: list[Any] = []

    def call() -> None:
        _lose_root()
        try:
            came.append((True, function()))
        except BaseException as error:
            came.append((False, error))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    (went_well, what) = came[0]
    if not went_well:
        raise what
    return what  # type: ignore[no-any-return]


def _lose_root() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for place in (0, 1):
        sets[place] &= ~_ABOVE_PERMISSIONS
    assert libc.capset(header, sets) == 0


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Take the right to write away from everything in a folder within a `with` block."""
    paths = [folder, *folder.rglob("*")]
    before = {path: path.stat().st_mode for path in paths}
    for path, mode in before.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in before.items():
            path.chmod(mode)


def all_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return the time of change and the content of every file in a folder, by name."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
