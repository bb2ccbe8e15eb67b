"""Who is at work in a cache: any number of commands that fill it, or one that clears it away.

What is being made looks for moments like what a killed command left. Whoever makes something holds the cache, as any
number may, from before the first of it is there until it is whole; who deletes what nothing refers to is alone. That
rests on locks: where they do not reach from machine to machine, clear a cache when no other machine works in it.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from algocli.compute.leftovers import real_folders
from algocli.compute.lock import hold, may_only_be_read
from algocli.compute.track import Note, unheard
from algocli.errors import StorageError, writing

_LOCK = ".lock"
# What begins the name of a folder that a command and its workers share.
_SHARED = ".shared-"


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
def sharing(cache_dir: Path) -> Iterator[Path]:
    """Have a folder in a cache for a `with` block, for what a command and its workers have to tell one another.

    Raises
    ------
    StorageError
        If the cache cannot be written.
    """
    folder = cache_dir.absolute() / f"{_SHARED}{secrets.token_hex(8)}"
    with writing(cache_dir):
        folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def shared_folders(cache_dir: Path) -> list[Path]:
    """List such folders: those of commands at work, which hold the cache, and of commands that were killed."""
    return [folder for folder in real_folders(cache_dir) if folder.name.startswith(_SHARED)]


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
