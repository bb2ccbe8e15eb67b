"""Where the files of a surface lie on this machine: found, or fetched once, and the same ones ever after.

The source of the larger surfaces publishes no checksums. So what arrives goes to a folder of its own, is read and
checked there, and only then appears under its name; its digest is kept beside it and compared whenever it is read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from algocli.compute.files import PARTIAL, read_json, write_json
from algocli.compute.lock import hold, hold_if_free
from algocli.errors import DataError, StorageError, first_line, writing

T = TypeVar("T")

# Beside the files: the digest of each from when it was first read and found whole.
DIGESTS = "algocli_sha256.json"
_LOCK = "lock"


def data_places() -> list[Path]:
    """Return where nilearn keeps data, the first before the others: asking it takes the seconds of its import."""
    named = [os.environ.get(variable) for variable in ("NILEARN_SHARED_DATA", "NILEARN_DATA")]
    listed = [place for places in named if places is not None for place in places.split(os.pathsep)]
    return [Path(place).expanduser() for place in (*listed, "~/nilearn_data")]


def find_folder(name: str, places: Sequence[Path], needed: Sequence[str]) -> Path | None:
    """Return the first folder `name` within `places` that has all files `needed`, if any has."""
    folders = (place / name for place in places)
    return next((folder for folder in folders if all((folder / file).is_file() for file in needed)), None)


def fetch_folder(
    name: str,
    places: Sequence[Path],
    needed: Sequence[str],
    fetch: Callable[[Path], object],
    check: Callable[[Path], object],
) -> Path:
    """Fetch the files of a surface into the first of `places` that can be written.

    Parameters
    ----------
    name
        What the surface, and its folder, is called.
    places
        Where its folder may stand.
    needed
        Names of files that must arrive.
    fetch
        Given a place, makes a folder `name` in it and fills that.
    check
        Given the filled folder, raises DataError if something in it is not as it should be.

    Raises
    ------
    DataError
        If the files cannot be had or are not what they should be: none of them is kept then.
    StorageError
        If no place can be written.
    """
    place = _writable(places)
    by_hand = f"put {', '.join(needed)} into {place / name}, or draw on surface='fsaverage5', which needs no network"
    _sweep(place, name)
    with ExitStack() as held:
        made = held.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}.", suffix=PARTIAL, dir=place))
        held.enter_context(hold(Path(made) / _LOCK))
        arrived = Path(made) / name
        try:
            fetch(Path(made))
        # Besides what the network raises, the fetcher raises a ValueError for an odd archive.
        except (OSError, ValueError) as error:
            raise DataError(
                f"{name} is not on this machine and could not be fetched: {_reason(error)}", hint=by_hand
            ) from error
        missing = [file for file in needed if not (arrived / file).is_file()]
        if missing:
            raise DataError(f"what was fetched of {name} has no {missing[0]}", hint=by_hand)
        check(arrived)
        folder = place / name
        with writing(folder):
            folder.mkdir(exist_ok=True)
            for path in sorted(arrived.iterdir()):
                # Within one file system: each file is there whole, or not at all.
                os.replace(path, folder / path.name)
    return folder


def read_trusted(path: Path, read: Callable[[Path], T]) -> T:
    """Read a file that must still be what it was when it was first read.

    Raises
    ------
    DataError
        If its bytes have changed since, or `read` finds it to be other than it should.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    record = path.with_name(DIGESTS)
    known = read_json(record) if record.is_file() else {}
    expected = known.get(path.name, digest)
    if expected != digest:
        raise DataError(
            f"{path} has changed since it was first used: its SHA-256 is {digest[:12]}…, not {str(expected)[:12]}…",
            hint=f"delete it to have it fetched again; if it is meant to be another, delete {record}",
        )
    value = read(path)
    if path.name not in known:
        # A folder that several people share may not be ours to write.
        with suppress(StorageError):
            write_json(record, {**known, path.name: digest})
    return value


def _sweep(place: Path, name: str) -> None:
    """Delete what was fetched by those who were killed; who is still at it holds a lock in there."""
    for left in place.glob(f"{name}.*{PARTIAL}"):
        with suppress(OSError), hold_if_free([left / _LOCK]) as free:
            if free and (left / _LOCK).is_file():
                shutil.rmtree(left)


def _writable(places: Sequence[Path]) -> Path:
    for place in places:
        with suppress(OSError):
            place.mkdir(parents=True, exist_ok=True)
            if os.access(place, os.W_OK):
                return place
    listed = ", ".join(map(str, places))
    raise StorageError(f"none of the folders for meshes can be written: {listed}", hint="let NILEARN_DATA name one")


def _reason(error: Exception) -> str:
    """Tell a failed fetch in a few words; what the network library says fills a screen."""
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return error.strerror.lower()
    if type(error).__module__.startswith("requests"):
        return "the network does not reach it"
    return first_line(error)
