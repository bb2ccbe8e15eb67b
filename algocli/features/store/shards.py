"""A feature store: one subject's features of one layer, on disk, n_stimuli x n_features.

    NAME/SUBJECT/manifest.json   the key, what it is made of, shape, stimuli
    NAME/SUBJECT/features.zarr   the array: chunks of R rows x 8192 features, in shards of R rows
    NAME/SUBJECT/done/00007.json the record of a finished shard: its rows, the checksum of its file, the key

A shard is written whole and at once. It counts as done when its record says so, and a record is written only
after the shard is safe on disk: a process killed at any moment leaves work undone, never half done.

None of that rests on a lock: of several that write one shard, be they on machines that do not see each other's locks,
each has its bytes in memory and puts them in place at once, and the record is of those that stay. Locks spare the work
of doing it twice. What does rest on them is deleting: a store that is forgotten, replaced or cleared away beside
whoever fills it elsewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.addresses import Address, as_path
from algocli.compute.anywhere import Place
from algocli.compute.arrays import blocks
from algocli.compute.files import n_bytes_in, publishing, sweep
from algocli.compute.lock import hold
from algocli.compute.threads import to_its_end
from algocli.compute.track import Track, silent
from algocli.compute.vouching import digest_file, is_unchanged, write_sealed
from algocli.errors import DataError, MissingStep, writing
from algocli.features.store import readable
from algocli.features.store.allocation import address_in, describe, describe_elsewhere
from algocli.features.store.finite import finite_rows
from algocli.features.store.gram import gram
from algocli.features.store.keys import SCHEMA, digest_of
from algocli.features.store.matrices import Gram

# A shard is held in memory while it fills and again while it is compressed.
SHARD_BYTES = 32 * 2**20
MAX_SHARD_ROWS = 256


@dataclass(frozen=True)
class Shard:
    """A block of rows that is written at once; rows `start` to `stop`, end excluded."""

    index: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class FeatureStore(readable.Readable):
    """A store that exists on disk, whole or in part: how it is made, filled and checked."""

    @classmethod
    def create(
        cls,
        folder: Path,
        identity: Mapping[str, Any],
        shape: tuple[int, int],
        provenance: Mapping[str, Any],
        at: Address | None = None,
    ) -> FeatureStore:
        """Make an empty store, or open the one that is there already; what describes it is mended where it is damaged.

        Parameters
        ----------
        identity
            What the key is made of: the recipe's identity and the digest of the stimuli.
        provenance
            What is worth knowing and changes no number: versions, device, names.
        at
            Where its numbers lie; by default where they do already, or else in the folder.

        Raises
        ------
        DataError
            If the folder holds a store with another key.
        UsageError
            If it holds the numbers, and they are to lie elsewhere.
        """
        key = digest_of(identity)
        dtype = np.dtype(str(identity["dtype"]))
        rows = rows_per_shard(shape[1], dtype)
        # Of two processes that begin at once, the second would allocate anew what the first has begun to fill.
        with hold(folder / "creation.lock"):
            layout = {"schema": SCHEMA, "shape": list(shape), "dtype": dtype.name, "rows_per_shard": rows}
            about = {"key": key, "identity": dict(identity), "provenance": dict(provenance)}
            elsewhere = at or address_in(folder)
            if elsewhere is None:
                describe(folder, {**layout, **about})
            else:
                describe_elsewhere(folder, elsewhere, {**layout, **about})
        store = cls(folder)
        if store.key != key:
            remedy = f"rm -r {quote(str(folder))}" if store.place == folder else "delete what lies there"
            raise DataError(
                f"{store.place} holds other features (key {store.key[:8]}, not {key[:8]})",
                hint=f"{remedy}, then repeat the command",
            )
        store.recover()
        return store

    def __repr__(self) -> str:
        n_done = self.n_stimuli - sum(map(len, self.pending()))
        state = "" if n_done == self.n_stimuli else f", {n_done} of them done"
        size = f"{self.n_stimuli} stimuli x {self.n_features} features, {self.dtype.name}{state}"
        return f"FeatureStore({self.name}, subject {self.subject}: {size}; {str(self.place)!r})"

    def gram(self, *, device: str = "cpu", track: Track = silent) -> Gram:
        """Return the inner products of all images, (n_stimuli, n_stimuli), computed on first use.

        Raises
        ------
        MissingStep
            If the features are not complete.
        DataError, StorageError
            As `algocli.features.store.gram.gram` does.
        """
        if not self.complete:
            raise MissingStep(
                f"the features {self.name} of subject {self.subject} are not complete", hint="algocli extract"
            )
        return gram(self, device=device, track=track)

    @property
    def shards(self) -> list[Shard]:
        """All blocks of rows, in order."""
        rows = blocks(self.n_stimuli, self.rows_per_shard)
        return [Shard(index, block.start, block.stop) for index, block in enumerate(rows)]

    def pending(self) -> list[Shard]:
        """Return the shards that have no valid record, in order."""
        done = self.records()
        return [shard for shard in self.shards if shard.index not in done]

    @property
    def complete(self) -> bool:
        """Say whether every row is there."""
        return not self.pending()

    def write(self, shard: Shard, rows: NDArray[Any]) -> bool:
        """Write one whole shard and, once it is safe on disk, its record; one that is done already stays.

        Parameters
        ----------
        rows : (len(shard), n_features)

        Returns
        -------
        Whether it is these rows that are there now.

        Raises
        ------
        StorageError
            If the disk is full or the store may not be written.
        """
        if rows.shape != (len(shard), self.n_features):
            raise ValueError(f"shard {shard.index} has {len(shard)} rows of {self.n_features}, not {rows.shape}")
        path = self.shard_path(shard.index)
        # Processes that work on the rows of one store side by side may meet at a shard: whoever comes second finds
        # it done, and leaves it as it is.
        with hold(self.folder / "locks" / f"{shard.index:05d}"), writing(self.folder):
            if self._is_done(shard):
                return False
            content = to_its_end(lambda: self._encode(shard, rows))
            if self._is_done(shard):
                return False
            vouched = ours = _put(path, content)
            self._vouch(shard, hashlib.sha256(content).hexdigest(), ours)
            # Another machine may have put its own in place meanwhile, which need not agree to the last bit.
            while (there := _standing(path)) != vouched:
                self._vouch(shard, digest_file(path), there)
                vouched = there
            return vouched == ours

    def damaged(self) -> Iterator[Shard]:
        """Yield the shards whose file is not the one that their record saw, or whose record is none of theirs.

        Raises
        ------
        DataError
            If the array cannot be opened at all.
        """
        self._array("r")
        records, named = self.records(), self._recorded()
        for shard in self.shards:
            record = records.get(shard.index)
            if record is None:
                if self.record_path(shard.index).name in named:
                    yield shard
            elif not is_unchanged(self.shard_path(shard.index), str(record.get("sha256"))):
                yield shard

    def recover(self) -> list[Shard]:
        """Vouch again for shards whose record is damaged while their rows are whole, and return them.

        Every chunk has a checksum of its own in the array. Without a record, a shard is one that was never finished.
        """
        return [shard for shard in self.misrecorded() if not self.is_borrowed and self._vouch_again(shard)]

    def misrecorded(self) -> list[Shard]:
        """Return the shards whose record is there, and is damaged or another's."""
        pending = self.pending()
        named = self._recorded() if pending else ()
        return [shard for shard in pending if self.record_path(shard.index).name in named]

    def forget(self, shard: Shard) -> None:
        """Withdraw a shard's record, so that the next extraction makes it again; what is another's stays as it is.

        Raises
        ------
        StorageError
            If the store may not be written.
        """
        if not self.is_borrowed:
            with writing(self.record_path(shard.index)):
                self.record_path(shard.index).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete what killed writers left."""
        sweep(self.folder / "features.zarr")
        sweep(self.folder / "done")

    def n_bytes(self) -> int:
        """Return what the store takes, with everything derived from it, on disk and at an address of its own."""
        there = self.place.n_bytes() if isinstance(self.place, Address) and not self.is_borrowed else 0
        return n_bytes_in(self.folder) + there

    def _recorded(self) -> set[str]:
        """Return the names of the records that are there, whatever they say."""
        return {path.name for path in (self.place / "done").glob("*.json")}

    def _is_done(self, shard: Shard) -> bool:
        return self.record_of(shard.index) is not None

    def _vouch(self, shard: Shard, checksum: str, stamp: int | str) -> None:
        record: dict[str, Any] = {"rows": [shard.start, shard.stop], "sha256": checksum, "key": self.key}
        if isinstance(self.place, Address):
            record[readable.STAMP] = stamp
        write_sealed(self.record_path(shard.index), record)

    def _vouch_again(self, shard: Shard) -> bool:
        with hold(self.folder / "locks" / f"{shard.index:05d}"), suppress(DataError):
            # What was never written reads as NaN.
            path = self.shard_path(shard.index)
            stamp = _standing(path)
            if finite_rows(self.read(slice(shard.start, shard.stop))).all():
                self._vouch(shard, digest_file(path), stamp)
                return True
        return False

    def _encode(self, shard: Shard, rows: NDArray[Any]) -> memoryview:
        """Return the bytes of the file that holds a shard, as zarr makes them in memory."""
        from zarr.buffer import cpu
        from zarr.storage import MemoryStore

        files: dict[str, Any] = {readable.METADATA: cpu.Buffer.from_bytes(self._description())}
        self._array("r+", MemoryStore(files))[shard.start : shard.stop] = rows
        (written,) = (name for name in files if name != readable.METADATA)
        return memoryview(files[written].as_buffer_like())


def _put(path: Place, content: memoryview) -> int | str:
    """Have a shard be where it belongs, and safe there; return what tells it from any other that has its name."""
    if isinstance(path, Address):
        return path.write(content)
    with publishing(as_path(path)) as stream:
        stream.write(content)
        return os.fstat(stream.fileno()).st_ino


def _standing(path: Place) -> int | str:
    return path.stamp() or "" if isinstance(path, Address) else as_path(path).stat().st_ino


def rows_per_shard(n_features: int, dtype: np.dtype[Any]) -> int:
    """Return the rows of a shard: a power of two, so that batches fit in whole, within the memory set aside."""
    rows = MAX_SHARD_ROWS
    while rows > 1 and rows * n_features * dtype.itemsize > SHARD_BYTES:
        rows //= 2
    return rows
