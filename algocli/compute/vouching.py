"""What vouches for a file: its digest, in a record that has a digest of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algocli.compute.addresses import Address, as_path
from algocli.compute.anywhere import Place
from algocli.compute.files import from_json, read_json, write_json
from algocli.compute.kinds import mismatch
from algocli.compute.opening import open_file
from algocli.errors import DataError, StorageError, reading


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a file or folder; `path`, `problem` and `mend` read as a sentence."""

    path: Path
    problem: str
    mend: str


@dataclass(frozen=True)
class Upgrade:
    """A record of an earlier version, or a folder of them, that has the digests of today.

    `on_trust` says that nothing told whether what it vouches for is what was written: it is taken as it is.
    """

    path: Path
    on_trust: bool


# Under which a record tells the digest of the rest of it; those of old have none.
_SEAL = "digest"


def write_sealed(path: Place, value: Mapping[str, Any]) -> None:
    """Publish a dict as JSON with a digest of itself.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    plain = {name: part for name, part in value.items() if name != _SEAL}
    write_json(path, {**plain, _SEAL: _digest_of(plain)})


def read_sealed(
    path: Place, *, kinds: Any = None, hint: str = "delete it and repeat the command", content: bytes | None = None
) -> dict[str, Any]:
    """Read a dict that `write_sealed` wrote, without its digest, or one of old that has none.

    Parameters
    ----------
    kinds
        What it has to hold, as `mismatch` takes it.
    content
        What lies there, where that has been read already.

    Raises
    ------
    DataError
        If it is missing, no JSON object, not what was written, or holds something else.
    """
    try:
        value = read_json(path) if content is None else from_json(content, path)
    except StorageError:
        raise
    except DataError as error:
        raise DataError(error.message, hint=hint) from error
    seal = value.pop(_SEAL, None)
    if seal is not None and seal != _digest_of(value):
        raise DataError(f"{path} is damaged: it is not what was written", hint=hint)
    problem = None if kinds is None else mismatch(value, kinds)
    if problem is not None:
        raise DataError(f"{path} is damaged: {problem}", hint=hint)
    return value


def is_sealed(path: Place) -> bool:
    """Say whether a record has a digest of itself.

    Raises
    ------
    DataError
        If it is missing, or no JSON object.
    """
    return _SEAL in read_json(path)


class DigestBehind:
    """A sha256 that a thread computes while what it is of goes to the disk; parts stay as they are until then."""

    def __init__(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._digest = hashlib.sha256()
        self._thread = ThreadPoolExecutor(1)

    def update(self, part: Any, /) -> None:
        """See the next bytes."""
        self._thread.submit(self._digest.update, part)

    def hexdigest(self) -> str:
        """Return the digest of all parts; there are to be no more."""
        self._thread.shutdown()
        return self._digest.hexdigest()


def digest_file(path: Place) -> str:
    """Return the sha256 of the content of a file, or of an object.

    Raises
    ------
    DataError
        If it is missing or cannot be read.
    """
    if isinstance(path, Address):
        seen = hashlib.sha256()
        # A few parts are in memory at a time: of all images a Gram matrix takes 21 GB.
        for part in path.parts():
            seen.update(part)
        return seen.hexdigest()
    with reading(path), open_file(as_path(path)) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def is_unchanged(path: Place, digest: str) -> bool:
    """Read a whole file, and say whether it has this sha256; False where it is missing."""
    try:
        return digest_file(path) == digest
    except DataError:
        return False


def _digest_of(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
