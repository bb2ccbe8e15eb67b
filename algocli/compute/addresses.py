"""Addresses of objects, as in s3://bucket/prefix, with what a store of features needs of a `Path`.

An object is whole or not there: it is written at once, and the last of several that write it wins, so that nothing is
made aside and renamed. There are no locks and no links, and what would be a folder is there while something lies in it.
Which server is meant, and who asks, the machine knows as other programs do: AWS_ENDPOINT_URL, AWS_PROFILE and the like.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from fnmatch import fnmatchcase
from functools import total_ordering
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar, runtime_checkable

from algocli.compute import uploads
from algocli.compute.object_server import WHO_ASKS, failures, reason, server
from algocli.compute.track import unheard
from algocli.compute.uploads import SIDE_BY_SIDE, Upload
from algocli.errors import AlgocliError, DataError, DiskFault, StorageError, UsageError

# Their writes are atomic, and a test holds them to what is promised of stores; of others of fsspec's nobody knows.
_ADDRESS = re.compile(r"s3a?:/+([^/*?\[\]][^*?\[\]]*)", re.IGNORECASE)
# Objects that are read at once, and whose names one question tells.
_AT_ONCE = 200
# Of what is too large to be held, this much is read or written at a time, several side by side.
PART_BYTES = 16 * 2**20


@runtime_checkable
class Place(Protocol):
    """Where something lies that is found, read and written whole: a `Path`, or an `Address`."""

    @property
    def name(self) -> str:
        """The last part of it."""

    @property
    def parent(self) -> Self:
        """All but the last part."""

    @property
    def parents(self) -> Sequence[Self]:
        """Its parent, that of this, and so on."""

    def __truediv__(self, name: str, /) -> Self: ...

    def __lt__(self, other: Any, /) -> bool: ...

    def is_file(self) -> bool:
        """Say whether something can be read there."""

    def glob(self, pattern: str, /) -> Iterable[Self]:
        """Return what lies below and is called so."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete what lies there."""


AnyPlace = TypeVar("AnyPlace", bound=Place)


