"""Folders that are made aside, whole, and put in their place by one rename, whatever stands there."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from algocli.compute.files import sync_folder

# Of Linux: the file system makes two names change places in one step.
_EXCHANGE, _RELATIVE_TO_HERE = 2, -100
# What says that a system, or a file system, cannot do that.
_CANNOT = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)
# Where a folder waits while it is replaced in two steps, beside the one that replaces it.
_WAITING = "replaced"


def put_in_place(folder: Path, place: Path) -> None:
    """Rename a whole folder to its place. What stood there is afterwards where the folder was, or beside it.

    Whoever reads sees one or the other. Where a file system cannot exchange two names, there is nothing at the place
    for a moment, and `put_back` mends it if a process dies in that.

    Raises
    ------
    OSError
        If it may not be renamed.
    """
    if not os.path.lexists(place):
        folder.rename(place)
    elif not _exchange(folder, place):
        place.rename(folder.with_name(_WAITING))
        folder.rename(place)
    sync_folder(place.parent)


def put_back(home: Path, place: Path) -> None:
    """Undo a replacement that ended half-way, by a folder in `home`. Nobody else may be at work there."""
    waiting = home / _WAITING
    if waiting.is_dir() and not os.path.lexists(place):
        waiting.rename(place)
        sync_folder(place.parent)


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
