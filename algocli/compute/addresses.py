"""Addresses of objects, as in s3://bucket/prefix, with what a store of features needs of a `Path`.

An object is whole or not there: it is written at once, and the last of several that write it wins, so that nothing is
made aside and renamed. There are no locks and no links, and what would be a folder is there while something lies in it.
Which server is meant, and who asks, the machine knows as other programs do (`ObjectKind.who_asks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from fnmatch import fnmatchcase
from functools import total_ordering
from pathlib import Path
from typing import Any

from algocli.compute import s3_uploads
from algocli.compute.anywhere import Place
from algocli.compute.object_kinds import SCHEMES, is_address, is_failure, reason, split_address
from algocli.compute.object_server import ObjectServer
from algocli.compute.s3_uploads import SIDE_BY_SIDE, Upload
from algocli.compute.serving import server_of
from algocli.compute.track import unheard
from algocli.errors import AlgocliError, DataError, DiskFault, StorageError, UsageError

# Objects that are read at once, and whose names one question tells.
_AT_ONCE = 200


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
        split = split_address(text)
        if split is None:
            hint = f"write it as s3://BUCKET or s3://BUCKET/PREFIX; known are {SCHEMES}"
            raise UsageError(f"'{text}' is no address", hint=hint)
        self.kind, self._parts = split

    def __str__(self) -> str:
        return f"{self.kind.scheme}://{'/'.join(self._parts)}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __hash__(self) -> int:
        return hash(str(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and str(self) == str(other)

    def __lt__(self, other: Any) -> bool:
        return isinstance(other, Address) and (self.kind.scheme, self._parts) < (other.kind.scheme, other._parts)

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self}/{name}")

    @property
    def _server(self) -> ObjectServer:
        return server_of(self.kind, self._parts[0])

    @property
    def _key(self) -> str:
        # What of the first part names an account is none of a bucket's name.
        return str(self._server.system._strip_protocol(str(self)))

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
        root = f"{self.kind.scheme}://"
        return [Address(root + "/".join(self._parts[:n])) for n in range(len(self._parts) - 1, 0, -1)]

    def is_file(self) -> bool:
        """Say whether there is an object of this address."""
        return self.stamp() is not None

    exists = is_file

    def stamp(self) -> str | None:
        """Return what tells its content from any other that has lain there: its size and a mark; None of no object."""
        with self._asked("read"):
            return self._server.stamp(self._key)

    def read(self, most: int | None = None) -> bytes:
        """Read the whole object.

        Parameters
        ----------
        most
            The bytes that such an object takes at most; None where any number can be right.
        """
        with self._asked("read"):
            content = self._server.read(self._key, most)
        if most is not None and len(content) > most:
            raise DataError(f"{self} takes more than {most} bytes: no file of its kind does")
        return content

    def write(self, content: bytes | memoryview) -> str:
        """Have the object be this, whole; return the stamp that it has got."""
        with self._asked("write"):
            return self._server.write(self._key, bytes(content))

    def parts(self, most: int | None = None) -> Iterator[bytes]:
        """Read the object part by part, a few at once; together they are all of it.

        Parameters
        ----------
        most
            The bytes that such an object takes at most; None where any number can be right.
        """
        with self._asked("read"):
            n_bytes = self._server.n_bytes(self._key)
        if most is not None and n_bytes > most:
            raise DataError(f"{self} takes more than {most} bytes: it is not what it should be")
        starts = range(0, n_bytes, s3_uploads.PART_BYTES)
        for some in (starts[at : at + SIDE_BY_SIDE] for at in range(0, len(starts), SIDE_BY_SIDE)):
            ends = [min(start + s3_uploads.PART_BYTES, n_bytes) for start in some]
            with self._asked("read"):
                read = self._server.read_parts([self._key] * len(some), [*some], ends)
            yield from read

    def write_file(self, path: Path, begun: Callable[[str], None] = unheard) -> None:
        """Have the object be what a file is, whole, of which a few parts are in memory at a time.

        Parameters
        ----------
        begun
            Is told the id of the upload (`abort`), if it would stay where nobody goes on with it.
        """
        n_bytes = path.stat().st_size
        with self._asked("write"):
            self._server.send(self._key, path, begun)
        there = self.stamp()
        if there is None or there.split()[0] != str(n_bytes):
            raise StorageError(f"cannot write {self}: of {n_bytes} bytes not all have arrived")

    def abort(self, upload: str) -> None:
        """Have the server forget an upload of this object, by its id, and what has arrived of it."""
        with self._asked("write"):
            self._server.abort(self._key, upload)

    def unfinished(self, pattern: str = "") -> list[Upload]:
        """Return what was begun and never finished of this object, or of those below whose names are of a pattern."""
        with self._asked("read"):
            return list(self._server.unfinished(self._key, pattern))

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the object."""
        with self._asked("write"):
            try:
                self._server.delete(self._key)
            except FileNotFoundError as error:
                if not missing_ok:
                    raise DataError(f"{self} is missing") from error

    def remove_all(self) -> None:
        """Delete all objects below."""
        with self._asked("write"):
            for key in self._server.sizes(self._key):
                # Others may delete them, too.
                with suppress(FileNotFoundError):
                    self._server.delete(key)

    def glob(self, pattern: str) -> Iterator[Address]:
        """Yield the addresses of objects below whose parts are called as those of the pattern, in order of names."""
        wanted = pattern.split("/")
        with self._asked("read"):
            below = self._server.sizes(self._key)
        for key in below:
            parts, found = self._rest(key).split("/"), self._below(key)
            if found is not None and len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)):
                yield found

    def any_below(self) -> Address | None:
        """Return the first object below; None where there is none."""
        with self._asked("read"):
            found = self._server.first_below(self._key)
        return None if found is None else self._below(found)

    def read_all(self) -> dict[str, bytes]:
        """Read all objects below, several at once: their contents, by the rest of their addresses."""
        with self._asked("read"):
            below = [*self._server.sizes(self._key)]
            found: dict[str, bytes | Exception] = {}
            for start in range(0, len(below), _AT_ONCE):
                some = below[start : start + _AT_ONCE]
                found |= zip(some, self._server.read_parts(some, None, None, on_error="return"), strict=True)
            for content in found.values():
                # What was deleted a moment ago is not there.
                if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
                    raise content
        return {self._rest(key): part for key, part in found.items() if isinstance(part, bytes)}

    def n_bytes(self) -> int:
        """Return what all objects below take."""
        with self._asked("read"):
            return sum(self._server.sizes(self._key).values())

    def _rest(self, key: str) -> str:
        """Return what of a key below comes after this address."""
        return key.removeprefix(f"{self._key}/")

    def _below(self, key: str) -> Address | None:
        """Return the address of a key below; None of what others have put there, as no address of ours is called."""
        with suppress(UsageError):
            return self / self._rest(key)
        return None

    def check_readable(self) -> None:
        """Raise a UsageError if nothing here can speak to its server."""
        # No assertion, which Python leaves out where it is told to.
        server_of(self.kind, self._parts[0])

    def for_asyncio(self) -> tuple[Any, str]:
        """Return fsspec's file system, for a library that has a loop of its own, and where this lies in it."""
        return self._server.for_asyncio(), self._key

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
            raise StorageError(f"{refused}: there is no such {self.kind.outer}", hint="make it first") from error
        except Exception as error:
            if not is_failure(error):
                raise
            kind = DiskFault if what == "read" else StorageError
            raise kind(f"{refused}: {reason(error)}", hint=self.kind.who_asks) from error


def address_of(text: str) -> Address | None:
    """Return the address that a text is; None where it is none.

    Raises
    ------
    UsageError
        If nothing here can read it.
    """
    if not is_address(text):
        return None
    address = Address(text)
    address.check_readable()
    return address


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
        hint = f"known are {SCHEMES}; what is to lie on this machine's disks is placed with cache_dir=..."
        raise UsageError(f"{name}={value!r}: an address such as s3://BUCKET/PREFIX was expected", hint=hint)
    return address


def as_path(place: Place) -> Path:
    """Return a place of this machine as the `Path` that it is."""
    assert isinstance(place, Path), place
    return place


def place_of(text: str) -> Path | Address:
    """Return the place that a record names."""
    return Address(text) if is_address(text) else Path(text)
