"""One writer at a time: a lock on a file that the system itself releases when its holder dies.

A cache may be another's, or shared with others: a lock is a regular file, reached by no link of its own name, and what
some other name leads to as well is held and not written. Where a folder may only be read, nobody needs one.

Of a disk that several machines share, a lock may see its own machine alone (NFS with `nolock` or `local_lock`, Lustre
with `localflock`), or there may be none (Lustre without `flock`). What is written rests on none of that: each writer
has a file or folder of its own, puts it in place whole, and says so in a record after it (`files`, `places`,
`features/store/shards`, `runs/aside`). Locks spare doing a thing twice, and they keep those out who delete: `cache gc`
(`caches.clearing`), and replacing by force what somebody is at work on, are safe only as far as locks reach.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import socket
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from algocli.compute.track import Note, unheard
from algocli.errors import StorageError, writing

# Neither is a link followed nor a pipe waited at.
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
# How a line ends that says that somebody waits.
WAITS = ": waiting for it"
_KERNEL = Path("/proc/sys/kernel/random/boot_id")
# What says that a disk has no locks.
_NONE_HERE = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)
# No holder says more.
_MOST_BYTES = 1000


def machine() -> str:
    """Return what tells this machine from others that write to the same disk, six hexadecimal digits."""
    try:
        # Which kernel it is, since when: containers that share one see each other's locks.
        name = _KERNEL.read_text()
    except OSError:
        name = socket.gethostname()
    return hashlib.sha256(name.encode()).hexdigest()[:6]


@contextmanager
def hold(path: Path, note: Note = unheard, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock file `path`; where another process holds it, say who and wait.

    Any number of processes may hold it `shared` at the same time, and none beside one that holds it alone.
    The kernel drops the lock with the process, so a lock that a killed one left behind is simply free. In a folder that
    may only be read, nothing is held: what lies there can be read and not spoiled, and whoever tries to is told so. On
    a disk without locks nothing is held either: what is written there is right without.

    Raises
    ------
    StorageError
        If the file cannot be made, or a link, or what is no file, stands in its place.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    descriptor = _take(path, kind, note)
    # Whoever held it may have deleted the folder with it: nobody else would meet the lock that is left of that.
    while descriptor is not None and not is_at(path, descriptor):
        _drop(descriptor)
        descriptor = _take(path, kind, note)
    if descriptor is None:
        yield
        return
    try:
        with _signed(descriptor):
            yield
    finally:
        _drop(descriptor)


def _take(path: Path, kind: int, note: Note) -> int | None:
    """Return a descriptor of the lock file, made where there is none, once nobody else holds it; None of no need."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = _open(path)
        except OSError:
            if may_only_be_read(path.parent):
                return None
            raise
    try:
        _refuse_other(path, os.fstat(descriptor).st_mode)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"{path.parent} is held by {_holder(descriptor)}{WAITS}")
            fcntl.flock(descriptor, kind)
        except OSError as error:
            if error.errno not in _NONE_HERE:
                raise
    except BaseException:
        _drop(descriptor)
        raise
    return descriptor


def _drop(descriptor: int) -> None:
    # A disk that fails may say so here. The lock is gone all the same, and nothing in it counts.
    with suppress(OSError):
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, _OPEN | os.O_CREAT, 0o666)
    except OSError as error:
        # A link is refused as such, a socket as what cannot be opened.
        if error.errno in (errno.ELOOP, errno.ENXIO):
            _refuse_other(path, os.lstat(path).st_mode)
        raise


def _refuse_other(path: Path, kind: int) -> None:
    if not stat.S_ISREG(kind):
        what = "a link" if stat.S_ISLNK(kind) else "no regular file"
        raise StorageError(f"cannot write {path}: it is {what}, and a lock never is", hint=f"delete {path}")


@contextmanager
def _signed(descriptor: int) -> Iterator[None]:
    """Have a lock say who holds it, and no more once that is over."""
    # A file with a second name may be anyone's: a copy of the cache made of hard links, or what a stranger put there.
    if os.fstat(descriptor).st_nlink > 1:
        yield
        return
    # A disk that is full is no reason to refuse what may free it: a lock holds without a word.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
    try:
        yield
    finally:
        # Of several that share it the last one to come has signed, and the last one to go wipes that out.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)


def may_only_be_read(folder: Path) -> bool:
    """Say whether a folder is there, and is another's or on a disk on which nothing can be changed."""
    return os.access(folder, os.R_OK | os.X_OK) and not os.access(folder, os.W_OK)


def is_at(path: Path, descriptor: int) -> bool:
    """Say whether the file that is open is still the one with that name."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
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
            _drop(descriptor)


def _take_if_free(path: Path, descriptors: list[int]) -> bool:
    try:
        descriptors.append(os.open(path, _OPEN))
        fcntl.flock(descriptors[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, NotADirectoryError):
        return True
    # Where it cannot be told, as in a folder of another user, on a disk without locks, or behind a link, someone may
    # hold it.
    except OSError:
        return False
    # Another may have been put in its place before it was taken.
    return is_at(path, descriptors[-1]) or _take_if_free(path, descriptors)


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, _MOST_BYTES, 0))
        pid, host = holder["pid"], holder["host"]
        if host == socket.gethostname():
            # One that shared it may have ended since.
            with suppress(PermissionError):
                os.kill(pid, 0)
    except (OSError, OverflowError, ValueError, KeyError, TypeError):
        return "another process"
    return f"process {pid} on {host}"
