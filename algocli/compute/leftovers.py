"""Something in a cache folder that nothing refers to, and how to delete it so that no half of it ever looks whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from algocli.compute.files import sync_folder
from algocli.compute.lock import hold_if_free
from algocli.errors import writing


@dataclass(frozen=True)
class Leftover:
    """A file or folder that may be deleted.

    Parameters
    ----------
    why
        Why nothing needs it, in words that other leftovers share; `detail` is what only this one has to say.
    n_bytes
        What it takes on disk.
    still
        Says whether that is so now: hours may pass between finding and deleting.
    locks
        Whoever works on it holds one of these.
    marker
        The file without which a folder counts as unfinished, and which is deleted first.
    """

    path: Path
    why: str
    n_bytes: int
    still: Callable[[], bool] = field(compare=False, repr=False)
    locks: Callable[[], list[Path]] = field(compare=False, repr=False)
    marker: str = "manifest.json"
    detail: str = ""

    @property
    def is_held(self) -> bool:
        """Whether a process works on it."""
        with hold_if_free(self.locks()) as free:
            return not free

    def delete(self) -> bool:
        """Delete it unless a process holds it or needs it by now; say whether it is gone.

        Raises
        ------
        StorageError
            If it may not be deleted.
        """
        with hold_if_free(self.locks()) as free, writing(self.path):
            if not free or not self.still():
                return False
            if self.path.is_dir():
                delete_folder(self.path, self.marker)
            else:
                self.path.unlink(missing_ok=True)
        return True


def delete_folder(folder: Path, marker: str) -> None:
    """Delete a folder, the file that makes it count first: a kill in between leaves nothing that looks whole."""
    # Another process may delete the same at the same time.
    with suppress(FileNotFoundError):
        (folder / marker).unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder)


def contents(folder: Path) -> list[Path]:
    """List what lies in a folder, by name; nothing lies in one that another process has deleted meanwhile."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def real_folders(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder, by name; a link is none of them, and one that leads to `folder` leads to none."""
    if folder.is_dir() and not folder.is_symlink():
        yield from (path for path in contents(folder) if path.is_dir() and not path.is_symlink())


def lies_in(root: Path, path: Path) -> bool:
    """Say whether no link stands on the way from a folder down to a path."""
    return path.resolve() == root.resolve() / path.relative_to(root)
