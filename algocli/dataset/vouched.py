"""Whether a file still is what its record vouches for, without reading again what has not changed since last time."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from algocli.compute.addresses import Address, as_path
from algocli.compute.anywhere import Place
from algocli.compute.vouching import digest_file, read_sealed
from algocli.dataset.memories import FileDigests, lasting_stamp, memory_of, stamp_of
from algocli.errors import DataError, StorageError, reading

# What is smaller is read sooner than its stamp is looked up on the disk.
_LARGE = 4 * 2**20
# The stamp and the digest of each file that this process has read.
_seen: dict[Path | Address, tuple[str, str]] = {}
# The stamp and the content of each record that it has read.
_records: dict[Path, tuple[str, dict[str, Any]]] = {}


def read_record(path: Path, *, kinds: Any = None, hint: str = "delete it and repeat the command") -> dict[str, Any]:
    """Read a record as `read_sealed` does, but only once for each size, inode and times of change that it has.

    What is in it is not to be changed.

    Raises
    ------
    DataError
        As `read_sealed`.
    """
    started = time.time_ns()
    try:
        status = os.stat(path)
    except OSError:
        return read_sealed(path, kinds=kinds, hint=hint)
    known = _records.get(path)
    if known is None or known[0] != stamp_of(status):
        record, stamp = read_sealed(path, kinds=kinds, hint=hint), lasting_stamp(status, started)
        if stamp is None:
            return record
        known = _records[path] = (stamp, record)
    return dict(known[1])


def is_whole(place: Place, digest: str, cache_dir: Path | None = None) -> bool:
    """Say whether a file, or an object, has the content of this sha256; False where it is missing.

    It is read once for each size, inode and times of change that it has; of large files the cache remembers that,
    where one is named.
    """
    if isinstance(place, Address):
        return _is_whole_there(place, digest)
    path = as_path(place)
    try:
        with reading(path):
            stamp = stamp_of(os.stat(path))
        known = _seen.get(path)
        if known is None or known[0] != stamp:
            memory = None
            if cache_dir is not None and os.path.getsize(path) > _LARGE:  # noqa: PTH202
                memory = FileDigests(memory_of(path.parent, cache_dir))
            actual = None if memory is None else memory.recall(path)
            if actual is None:
                actual = digest_file(path)
                _remember(path, stamp, actual, memory)
            known = _seen[path] = (stamp, actual)
    except DataError:
        return False
    return known[1] == digest


def _is_whole_there(address: Address, digest: str) -> bool:
    stamp = address.stamp()
    if stamp is None:
        return False
    known = _seen.get(address)
    if known is None or known[0] != stamp:
        try:
            known = _seen[address] = (stamp, digest_file(address))
        # It was deleted a moment ago.
        except DataError:
            return False
    return known[1] == digest


def was_written(path: Path, digest: str, cache_dir: Path) -> None:
    """Remember the digest of a large file that has just been published: the next process need not read it."""
    with suppress(OSError, DataError):
        stamp = stamp_of(os.stat(path))
        if os.path.getsize(path) > _LARGE:  # noqa: PTH202
            _remember(path, stamp, digest, FileDigests(memory_of(path.parent, cache_dir)))


def _remember(path: Path, stamp: str, digest: str, memory: FileDigests | None) -> None:
    if memory is not None:
        # A cache that may only be read serves as well, and is read again.
        with suppress(StorageError):
            memory.remember(path, stamp, digest)
            memory.save(path.parent)
