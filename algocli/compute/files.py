"""Files that are either whole or not there: written under another name, made safe on disk, then renamed.

That rests on no lock: the other name is nobody else's, and of several that write a file, be they on other machines, the
last one to finish wins, whole. What a killed writer left is told from what a live one writes by its lock where it was
written on this machine, as its name says; of others' it has to have rested for a day, as locks may not reach so far.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import secrets
import stat
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from algocli.compute.addresses import Address, as_path
from algocli.compute.anywhere import Place
from algocli.compute.lock import hold_if_free, is_at, machine
from algocli.compute.opening import LARGEST_TEXT, read_file
from algocli.errors import DataError, StorageError, UsageError, writing

# Every unfinished file carries this ending, so that a sweep can recognise what a killed process left.
PARTIAL = ".partial"
# A file name that is no UTF-8 reaches Python with lone surrogates; this carries them there and back.
_ODD_NAMES = "surrogatepass"
_REMEDY = "delete it and repeat the command"
# Control characters, halves of surrogate pairs (bytes that are no text), and what Unicode gives no meaning.
_NO_LETTERS = ("Cc", "Cs", "Cn")
# Of ten thousand files that are written into one folder, not each can have it listed.
_REST = 100.0
_listed: dict[Path, tuple[float, list[str]]] = {}
# How the name of one ends: the machine, and what no other file of its has; versions before did not name it.
PARTIAL_END = rf"\.(?:([0-9a-f]{{6}})[0-9a-f]{{6}}|[0-9a-f]{{8}}){re.escape(PARTIAL)}"
_PARTIAL_OF = re.compile(rf".*{PARTIAL_END}", re.DOTALL)
# Seconds for which nothing that is alive leaves what it writes untouched.
LONGEST_REST = 86400.0
# As Python has bytes of names and arguments that its locale has no letters for.
_BYTES = re.compile("[\udc80-\udcff]+")


def publish(path: Place, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a file, or an object, that appears under `path` only once all of it is safe there.

    Raises
    ------
    UsageError
        If the path names no file, or a device.
    StorageError
        If the disk is full or the folder may not be written; nothing is left behind then.
    """
    if isinstance(path, Address):
        write(content := BytesIO())
        path.write(content.getbuffer())
        return
    with publishing(as_path(path)) as stream:
        write(stream)


@contextmanager
def publishing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to be filled within a `with` block, as `publish` does; an error within it leaves nothing behind."""
    if not path.name or path.name == "..":
        raise UsageError(f"'{path}' is no name of a file")
    # The file would take the place of a device or a pipe, for every program there is.
    if _is_special(path):
        raise UsageError(f"{path} is a device or a pipe, not a file to be replaced", hint="name a file")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_beside(path)
        partial, stream = _open_partial(path)
        try:
            with stream:
                yield stream
                make_safe(stream)
                os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def _open_partial(path: Path) -> tuple[Path, IO[bytes]]:
    """Open the file that is to become another, under a name of its own, and hold it."""
    while True:
        # The name keeps two writers of one file apart, be they threads, processes or machines.
        partial = path.with_name(f"{path.name}.{machine()}{secrets.token_hex(3)}{PARTIAL}")
        try:
            # For reading too, which numpy does not take for a file of its own: on one it calls `tofile`, and that does
            # not say why it failed.
            stream = partial.open("x+b")
            # The kernel drops this lock with the process: by it is told what a killed one left.
            with suppress(OSError):
                fcntl.flock(stream, fcntl.LOCK_EX)
        # Whoever is terminated here leaves nothing either.
        except KeyboardInterrupt:
            partial.unlink(missing_ok=True)
            raise
        # Before it was held, it may have been taken for that.
        if is_at(partial, stream.fileno()):
            return partial, stream
        stream.close()


def _sweep_beside(path: Path) -> None:
    """Delete what killed writers of a file have left beside it."""
    beginning = f"{path.name}."
    # Where that cannot be done, as in a folder that may not be listed, what is to be written can be for all that.
    with suppress(OSError):
        for name in _partials_in(path.parent):
            if name.startswith(beginning) and _PARTIAL_OF.fullmatch(name.removeprefix(path.name)):
                _unlink_if_left(path.with_name(name))


def _unlink_if_left(partial: Path) -> None:
    """Delete a file of a writer that is dead, as far as can be told."""
    named = _PARTIAL_OF.fullmatch(partial.name)
    if named is not None and named[1] == machine():
        with hold_if_free([partial]) as free:
            if free:
                partial.unlink(missing_ok=True)
    elif has_rested(partial) and not partial.is_symlink():
        partial.unlink(missing_ok=True)


def has_rested(path: Path) -> bool:
    """Say whether nobody has written to a file, or put anything into a folder, for so long that nobody is at work."""
    try:
        return path.lstat().st_mtime < time.time() - LONGEST_REST
    except FileNotFoundError:
        return False


def _partials_in(folder: Path) -> list[str]:
    """List the unfinished files in a folder, as they were not long ago."""
    began = time.monotonic()
    until, names = _listed.get(folder, (began, []))
    if began >= until:
        names = [name for name in os.listdir(folder) if name.endswith(PARTIAL)]
        now = time.monotonic()
        _listed[folder] = now + _REST * (now - began), names
    return names


def _is_special(path: Path) -> bool:
    try:
        # /dev/stdout is a link, and where the output goes to a file, it leads to one.
        if path.is_symlink() and path.readlink().is_relative_to("/proc"):
            return True
        kind = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def make_safe(stream: IO[bytes]) -> None:
    """Have what was written to a file survive a power cut."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Make the names in a folder (a rename, a new file) survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE mounts cannot sync a folder; the file itself is safe by then.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def in_utf8(text: str) -> str:
    """Return a text in which bytes that were no letters in the user's locale are those that they are in UTF-8."""
    return _BYTES.sub(lambda match: match[0].encode(errors="surrogateescape").decode(errors="replace"), text)


