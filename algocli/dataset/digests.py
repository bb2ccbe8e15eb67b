"""Digests of images and what reading them takes, remembered: a second run does not open ten thousand files again.

A file with the name, size, inode and times of change of last time is taken to have its content, as git does.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from algocli.compute.files import read_json
from algocli.compute.threads import in_threads
from algocli.compute.track import Track, silent
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset.conversions import Conversion
from algocli.dataset.pixels import find_conversions
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError, NoPixels

_N_THREADS = 2
_MAX_BATCH = 16
# A file that changes twice within one tick of its disk's clock looks unchanged after the second time:
# what had changed shortly before it was read is therefore read again next time.
_SETTLED_AFTER_NS = 2_000_000_000
# Names the memory of conversions. Counted up when the rules change: what was found before is then forgotten.
_CONVERSIONS = "conversions 1"
_PLAIN = "plain"


def stimuli_digest(
    stimuli: Sequence[Stimulus],
    cache_dir: Path,
    *,
    track: Track = silent,
) -> str:
    """Digest an ordered set of stimuli: the split, id and content of each.

    Where an image's pixels depend on how it is converted, that counts as its content too: features that another version
    has of it, converted otherwise, are of another image. Plain images have the digest of their files alone.

    Raises
    ------
    DataError
        If an image is missing or cannot be read.
    StorageError
        If `cache_dir` cannot be written.
    """
    paths = [stimulus.path for stimulus in stimuli]
    contents = digest_files(paths, cache_dir, track=track)
    lines = (
        f"{' '.join((s.split, str(s.id), content, *(kind for kind in kinds if kind.decides_about_pixels)))}\n"
        for s, content, kinds in zip(stimuli, contents, list_conversions(paths, cache_dir, track=track), strict=True)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def list_conversions(paths: Sequence[Path], cache_dir: Path, *, track: Track = silent) -> list[tuple[Conversion, ...]]:
    """Return what reading each image takes, in the order of `paths`, looking only at what has changed since last time.

    Raises
    ------
    DataError
        If a file is missing. One that `see` refuses by name is `Conversion.REFUSED`; of a broken one nothing is said.
    StorageError
        If `cache_dir` cannot be written.
    """
    words = _remembered(paths, cache_dir, _list_kinds, "looking at images", track, part=_CONVERSIONS)
    return [tuple(Conversion(word) for word in some.split("+") if word != _PLAIN) for some in words]


def digest_files(
    paths: Sequence[Path],
    cache_dir: Path,
    *,
    track: Track = silent,
) -> list[str]:
    """Return the sha256 of every file, in the order of `paths`, reading only what has changed since last time.

    Raises
    ------
    DataError
        If a file is missing or cannot be read.
    StorageError
        If `cache_dir` cannot be written.
    """
    return _remembered(paths, cache_dir, _read, "digesting files", track)


def look_once(
    paths: Sequence[Path], cache_dir: Path, look: Callable[[Path], str | None], *, part: str, label: str, track: Track
) -> list[str]:
    """Return what `look` says of every file, in the order of `paths`, asking it again only where one has changed.

    `part` says what it looks at, and names its memory. None is not remembered, and returned as an empty word.

    Raises
    ------
    DataError
        If a file is missing.
    StorageError
        If `cache_dir` cannot be written.
    """
    return _remembered(paths, cache_dir, partial(_look, look), label, track, part=part)


def digest_part(path: Path, part: str, cache_dir: Path, compute: Callable[[], str]) -> str:
    """Return what `compute` says of a part of a file, asking it again only when the file has changed.

    `part` says which part that is, and names its memory.

    Raises
    ------
    DataError
        If the file is missing.
    StorageError
        If `cache_dir` cannot be written.
    """
    memory = FileDigests(memory_of(path.parent, cache_dir, part))
    known = memory.recall(path)
    if known is not None:
        return known
    started, status = time.time_ns(), os.stat(path)
    digest = compute()
    memory.remember(path, _lasting_stamp(status, started), digest)
    memory.save(path.parent)
    return digest


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
        try:
            status = os.stat(path)
        except OSError as error:
            raise _unreadable(path, error) from error
        stamp, _, digest = self._entries.get(path.name, "").rpartition(" ")
        return digest if stamp == stamp_of(status) else None

    def remember(self, path: Path, stamp: str | None, digest: str) -> None:
        """Keep the digest of a file that had this stamp while it was read; None says that it was in motion."""
        if stamp is not None:
            self._entries[path.name] = f"{stamp} {digest}"
            self._changed = True

    def save(self, folder: Path) -> None:
        """Write what is new, without the files that `folder` no longer holds.

        Raises
        ------
        StorageError
            If the memory cannot be written.
        """
        if self._changed:
            present = set(os.listdir(folder))
            files = {name: entry for name, entry in self._entries.items() if name in present}
            write_sealed(self.memory, {"folder": str(folder.resolve()), "files": files})
            self._changed = False


def forgotten_folders(cache_dir: Path) -> dict[Path, str]:
    """Return the memories of folders that are no longer there, each with its folder."""
    memories = {}
    for memory in sorted((cache_dir / "digests").glob("*.json")):
        with suppress(DataError):
            folder = read_json(memory).get("folder")
            if isinstance(folder, str) and not os.path.lexists(folder):
                memories[memory] = folder
    return memories


def _remembered(
    paths: Sequence[Path],
    cache_dir: Path,
    read: Callable[[Path], tuple[str | None, str]],
    label: str,
    track: Track,
    *,
    part: str = "",
) -> list[str]:
    """Return a word of every file, in the order of `paths`; `read` yields those that are not known, with the stamp."""
    folders = [path.parent for path in paths]
    memories = {folder: FileDigests(memory_of(folder, cache_dir, part)) for folder in set(folders)}
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
                memories[path.parent].remember(path, stamp, fresh[path])
        finally:
            # Also after an interrupt or a broken file: what has been read is not read again.
            for folder, memory in memories.items():
                memory.save(folder)
    return [fresh[path] if digest is None else digest for path, digest in zip(paths, remembered, strict=True)]


def memory_of(folder: Path, cache_dir: Path, part: str = "") -> Path:
    """Return the file in which digests of a folder's files, or of a part of each, are remembered."""
    # No path holds a zero byte: that of a folder and that of a part of it never meet.
    about = os.fsencode(folder.resolve()) + (b"\0" + part.encode() if part else b"")
    name = hashlib.sha256(about).hexdigest()[:16]
    return cache_dir / "digests" / f"{name}.json"


