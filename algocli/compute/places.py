"""Folders that are made aside, whole, and put in their place by one rename, whatever stands there."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from itertools import count
from pathlib import Path

from algocli.compute.files import sync_folder

# Of Linux: the file system makes two names change places in one step.
_EXCHANGE, _RELATIVE_TO_HERE = 2, -100
# What says that a system, or a file system, cannot do that.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)
# What says that something is at a place by now.
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
# How a folder is called while it is replaced in two steps, after the one beside it that replaces it; once, only so.
WAITING = "replaced"

# What tells a folder from any other that has had its name.
Standing = tuple[int, int]


def standing(place: Path) -> Standing | None:
    """Return what tells that which stands at a place; None where nothing does."""
    try:
        about = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return about.st_dev, about.st_ino


def put_in_place(folder: Path, place: Path) -> None:
    """Rename a whole folder to its place. What stood there is afterwards where the folder was, or beside it.

    Whoever reads sees one or the other. Where a file system cannot exchange two names, there is nothing at the place
    for a moment, and `put_back` mends it if a process dies in that.

    Raises
    ------
    OSError
        If it may not be renamed.
    """
    while not put_instead(folder, place, standing(place)):
        pass


def put_instead(folder: Path, place: Path, stood: Standing | None) -> bool:
    """Do so only if that which `stood` there still does, or nothing where that is None; say whether it was done.

    No lock is needed for that: what was found to stand there is looked at once more when it is in hand.

    Raises
    ------
    OSError
        As `put_in_place`.
    """
    if stood is None:
        if not _rename(folder, place):
            return False
    else:
        beside = _swap(folder, place)
        if beside is None:
            return False
        if standing(beside) != stood:
            # Somebody else has come before us: his stays.
            if beside == folder:
                _exchange(folder, place)
            else:
                _rename(beside, place)
            return False
        if beside != folder and not _rename(folder, place):
            return False
    sync_folder(place.parent)
    return True


def put_back(home: Path, place: Path) -> None:
    """Undo a replacement that ended half-way, by a folder in `home`; whoever is in the midst of one puts up with it."""
    for waiting in (home / WAITING, *home.glob(f"*.{WAITING}")):
        if waiting.is_dir() and not os.path.lexists(place):
            with suppress(FileNotFoundError):
                _rename(waiting, place)
                sync_folder(place.parent)


def _swap(folder: Path, place: Path) -> Path | None:
    """Take away what stands at a place, at best for the folder; return where it is then, None where nothing stood."""
    try:
        if _exchange(folder, place):
            return folder
        # Where others came between, several wait.
        names = (folder.with_name(f"{folder.name}.{number}.{WAITING}") for number in count())
        waiting = next(name for name in names if not os.path.lexists(name))
        place.rename(waiting)
    except FileNotFoundError:
        if not os.path.lexists(folder):
            raise
        return None
    return waiting


def _rename(folder: Path, place: Path) -> bool:
    """Rename a folder to where nothing is, or an empty folder; say whether that is so."""
    try:
        folder.rename(place)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _exchange(folder: Path, place: Path) -> bool:
    """Let two names change places; say whether that can be done here."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    paths = [os.fsencode(path.absolute()) for path in (folder, place)]
    if rename(_RELATIVE_TO_HERE, paths[0], _RELATIVE_TO_HERE, paths[1], _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(folder))
