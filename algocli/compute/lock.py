"""One writer at a time: a lock on a file that the system itself releases when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from algocli.compute.track import Note, unheard
from algocli.errors import writing


@contextmanager
def hold(path: Path, note: Note = unheard, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file `path`; where another process holds it, say who and wait.

    Any number of processes may hold it `shared` at the same time, and none beside one that holds it alone.
    The kernel drops the lock with the process, so a lock that a killed one left behind is simply free.

    Raises
    ------
    StorageError
        If the file cannot be made.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = _take(path, kind, note)
    # Whoever held it may have deleted the folder with it: nobody else would meet the lock that is left of that.
    while not _is_at(path, descriptor):
        os.close(descriptor)
        descriptor = _take(path, kind, note)
    try:
        with writing(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(path: Path, kind: int, note: Note) -> int:
    """Return a descriptor of the lock file, made where there is none, once nobody else holds it."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"{path.parent} is held by {_holder(path)}: waiting for it")
            fcntl.flock(descriptor, kind)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _is_at(path: Path, descriptor: int) -> bool:
    """Say whether the file that is open is still the one with that name."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except (FileNotFoundError, NotADirectoryError):
        return False


@contextmanager
def hold_if_free(paths: Iterable[Path]) -> Iterator[bool]:
    """Hold those of some lock files that are there, without waiting; yield False where another process has one.

    None is made: a file that is not there is held by no one.
    """
    descriptors: list[int] = []
    try:
        yield all(_take_if_free(path, descriptors) for path in paths)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _take_if_free(path: Path, descriptors: list[int]) -> bool:
    try:
        descriptors.append(os.open(path, os.O_RDWR))
        fcntl.flock(descriptors[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return True
    # Where it cannot be told, as in a folder of another user or on a disk without locks, someone may hold it.
    except OSError:
        return False
    return True


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
