"""What speaks to a server on which objects lie, by fsspec's libraries, as other programs on this machine find it.

Keys are of fsspec's: the bucket, a slash, and the rest. Errors are the libraries' own: `Address` says what they mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from algocli.compute.s3_uploads import Upload


class ObjectServer:
    """A server of one kind; nothing that it has listed is remembered.

    Parameters
    ----------
    system
        fsspec's file system, which speaks to it.
    """

    def __init__(self, system: Any) -> None:
        self.system = system

    def stamp(self, key: str) -> str | None:
        """Return what tells the content of an object from any other that has lain there; None of no object."""
        about = self._about(key)
        return None if about is None else f"{about['size']} {self._mark(about)}"

    def n_bytes(self, key: str) -> int:
        """Return the size of an object."""
        about = self._about(key)
        if about is None:
            raise FileNotFoundError(key)
        return int(about["size"])

    def read(self, key: str, most: int | None) -> bytes:
        """Read a whole object, or of one that is larger than `most` at least a byte more than that."""
        end = None if most is None or self.n_bytes(key) <= most else most + 1
        # Of an empty one, there is no part.
        return bytes(self.system.cat_file(key, start=None if end is None else 0, end=end))

    def read_parts(self, keys: Sequence[str], starts: Any, ends: Any, *, on_error: str = "raise") -> list[Any]:
        """Read parts of objects, or whole ones where starts and ends are None, several at once."""
        read = list(self.system.cat_ranges([*keys], starts, ends, on_error="return"))
        # An error is never handed over as if it had been read, whatever a library makes of `on_error`.
        if on_error == "raise" and (failed := next((part for part in read if isinstance(part, Exception)), None)):
            raise failed
        return read

    def write(self, key: str, content: bytes) -> str:
        """Have an object be this, by one request that does all or nothing; return its stamp."""
        raise NotImplementedError

    def send(self, key: str, path: Path, begun: Callable[[str], None]) -> None:
        """Have an object be what a file is, of which some parts are in memory at a time; none is seen before the last.

        Parameters
        ----------
        begun
            Is told the id of the upload, if what has arrived of one stays until somebody aborts it.
        """
        self.system.put_file(str(path), key)

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload of an object."""

    def unfinished(self, key: str, pattern: str) -> Iterator[Upload]:
        """Yield what was begun and stays until it is aborted, of an object, or of those below of a pattern's names.

        Servers that forget by themselves what nobody goes on with have none.
        """
        yield from ()

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.system.rm_file(key)

    def sizes(self, key: str) -> dict[str, int]:
        """Return the sizes of all objects below, by their keys, in order; empty where nothing is."""
        try:
            found = self._found(key)
        except FileNotFoundError:
            return {}
        # What some programs put in place of a folder ends in a slash, or is one; what lies at the key is not below it.
        below = [name for name in sorted(found) if name.startswith(f"{key}/")]
        return {name: int(found[name]["size"]) for name in below if found[name].get("type") != "directory"}

    def first_below(self, key: str) -> str | None:
        """Return the key of the first object below; None where nothing is."""
        return next(iter(self.sizes(key)), None)

    def for_asyncio(self) -> Any:
        """Return fsspec's file system for a library that has a loop of its own."""
        return type(self.system)(**self.system.storage_options | {"asynchronous": True})

    def _about(self, key: str) -> Mapping[str, Any] | None:
        try:
            about: Mapping[str, Any] = self.system.info(key)
        except FileNotFoundError:
            return None
        return about if about["type"] == "file" else None

    def _found(self, key: str) -> Mapping[str, Mapping[str, Any]]:
        """Return what a server says of all objects below, by their keys."""
        found: Mapping[str, Mapping[str, Any]] = self.system.find(key, detail=True)
        return found

    def _mark(self, about: Mapping[str, Any]) -> str:
        """Return what, of what a server says of an object, is another if its content is."""
        raise NotImplementedError
