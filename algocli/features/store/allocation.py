"""What describes a store: its manifest, and the metadata of its array; made with it, and made again where damaged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from algocli.compute.files import PARTIAL, sync_folder
from algocli.compute.threads import to_its_end
from algocli.compute.vouching import digest_file, read_sealed, write_sealed
from algocli.errors import DataError, writing
from algocli.features.store.gram import LENT
from algocli.features.store.keys import SCHEMA
from algocli.features.store.readable import CHUNK_FEATURES, Readable

_ARRAY, _METADATA = "features.zarr", "zarr.json"


def describe(folder: Path, about: Mapping[str, Any]) -> None:
    """Describe a store, where it is not yet or what did is damaged. Hold its lock of creation.

    Rows that are there stay if the array is laid out as it would be now: a record vouches for each shard of them.

    Parameters
    ----------
    about
        The manifest, but for the digest of the array's metadata.

    Raises
    ------
    StorageError
        If it cannot be written.
    """
    if _is_described(folder):
        return
    with writing(folder):
        # It may be of other features, and is made anew where it is needed.
        for derived in ("gram", "standardised", "axes", LENT):
            _remove(folder / derived)
        if not _restore(folder, about):
            _allocate(folder, about)
    # The manifest comes last: a store that has one is fully allocated.
    array = {"array": digest_file(folder / _ARRAY / _METADATA)}
    write_sealed(folder / "manifest.json", {**about, **array})


def _is_described(folder: Path) -> bool:
    """Say whether nothing is wrong with what describes a store; whether it is the one that is meant is not said."""
    if not (folder / "manifest.json").is_file():
        return False
    with suppress(DataError):
        # What another version wrote is left to whoever opens it, and says so.
        if read_sealed(folder / "manifest.json").get("schema", SCHEMA) != SCHEMA:
            return True
        store = Readable(folder)
        store.check_array()
        # What another cache has lent and lost is made here.
        return not store.is_borrowed or store.is_recorded()
    return False


def _restore(folder: Path, about: Mapping[str, Any]) -> bool:
    """Give an array that is there its metadata again, and say whether they are what they were."""
    path = folder / _ARRAY / _METADATA
    known = set()
    with suppress(DataError):
        known.add(digest_file(path))
    with suppress(DataError):
        known.add(str(read_sealed(folder / "manifest.json").get("array")))
    # Without a manifest, an array is what a process that was killed left, or of features that were deleted.
    if not known or not (folder / "manifest.json").is_file():
        return False
    beside = folder / "describing.zarr"
    _remove(beside)
    try:
        _make_array(beside, about)
        if digest_file(beside / _METADATA) not in known:
            return False
        path.parent.mkdir(exist_ok=True)
        os.replace(beside / _METADATA, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sync_folder(path.parent)
    return True


def _remove(folder: Path) -> None:
    """Delete a folder: what stays would vouch for rows that are no more, so nothing but its absence is passed over."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _allocate(folder: Path, about: Mapping[str, Any]) -> None:
    """Make the array, and take away what an unfinished or deleted store left."""
    _remove(folder / "done")
    for unfinished in folder.glob(f"*{PARTIAL}"):
        unfinished.unlink(missing_ok=True)
    _make_array(folder / _ARRAY, about)
    sync_folder(folder)


def _make_array(path: Path, about: Mapping[str, Any]) -> None:
    import zarr
    from zarr.codecs import ZstdCodec

    shape, rows = tuple(about["shape"]), about["rows_per_shard"]
    width = min(CHUNK_FEATURES, shape[1])
    to_its_end(
        lambda: zarr.create_array(
            store=str(path),
            shape=shape,
            dtype=np.dtype(about["dtype"]),
            chunks=(rows, width),
            shards=(rows, -(-shape[1] // width) * width),
            # The checksum costs nothing measurable, and a flipped bit is met on reading, not in every result.
            compressors=ZstdCodec(level=1, checksum=True),
            fill_value=float("nan"),
            dimension_names=("stimulus", "feature"),
            overwrite=True,
        )
    )
    with (path / _METADATA).open("rb") as stream:
        os.fsync(stream.fileno())
    sync_folder(path)
