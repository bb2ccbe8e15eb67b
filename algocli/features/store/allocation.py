"""What describes a store: its manifest, and the metadata of its array; made with it, and made again where damaged.

Nothing that somebody else may have made a moment ago is deleted for that, lock or none: of several that begin a store,
each writes the same.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from algocli.compute.addresses import Address, address_of, as_path
from algocli.compute.anywhere import Place
from algocli.compute.files import publish
from algocli.compute.threads import to_its_end
from algocli.compute.vouching import digest_file, is_unchanged, read_sealed, write_sealed
from algocli.errors import DataError, UsageError, writing
from algocli.features.store.gram import LENT
from algocli.features.store.keys import SCHEMA
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.readable import ARRAY, AT, CHUNK_FEATURES, METADATA, Readable


def describe(folder: Place, about: Mapping[str, Any]) -> None:
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
    metadata = _metadata_of(about)
    digest = hashlib.sha256(metadata).hexdigest()
    with writing(folder):
        _forget_other_derived(folder, str(about["key"]))
        if (folder / MANIFEST).is_file():
            _forget_other_rows(folder, digest)
        else:
            _forget_unfounded(folder, str(about["key"]), digest)
        if not is_unchanged(folder / ARRAY / METADATA, digest):
            publish(folder / ARRAY / METADATA, lambda stream: stream.write(metadata))
    # The manifest comes last: a store that has one is fully allocated.
    write_sealed(folder / MANIFEST, {**about, "array": digest})


def describe_elsewhere(folder: Path, address: Address, about: Mapping[str, Any]) -> None:
    """Describe a store at an address, and in its folder that it is there. Hold its lock of creation.

    Raises
    ------
    UsageError
        If the folder holds features itself.
    StorageError
        If it cannot be written.
    """
    if address_in(folder) is None and ((folder / ARRAY).exists() or (folder / "done").exists()):
        hint = f"name another cache_dir=... for what is to lie in {address}; or first: rm -r {quote(str(folder))}"
        raise UsageError(f"{folder} holds these features itself", hint=hint)
    describe(address, about)
    refer_to(folder, address)


def refer_to(folder: Path, address: Address) -> None:
    """Say in a folder that its store is that at an address, and forget what was made of another. Hold its lock.

    Raises
    ------
    DataError
        If nothing, or what is damaged, describes that store.
    StorageError
        If the folder cannot be written.
    """
    here = {**Readable(address).manifest, AT: str(address)}
    with writing(folder):
        _forget_other_derived(folder, str(here["key"]))
    with suppress(DataError):
        if read_sealed(folder / MANIFEST) == here:
            return
    write_sealed(folder / MANIFEST, here)


def address_in(folder: Path) -> Address | None:
    """Return the address at which the numbers of the store in a folder lie; None where they lie on a disk."""
    with suppress(DataError):
        at = read_sealed(folder / MANIFEST).get(AT)
        return None if at is None else address_of(str(at))
    return None


def _is_described(folder: Place) -> bool:
    """Say whether nothing is wrong with what describes a store; whether it is the one that is meant is not said."""
    if not (folder / MANIFEST).is_file():
        return False
    with suppress(DataError):
        # What another version wrote is left to whoever opens it, and says so.
        if read_sealed(folder / MANIFEST).get("schema", SCHEMA) != SCHEMA:
            return True
        store = Readable(folder)
        store.check_array()
        # What another cache has lent and lost is made here.
        return not store.is_borrowed or store.is_recorded()
    return False


def _forget_other_derived(folder: Place, key: str) -> None:
    """Delete what was made of other features that lay here: it would never serve, as it tells of what it was made."""
    with suppress(DataError):
        if read_sealed(folder / "gram" / "record.json").get("key") != key:
            for derived in ("gram", "standardised", "axes", LENT):
                _remove(folder / derived)


def _forget_other_rows(folder: Place, digest: str) -> None:
    """Delete the records and rows of a store that was, unless its array is known to have been described like this."""
    known = set()
    with suppress(DataError):
        known.add(digest_file(folder / ARRAY / METADATA))
    with suppress(DataError):
        known.add(str(read_sealed(folder / MANIFEST).get("array")))
    if digest not in known:
        _remove(folder / "done")
        _remove(folder / ARRAY)


def _forget_unfounded(folder: Place, key: str, digest: str) -> None:
    """Delete what no manifest tells of, unless it may be somebody's who begins at this moment.

    It is what a process that was killed left, or what is left of features that were deleted.
    """
    # Before the array is looked at: whoever begins describes it first, and then records rows.
    records = sorted((folder / "done").glob("[0-9]*.json"))
    described = folder / ARRAY / METADATA
    if (records or described.is_file()) and not is_unchanged(described, digest):
        _remove(folder / "done")
        _remove(folder / ARRAY)
    for path in records:
        with suppress(DataError, ValueError):
            shard = folder / ARRAY / "c" / str(int(path.name.removesuffix(".json"))) / "0"
            record = read_sealed(path)
            if record.get("key") == key and is_unchanged(shard, str(record.get("sha256"))):
                continue
        path.unlink(missing_ok=True)


def _remove(folder: Place) -> None:
    """Delete a folder: what stays would vouch for rows that are no more, so nothing but its absence is passed over."""
    if isinstance(folder, Address):
        folder.remove_all()
        return
    with suppress(FileNotFoundError):
        shutil.rmtree(as_path(folder))


def _metadata_of(about: Mapping[str, Any]) -> bytes:
    """Return what describes the array, as zarr writes it."""
    import zarr
    from zarr.codecs import ZstdCodec
    from zarr.storage import MemoryStore

    shape, rows = tuple(about["shape"]), about["rows_per_shard"]
    width, files = min(CHUNK_FEATURES, shape[1]), dict[str, Any]()
    to_its_end(
        lambda: zarr.create_array(
            store=MemoryStore(files),
            shape=shape,
            dtype=np.dtype(about["dtype"]),
            chunks=(rows, width),
            shards=(rows, -(-shape[1] // width) * width),
            # The checksum costs nothing measurable, and a flipped bit is met on reading, not in every result.
            compressors=ZstdCodec(level=1, checksum=True),
            fill_value=float("nan"),
            dimension_names=("stimulus", "feature"),
        )
    )
    content: bytes = files[METADATA].to_bytes()
    return content
