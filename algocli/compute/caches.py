"""Who is at work in a cache: any number of commands that fill it, or one that clears it away.

What is being made looks for moments like what a killed command left. Whoever makes something holds the cache, as any
number may, from before the first of it is there until it is whole; who deletes what nothing refers to is alone. That
rests on locks: where they do not reach from machine to machine, clear a cache when no other machine works in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algocli.compute.lock import hold, may_only_be_read
from algocli.compute.track import Note, unheard
from algocli.errors import StorageError

_LOCK = ".lock"


@contextmanager
def filling(cache_dir: Path, note: Note = unheard) -> Iterator[None]:
    """Fill a cache within a `with` block, beside whoever else does; where another clears it, say who and wait.

    Raises
    ------
    StorageError
        If the cache cannot be written.
    """
    with hold(cache_dir / _LOCK, note, shared=True):
        yield


@contextmanager
def clearing(cache_dir: Path, note: Note = unheard) -> Iterator[None]:
    """Delete from a cache within a `with` block; where others fill it, say who, and wait until none does.

    Raises
    ------
    StorageError
        If the cache cannot be written.
    """
    with hold(cache_dir / _LOCK, note):
        yield


@contextmanager
def where_writable(folder: Path) -> Iterator[None]:
    """Keep within a `with` block what spares work another time: in a cache that may only be read, go without.

    Raises
    ------
    StorageError
        If the folder might be written, and cannot be: the disk is full, say.
    """
    try:
        yield
    except StorageError:
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not may_only_be_read(there):
            raise
