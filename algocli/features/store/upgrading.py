"""What earlier versions left of stores without digests of its own, and how it gets those that today's records hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from algocli.compute.lock import hold
from algocli.compute.vouching import Upgrade, digest_file, is_sealed, read_sealed, write_sealed
from algocli.errors import DataError
from algocli.features.store.manifests import MANIFEST
from algocli.features.store.matrices import DIGEST
from algocli.features.store.shards import FeatureStore


def unvouched(store: FeatureStore) -> list[Path]:
    """Return the records of a store, and of its matrices, that an earlier version wrote and that vouch for nothing."""
    records = [*sorted(store.folder.glob("**/record.json")), store.folder / MANIFEST]
    return _unsealed([*records, store.folder.parent / "recipe.json"])


def upgrade(store: FeatureStore) -> Iterator[Upgrade]:
    """Give the records of a store the digests that they lack; to be called where nothing is wrong with the store.

    Each is replaced at once, so that whoever is stopped in between goes on from there.

    Raises
    ------
    StorageError
        If they cannot be written.
    """
    with hold(store.folder / "lock"):
        for record in unvouched(store):
            yield Upgrade(record, on_trust=adopt(record))
        # Their checksums they have had from the beginning.
        shards = _unsealed(sorted((store.folder / "done").glob("*.json")))
        for record in shards:
            write_sealed(record, read_sealed(record))
        if shards:
            yield Upgrade(store.folder / "done", on_trust=False)


def adopt(record: Path) -> bool:
    """Have a record of old vouch for itself, and for what lies beside it now; say whether that is taken on trust.

    Raises
    ------
    DataError, StorageError
        If it is missing or damaged, or cannot be written.
    """
    value, on_trust = read_sealed(record), False
    if record.name == "record.json":
        on_trust = DIGEST not in value
        value[DIGEST] = digest_file(record.parent / "matrix.npy")
    if record.name == MANIFEST and "array" not in value:
        value["array"], on_trust = digest_file(record.parent / "features.zarr" / "zarr.json"), True
    write_sealed(record, value)
    return on_trust


def _unsealed(records: list[Path]) -> list[Path]:
    unknown = []
    for path in records:
        # What cannot be read is a fault, and told as one.
        with suppress(DataError):
            if not is_sealed(path):
                unknown.append(path)
    return unknown