@total_ordering
class Address:
    """An address such as s3://bucket/prefix, and the object that lies there or the objects below.

    Every method asks the server, and raises a DataError for what is not there, a StorageError for what cannot be
    written, and a DiskFault where the server does not answer or refuses: nothing is taken for missing by that.

    Examples
    --------
    >>> Address("s3://bucket/prefix") / "features"
    Address('s3://bucket/prefix/features')
    """

    def __init__(self, text: str) -> None:
        written = _ADDRESS.fullmatch(text)
        if written is None:
            raise UsageError(f"'{text}' is no address", hint="write it as s3://BUCKET or s3://BUCKET/PREFIX")
        self._parts = tuple(part for part in written[1].split("/") if part)

    def __str__(self) -> str:
        return f"s3://{self._key}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __hash__(self) -> int:
        return hash(self._parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._parts == other._parts

    def __lt__(self, other: Any) -> bool:
        return isinstance(other, Address) and self._parts < other._parts

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self}/{name}")

    @property
    def _key(self) -> str:
        return "/".join(self._parts)

    @property
    def _named(self) -> dict[str, str]:
        return {"Bucket": self._parts[0], "Key": "/".join(self._parts[1:])}

    @property
    def name(self) -> str:
        """The last part of it."""
        return self._parts[-1]

    @property
    def parent(self) -> Address:
        """All but the last part; a bucket is its own."""
        return self.parents[0] if len(self._parts) > 1 else self

    @property
    def parents(self) -> list[Address]:
        """Its parent, that of this, and so on up to the bucket."""
        return [Address("s3://" + "/".join(self._parts[:n])) for n in range(len(self._parts) - 1, 0, -1)]

    def is_file(self) -> bool:
        """Say whether there is an object of this address."""
        return self.stamp() is not None

    exists = is_file

    def stamp(self) -> str | None:
        """Return what tells its content from any other that has lain there: its size and ETag; None of no object."""
        with self._asked("read"):
            try:
                about = server().call_s3("head_object", **self._named)
            except FileNotFoundError:
                return None
        return _stamp(about["ContentLength"], about)

    def read(self, most: int | None = None) -> bytes:
        """Read the whole object.

        Parameters
        ----------
        most
            The bytes that such an object takes at most; None where any number can be right.
        """
        # One more than it can have tells that it is too large; it is read at once, and not asked for its size first.
        part = {} if most is None else {"start": 0, "end": most + 1}
        with self._asked("read"):
            try:
                content: bytes = server().cat_file(self._key, **part)
            except OSError as error:
                # Of an empty one there is no part.
                if error.errno != errno.EINVAL or (self.stamp() or "").split()[:1] != ["0"]:
                    raise
                return b""
        if most is not None and len(content) > most:
            raise DataError(f"{self} takes more than {most} bytes: no file of its kind does")
        return content

    def write(self, content: bytes | memoryview) -> str:
        """Have the object be this, whole; return the stamp that it has got."""
        with self._asked("write"):
            about = server().call_s3("put_object", **self._named, Body=bytes(content))
        return _stamp(len(content), about)

    def parts(self, most: int | None = None) -> Iterator[bytes]:
        """Read the object part by part, a few at once; together they are all of it.

        Parameters
        ----------
        most
            The bytes that such an object takes at most; None where any number can be right.
        """
        with self._asked("read"):
            n_bytes = int(server().call_s3("head_object", **self._named)["ContentLength"])
        if most is not None and n_bytes > most:
            raise DataError(f"{self} takes more than {most} bytes: it is not what it should be")
        starts = range(0, n_bytes, PART_BYTES)
        for some in (starts[at : at + SIDE_BY_SIDE] for at in range(0, len(starts), SIDE_BY_SIDE)):
            ends = [min(start + PART_BYTES, n_bytes) for start in some]
            with self._asked("read"):
                yield from server().cat_ranges([self._key] * len(some), [*some], ends, on_error="raise")

    def write_file(self, path: Path, begun: Callable[[str], None] = unheard) -> None:
        """Have the object be what a file is, whole, of which a few parts are in memory at a time.

        Parameters
        ----------
        begun
            Is told the id of the upload (`abort`), where it takes more than one request.
        """
        n_bytes = path.stat().st_size
        with self._asked("write"):
            if n_bytes < 2 * PART_BYTES:
                server().call_s3("put_object", **self._named, Body=path.read_bytes())
            else:
                uploads.send(self._named, path, PART_BYTES, begun)
        there = self.stamp()
        if there is None or there.split()[0] != str(n_bytes):
            raise StorageError(f"cannot write {self}: of {n_bytes} bytes not all have arrived")

    def abort(self, upload: str) -> None:
        """Have the server forget an upload of this object, by its id, and what has arrived of it."""
        with self._asked("write"):
            uploads.abort(self._named, upload)

    def unfinished(self, pattern: str = "") -> list[Upload]:
        """Return what was begun and never finished of this object, or of those below whose names are of a pattern."""
        bucket, key = self._named.values()
        meant = re.compile("/".join(filter(None, [re.escape(key), pattern])))
        with self._asked("read"):
            return list(uploads.unfinished(bucket, key, meant))

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object."""
        with self._asked("write"):
            try:
                server().rm_file(self._key)
            except FileNotFoundError:
                if not missing_ok:
                    raise

    def remove_all(self) -> None:
        """Delete all objects below."""
        with self._asked("write"):
            for key in self._below():
                server().rm_file(key)

    def glob(self, pattern: str) -> Iterator[Address]:
        """Yield the addresses of objects below whose parts are called as those of the pattern, in order of names."""
        wanted = pattern.split("/")
        with self._asked("read"):
            below = self._below()
        for key in below:
            parts = key.removeprefix(f"{self._key}/").split("/")
            if len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)):
                yield self / "/".join(parts)

    def any_below(self) -> Address | None:
        """Return the first object below, by one question; None where there is none."""
        bucket, key = self._named.values()
        prefix = f"{key}/" if key else ""
        with self._asked("read"):
            try:
                about = server().call_s3("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
            except FileNotFoundError:
                return None
        # Others may have put there what no address of ours is called.
        with suppress(IndexError, UsageError):
            return self / str(about.get("Contents", ())[0]["Key"]).removeprefix(prefix)
        return None

    def read_all(self) -> dict[str, bytes]:
        """Read all objects below, several at once: their contents, by the rest of their addresses."""
        with self._asked("read"):
            below = self._below()
            found: dict[str, bytes | Exception] = {}
            for start in range(0, len(below), _AT_ONCE):
                some = below[start : start + _AT_ONCE]
                found |= zip(some, server().cat_ranges(some, None, None, on_error="return"), strict=True)
            for content in found.values():
                # What was deleted a moment ago is not there.
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
        return {key.removeprefix(f"{self._key}/"): part for key, part in found.items() if isinstance(part, bytes)}

    def n_bytes(self) -> int:
        """Return what all objects below take."""
        with self._asked("read"):
            try:
                return sum(about["size"] for about in server().find(self._key, detail=True).values())
            except FileNotFoundError:
                return 0

    def _below(self) -> list[str]:
        try:
            return sorted(server().find(self._key))
        except FileNotFoundError:
            return []

    def asked_to_read(self) -> AbstractContextManager[None]:
        """Tell, within a `with` block, what a server says in place of what is read by another library."""
        return self._asked("read")

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        refused = f"{self} cannot be read" if what == "read" else f"cannot write {self}"
        try:
            yield
        except AlgocliError:
            raise
        except FileNotFoundError as error:
            if what == "read":
                raise DataError(f"{self} is missing") from error
            raise StorageError(f"{refused}: there is no such bucket", hint="make it first") from error
        except Exception as error:
            if not isinstance(error, failures()):
                raise
            kind = DiskFault if what == "read" else StorageError
            raise kind(f"{refused}: {reason(error)}", hint=WHO_ASKS) from error


def is_address(text: str) -> bool:
    """Say whether a text is an address, or that a `Path` of it was, which has lost a slash."""
    return _ADDRESS.fullmatch(text) is not None


def address_of(text: str) -> Address | None:
    """Return the address that a text is; None where it is none.

    Raises
    ------
    UsageError
        If nothing here can read it.
    """
    if not is_address(text):
        return None
    server()
    return Address(text)


def _stamp(n_bytes: int, about: Mapping[str, Any]) -> str:
    return f"{n_bytes} {str(about['ETag']).strip(chr(34))}"


def check_address(name: str, value: object) -> Address | None:
    """Return an address that was given as a string; None stays None.

    Raises
    ------
    UsageError
        If it is none.
    """
    if value is None:
        return None
    address = address_of(value) if isinstance(value, str) else None
    if address is None:
        hint = "what is to lie on this machine's disks is placed with cache_dir=..."
        raise UsageError(f"{name}={value!r}: an address such as s3://BUCKET/PREFIX was expected", hint=hint)
    return address


def as_path(place: Place) -> Path:
    """Return a place of this machine as the `Path` that it is."""
    assert isinstance(place, Path), place
    return place


def place_of(text: str) -> Path | Address:
    """Return the place that a record names."""
    return Address(text) if is_address(text) else Path(text)