def in_a_heading(text: str) -> str:
    """Blank out what neither a page nor a picture can hold: control characters, and bytes that are no text."""
    # What is no letter in UTF-8 either has come out as a sign that says so.
    letters = in_utf8(text).replace("\N{REPLACEMENT CHARACTER}", " ")
    return "".join(c if c == "\n" or unicodedata.category(c) not in _NO_LETTERS else " " for c in letters)


def write_json(path: Place, value: Mapping[str, Any]) -> None:
    """Publish a dict as JSON with sorted keys: the same content has the same bytes."""
    publish(path, lambda stream: stream.write(as_json(value)))


def as_json(value: Mapping[str, Any]) -> bytes:
    """Return what `write_json` writes."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode(errors=_ODD_NAMES)


def read_json(path: Place) -> dict[str, Any]:
    """Read a dict written by `write_json`.

    Raises
    ------
    DataError
        If the file is not readable or is no JSON object.
    """
    try:
        content = read_file(path, LARGEST_TEXT)
    except StorageError:
        raise
    except DataError as error:
        raise DataError(f"{path} is missing or damaged", hint=_REMEDY) from error
    return from_json(content, path)


def from_json(content: bytes, path: Place) -> dict[str, Any]:
    """Return the dict that `write_json` wrote to a place.

    Raises
    ------
    DataError
        If it is no JSON object.
    """
    try:
        value = json.loads(content.decode(errors=_ODD_NAMES))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is missing or damaged", hint=_REMEDY) from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds a {type(value).__name__}; an object was expected", hint=_REMEDY)
    return value


def sweep(folder: Path) -> None:
    """Delete what killed writers left in a folder and below."""
    for path in folder.rglob(f"*{PARTIAL}"):
        _unlink_if_left(path)


def n_bytes_in(path: Path) -> int:
    """Return what a file, or all that lies below a folder, takes on disk; what a link leads to is not counted."""
    if not path.is_dir() or path.is_symlink():
        return _n_bytes(path)
    return sum(
        _n_bytes(Path(folder, name)) for folder, _, names in os.walk(path, onerror=unless_gone) for name in names
    )


def unless_gone(error: OSError) -> None:
    """Raise what listing a folder has met, for `os.walk`, which else takes a fault of the disk for an empty folder."""
    # A live writer's files may come and go meanwhile, and in a cache that is shared not every folder may be listed.
    if not isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError):
        raise error


def _n_bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
