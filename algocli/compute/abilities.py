"""What the file system below a folder can do of what all storage here rests on, learnt by trying it."""

from __future__ import annotations

import fcntl
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from algocli.compute.budget import free_disk
from algocli.compute.files import PARTIAL
from algocli.compute.lock import hold_if_free
from algocli.compute.places import put_in_place

_MOUNTS = Path("/proc/self/mounts")
_TRIAL, _HELD = ".trial.", "held"


@dataclass(frozen=True)
class Abilities:
    """What was tried in a folder.

    Parameters
    ----------
    folder
        Where: the folder asked for, or the nearest above it that exists.
    kind
        What the file system calls itself, as 'ext4' or 'nfs4'; None where the system does not say.
    n_free
        The bytes that may still be written.
    done
        For each of 'write', 'lock', 'rename', 'sync', 'map' and 'exchange', in the order in which they are tried, None
        if it works, or else why not. Nothing is tried where nothing can be written, and 'exchange' is a convenience.
    """

    folder: Path
    kind: str | None
    n_free: int
    done: dict[str, str | None]


def try_folder(folder: Path) -> Abilities:
    """Try in a folder, or where it would be made, what storage rests on; nothing of that is left behind."""
    place = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    done: dict[str, str | None] = {}
    _sweep(place)
    try:
        with tempfile.TemporaryDirectory(prefix=_TRIAL, suffix=PARTIAL, dir=place) as made, _held(Path(made)):
            done["write"] = None
            for name, trial in _TRIALS.items():
                done[name] = _why_not(trial, Path(made))
    except OSError as error:
        done = {**done, "write": _reason(error)}
    return Abilities(place, kind_of(place), free_disk(place), done)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder of trials: by that it is told from what a killed process left."""
    with (folder / _HELD).open("w") as stream:
        with suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _sweep(place: Path) -> None:
    # Where that cannot be done, what is to be tried can be for all that.
    with suppress(OSError):
        for left in place.glob(f"{_TRIAL}*{PARTIAL}"):
            with hold_if_free([left / _HELD]) as free:
                if free:
                    shutil.rmtree(left)


def kind_of(folder: Path, mounts: Path = _MOUNTS) -> str | None:
    """Return what the file system of a folder calls itself; None where the system does not say."""
    try:
        lines = [line.split() for line in mounts.read_text(errors="replace").splitlines()]
    except OSError:
        return None
    real = folder.resolve()
    # A blank in a path is written in octal. Of two mounts at one point the later hides the other.
    points = [(Path(words[1].replace("\\040", " ")), words[2]) for words in lines if len(words) > 2]
    holding = [
        (len(point.parts), place, kind) for place, (point, kind) in enumerate(points) if real.is_relative_to(point)
    ]
    return max(holding)[2] if holding else None


def _why_not(trial: Callable[[Path], str | None], folder: Path) -> str | None:
    try:
        return trial(folder)
    except OSError as error:
        return _reason(error)


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _lock(folder: Path) -> str | None:
    """Hold one file by two handles, which must get in each other's way as two processes would."""
    with ExitStack() as stack:
        first, second = (stack.enter_context((folder / "lock").open("w")) for _ in range(2))
        fcntl.flock(first, fcntl.LOCK_EX)
        for kind in (fcntl.LOCK_EX, fcntl.LOCK_SH):
            if _gets(second, kind):
                return "two held at the same time what only one may hold"
        fcntl.flock(first, fcntl.LOCK_SH)
        if not _gets(second, fcntl.LOCK_SH):
            return "two cannot share what may be shared"
    return None


def _gets(stream: object, kind: int) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(stream, kind | fcntl.LOCK_NB)  # type: ignore[arg-type]
        return True
    return False


def _rename(folder: Path) -> str | None:
    """Put a file in the place of another that someone reads."""
    old, new = folder / "old", folder / "new"
    old.write_bytes(b"old")
    new.write_bytes(b"new")
    with old.open("rb") as reader:
        os.replace(new, old)
        if reader.read() != b"old":
            return "a file changed under its reader when another took its place"
    return None if old.read_bytes() == b"new" and not new.exists() else "a file that was renamed is not what it was"


def _sync(folder: Path) -> str | None:
    with (folder / "synced").open("wb") as stream:
        stream.write(b"safe")
        stream.flush()
        os.fsync(stream.fileno())
    return None


def _map(folder: Path) -> str | None:
    path = folder / "mapped"
    path.write_bytes(b"mapped")
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return None if mapped[:] == b"mapped" else "a mapped file is not what was written"


def _exchange(folder: Path) -> str | None:
    """Let a folder take the place of another."""
    for name in ("here", "there"):
        (folder / name).mkdir()
        (folder / name / name).touch()
    put_in_place(folder / "here", folder / "there")
    # In two steps the old one waits under another name; in one it is where the new one was.
    return None if (folder / "here/there").exists() else "a folder is replaced in two steps"


_TRIALS: dict[str, Callable[[Path], str | None]] = {
    "lock": _lock,
    "rename": _rename,
    "sync": _sync,
    "map": _map,
    "exchange": _exchange,
}
