"""Gram matrices beside features that lie at an address: whoever makes one leaves it there for all others.

    gram/SHA256.npy    a matrix, under the digest of its bytes
    gram/record.json   the record of the one that counts, which names that digest

The record is written last. Whoever reads copies the matrix to a disk, where it is mapped into memory, and looks whether
it is what its record vouches for. Two that write at once leave the same bytes under the same name; where their last
digits differ, as two processors' may, each leaves its own, and the record that comes last names one of them, whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from algocli.compute import s3_uploads
from algocli.compute.addresses import Address
from algocli.compute.arrays import read_header
from algocli.compute.files import publishing
from algocli.compute.track import Note, Track
from algocli.compute.vouching import is_unchanged, read_sealed, write_sealed
from algocli.dataset.vouched import was_written
from algocli.errors import DataError, DiskFault, StorageError
from algocli.features.store.matrices import DIGEST
from algocli.features.store.readable import Readable
from algocli.features.store.unfinished import abort_abandoned, abort_stopped, forget_upload, keep_upload

_SHA256 = re.compile(r"[0-9a-f]{64}")
# More than a .npy file has beside its numbers.
_HEADER_BYTES = 4096


def is_published(store: Readable) -> bool:
    """Say whether a store's Gram matrix lies beside its features at an address, as far as its record tells.

    Raises
    ------
    DiskFault
        If the server does not answer.
    """
    return isinstance(store.place, Address) and _record_of(store.place, store.key) is not None


def fetch(store: Readable, folder: Path, track: Track, note: Note) -> bool:
    """Copy the matrix that lies beside a store's features into a folder, with its record; say whether that could be.

    One that is damaged is told, and not taken.

    Raises
    ------
    DiskFault
        If the server does not answer.
    StorageError
        If the folder cannot be written.
    """
    record = _record_of(store.place, store.key) if isinstance(store.place, Address) else None
    if record is None or not isinstance(store.place, Address):
        return False
    digest = str(record[DIGEST])
    try:
        _copy(_matrix_at(store.place, digest), folder / "matrix.npy", digest, store, track)
    except StorageError:
        raise
    except DataError as error:
        note(f"{_called(store)} is computed here: {error.message}")
        return False
    was_written(folder / "matrix.npy", digest, store.cache_dir)
    write_sealed(folder / "record.json", record)
    # Somebody else has left there what was being sent from here.
    abort_stopped(folder, store.place / "gram")
    return True


def publish_matrix(store: Readable, folder: Path, track: Track, note: Note, *, anew: bool = False) -> None:
    """Have the matrix in a folder lie beside its store's features, unless one does; what keeps it from that is told.

    Parameters
    ----------
    anew
        Whether also in the place of another, which was found to be damaged.
    """
    if not isinstance(store.place, Address) or store.is_borrowed:
        return
    try:
        abort_stopped(folder, store.place / "gram")
        if not anew and _record_of(store.place, store.key) is not None:
            return
        record = read_sealed(folder / "record.json")
        # One of an earlier version vouches for nothing.
        if DIGEST in record:
            there = _matrix_at(store.place, str(record[DIGEST]))
            for path in track([folder / "matrix.npy"], total=1, label=_bar(store, "left there"), unit="files"):
                _send(path, there)
            write_sealed(_record_at(store.place), record)
    except (StorageError, DiskFault) as error:
        # Nothing is lost but what it would have spared others.
        note(f"{_called(store)} is in this cache alone, until the next command: {error.message}")


def withdraw_damaged(store: Readable) -> str | None:
    """Say what is wrong with the matrix that lies beside a store's features, and withdraw it; None where nothing is.

    That of another cache stays as it is.

    Raises
    ------
    DiskFault
        If the server does not answer.
    StorageError
        If the record cannot be deleted.
    """
    if not isinstance(store.place, Address) or not _record_at(store.place).is_file():
        return None
    record, problem = _record_of(store.place, store.key), None
    if record is None:
        problem = f"{_record_at(store.place)} is damaged, or of other features"
    elif not is_unchanged(matrix := _matrix_at(store.place, str(record[DIGEST])), str(record[DIGEST])):
        problem = f"{matrix} is not what was written"
    if problem is not None and not store.is_borrowed:
        _record_at(store.place).unlink(missing_ok=True)
    return problem


def _called(store: Readable) -> str:
    return f"subject {store.subject}: the Gram matrix of {store.name}"


def _bar(store: Readable, what: str) -> str:
    return f"subject {store.subject}: Gram matrix, {what}"


def _record_of(place: Address, key: str) -> Mapping[str, Any] | None:
    """Return the record of the matrix of this key that lies at an address; None of none, or a damaged one."""
    try:
        record = read_sealed(_record_at(place))
    except DataError:
        return None
    return record if record.get("key") == key and _SHA256.fullmatch(str(record.get(DIGEST))) else None


def _record_at(place: Address) -> Address:
    return place / "gram" / "record.json"


def _send(path: Path, there: Address) -> None:
    """Send a matrix. What it takes in more than one request is written down before, and no more once it is there."""

    def begun(upload: str) -> None:
        keep_upload(path.parent, there.name, upload)
        abort_abandoned(there, but=upload)

    there.write_file(path, begun)
    forget_upload(path.parent)


def _matrix_at(place: Address, digest: str) -> Address:
    return place / "gram" / f"{digest}.npy"


def _copy(matrix: Address, path: Path, digest: str, store: Readable, track: Track) -> None:
    """Copy a matrix to a disk, part by part, if it is n_stimuli x n_stimuli and has this digest."""
    seen, n_bytes = hashlib.sha256(), 4 * store.n_stimuli**2 + _HEADER_BYTES
    total = -(-n_bytes // s3_uploads.PART_BYTES)
    parts = track(matrix.parts(n_bytes), total=total, label=_bar(store, "fetched"), unit="parts")
    with publishing(path) as stream:
        for part in parts:
            stream.write(part)
            seen.update(part)
        stream.seek(0)
        if seen.hexdigest() != digest or not _is_square(stream, store.n_stimuli):
            raise DataError(f"{matrix} is not what was written")


def _is_square(stream: Any, n_stimuli: int) -> bool:
    header = read_header(stream)
    return header.shape == (n_stimuli, n_stimuli) and header.dtype == np.dtype(np.float32)
