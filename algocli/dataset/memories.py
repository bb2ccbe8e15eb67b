"""What was said of files, remembered until they change.

A file with the name, size, inode and times of change of last time is taken to have the content of last time, as git
does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from algocli.compute.caches import where_writable
from algocli.compute.files import read_json
from algocli.compute.threads import in_threads
from algocli.compute.track import Track
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.errors import DataError, reading

_N_THREADS = 2
_MAX_BATCH = 16
# A file that changes twice within one tick of its disk's clock looks unchanged after the second time:
# what had changed shortly before it was read is therefore read again next time.
_SETTLED_AFTER_NS = 2_000_000_000


class FileDigests:
    """The digests of one folder's files, remembered in the JSON file `memory`.

    Of several processes that save, the last one wins, whole: what the others had found is read once more.
    """

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self._entries = _load(memory)
        self._changed = False

    def recall(self, path: Path) -> str | None:
        """Return a file's digest, or None where the file is not known as it is now.

        Raises
        ------
        DataError
            If the file is missing.
        """
        with reading(path):
            status = os.stat(path)
        stamp, _, digest = self._entries.get(path.name, "").rpartition(" ")
        return digest if stamp == stamp_of(status) else None

    def remember(self, path: Path, stamp: str | None, digest: str) -> None:
        """Keep the digest of a file that had this stamp while it was read; None says that it was in motion."""
        if stamp is not None:
            self._entries[path.name] = f"{stamp} {digest}"
            self._changed = True

    def save(self, folder: Path) -> None:
        """Write what is new, without the files that `folder` no longer holds, where the memory's folder takes it.

        Raises
        ------
        StorageError
            If the memory cannot be written.
        """
        if self._changed:
            present = set(os.listdir(folder))
            files = {name: entry for name, entry in self._entries.items() if name in present}
            about = {"folder": str(folder.resolve()), "of": self.memory.stem, "files": files}
            with where_writable(self.memory.parent):
                write_sealed(self.memory, about)
            self._changed = False


def recall_all(
    paths: Sequence[Path],
    cache_dir: Path,
    read: Callable[[Path], tuple[str | None, str]],
    label: str,
    track: Track,
    *,
    part: str = "",
) -> list[str]:
    """Return a word of every file, in the order of `paths`; `read` yields those that are not known, with the stamp."""
    # As words, and not as Paths: of ten thousand files, to compare their folders took longer than to ask the disk.
    folders = [os.path.dirname(path) for path in paths]  # noqa: PTH120
    memories = {folder: FileDigests(memory_of(Path(folder), cache_dir, part)) for folder in set(folders)}
    remembered = [memories[folder].recall(path) for folder, path in zip(folders, paths, strict=True)]
    unknown = list(dict.fromkeys(path for path, digest in zip(paths, remembered, strict=True) if digest is None))
    fresh: dict[Path, str] = {}
    if unknown:
        # Many small files are handed over by the batch, a few large ones each to a thread of its own.
        batch = min(_MAX_BATCH, -(-len(unknown) // _N_THREADS))
        results = in_threads(partial(_try, read), unknown, n_threads=_N_THREADS, batch=batch)
        try:
            tracked = track(results, total=len(unknown), label=label, unit="files")
            for path, result in zip(unknown, tracked, strict=True):
                if isinstance(result, DataError):
                    raise result
                stamp, fresh[path] = result
                memories[os.path.dirname(path)].remember(path, stamp, fresh[path])  # noqa: PTH120
        finally:
            # Also after an interrupt or a broken file: what has been read is not read again.
            for folder, memory in memories.items():
                memory.save(Path(folder))
    return [fresh[path] if digest is None else digest for path, digest in zip(paths, remembered, strict=True)]


def memory_of(folder: Path, cache_dir: Path, part: str = "") -> Path:
    """Return the file in which digests of a folder's files, or of a part of each, are remembered."""
    # No path holds a zero byte: that of a folder and that of a part of it never meet.
    about = os.fsencode(folder.resolve()) + (b"\0" + part.encode() if part else b"")
    name = hashlib.sha256(about).hexdigest()[:16]
    return cache_dir / "digests" / f"{name}.json"


def forgotten_folders(cache_dir: Path) -> dict[Path, str]:
    """Return the memories of folders that are no longer there, each with its folder."""
    memories = {}
    for memory in sorted((cache_dir / "digests").glob("*.json")):
        with suppress(DataError):
            folder = read_json(memory).get("folder")
            if isinstance(folder, str) and not os.path.lexists(folder):
                memories[memory] = folder
    return memories


def lasting_stamp(status: os.stat_result, started_ns: int) -> str | None:
    """Return the stamp of a file as reading began, or None where it is not sure to stand for the content."""
    # The first a copy may bring along from anywhere; the second is this disk's own, whose clock may be another's.
    is_settled = status.st_mtime_ns < started_ns - _SETTLED_AFTER_NS
    has_rested = abs(started_ns - status.st_ctime_ns) > _SETTLED_AFTER_NS
    return stamp_of(status) if is_settled and has_rested else None


def stamp_of(status: os.stat_result) -> str:
    """Return what tells a file from any other that had its name: another content with the same of all is not to be."""
    return f"{status.st_size} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"


def _load(memory: Path) -> dict[str, str]:
    # A memory that is not there or damaged costs time, never an answer: begin anew.
    try:
        value = read_sealed(memory)
    except DataError:
        return {}
    files = value.get("files")
    # One of before does not say whose it is; another's has words of another kind.
    if not isinstance(files, dict) or value.get("of", memory.stem) != memory.stem:
        return {}
    return {name: entry for name, entry in files.items() if isinstance(entry, str)}


def _try(read: Callable[[Path], tuple[str | None, str]], path: Path) -> tuple[str | None, str] | DataError:
    """Return an error instead of raising it, so that the rest of its batch is not lost with it."""
    try:
        return read(path)
    except DataError as error:
        return error