def _load(memory: Path) -> dict[str, str]:
    # A memory that is not there or damaged costs time, never an answer: begin anew.
    try:
        files = read_sealed(memory).get("files")
    except DataError:
        return {}
    known = files.items() if isinstance(files, dict) else ()
    return {name: entry for name, entry in known if isinstance(entry, str)}


def _try(read: Callable[[Path], tuple[str | None, str]], path: Path) -> tuple[str | None, str] | DataError:
    """Return an error instead of raising it, so that the rest of its batch is not lost with it."""
    try:
        return read(path)
    except DataError as error:
        return error


def _read(path: Path) -> tuple[str | None, str]:
    """Return a file's stamp, if it is sure to stand for the content, and its digest."""
    try:
        with path.open("rb", buffering=0) as stream:
            started = time.time_ns()
            # Taken before the content: a file that changes meanwhile will not have this stamp again.
            status = os.fstat(stream.fileno())
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _lasting_stamp(status, started), digest


def _list_kinds(path: Path) -> tuple[str | None, str]:
    """Return an image's stamp, if it is sure to stand for the content, and the kinds of its conversion."""
    started, status = time.time_ns(), os.stat(path)
    try:
        kinds = find_conversions(path)
    # Neither is remembered: another version of the decoder may know more.
    except NoPixels:
        return None, Conversion.REFUSED
    # No image, or a broken one: whoever reads it will hear, and has nothing that could be out of date.
    except DataError:
        return None, _PLAIN
    return _lasting_stamp(status, started), "+".join(kinds) or _PLAIN


def _look(look: Callable[[Path], str | None], path: Path) -> tuple[str | None, str]:
    """Return an image's stamp, if it is sure to stand for the content, and what is said of it."""
    started, status = time.time_ns(), os.stat(path)
    word = look(path)
    return (None, "") if word is None else (_lasting_stamp(status, started), word)


def _lasting_stamp(status: os.stat_result, started_ns: int) -> str | None:
    """Return the stamp of a file as reading began, or None where it is not sure to stand for the content."""
    # One time a copy may bring along from anywhere; the other is the disk's own, whose clock may be another's.
    has_rested = abs(started_ns - status.st_ctime_ns) > _SETTLED_AFTER_NS
    return stamp_of(status) if has_rested and status.st_mtime_ns < started_ns - _SETTLED_AFTER_NS else None


def stamp_of(status: os.stat_result) -> str:
    """Return what tells a file from any other that had its name: another content with the same of all is not to be."""
    return f"{status.st_size} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"


def _unreadable(path: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path} is missing")
    return DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}")
