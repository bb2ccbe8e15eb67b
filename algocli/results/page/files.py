"""The file that a page is written to, refused before any work is done where it could not be written."""

from __future__ import annotations

import os
from pathlib import Path

from algocli.errors import StorageError, UsageError

SUFFIXES = (".html", ".htm")


def check_page(path: Path) -> None:
    """Refuse a page's file name that has another ending, or whose folder cannot be written.

    Raises
    ------
    UsageError
        If the ending is none of a page's.
    StorageError
        If a folder has that name, or the folder around it is a file or may not be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"a page cannot be written as {path}", hint=f"end it in {' or '.join(SUFFIXES)}")
    if path.is_dir():
        raise StorageError(f"cannot write {path}: a folder stands where the file should go", hint="choose another name")
    # Folders that are missing will be made, below the last one that is there.
    around = next(folder for folder in path.absolute().parents if folder.exists())
    if not around.is_dir():
        raise StorageError(f"cannot write {path}: {around} is no folder", hint="choose another folder")
    if not os.access(around, os.W_OK | os.X_OK):
        raise StorageError(
            f"cannot write {path}: no permission to write in {around}",
            hint="choose another folder, or change its permissions",
        )
