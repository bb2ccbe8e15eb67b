"""Features that are on disk: what a manifest says of them, and blocks of them that are whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.addresses import Address, as_path, place_of
from algocli.compute.anywhere import Place
from algocli.compute.arrays import blocks
from algocli.compute.opening import LARGEST_TEXT, read_file
from algocli.compute.vouching import read_sealed
from algocli.dataset.naming import SubjectId, check_subject_id
from algocli.dataset.vouched import is_whole
from algocli.errors import DataError, MissingStep, Replaced, StorageError, reading
from algocli.features.store.manifests import HOW_TO_MEND, MANIFEST, read_manifest

# The width of what is read at once, and how many bytes of it, as float32, of as many images as there are: of more than
# 45,000 a part of that width. Sums of products hang on it to the last digit, and so it hangs on nothing else.
CHUNK_FEATURES, MOST_AT_ONCE = 8192, 1_500_000_000
# Where in a store's folder the array lies, and what describes it there.
ARRAY, METADATA = "features.zarr", "zarr.json"
# Under which a manifest names the folder of another cache in which the numbers lie, and the address at which they do
# where they are this cache's own.
FROM, AT = "from", "at"
# Under which the record of a shard that is an object tells the stamp with which it was written.
STAMP = "stamp"


def block_width(n_stimuli: int) -> int:
    """Return how many columns of so many images are worked on at a time."""
    width = CHUNK_FEATURES
    while width > 1 and 4 * n_stimuli * width > MOST_AT_ONCE:
        width //= 2
    return width


class Readable:
    """A matrix of features on disk, n_stimuli x n_features, by what its manifest says.

    Its numbers lie in `place`: its own folder, an address, or the folder of a store of another cache, which is read and
    never written.

    Raises
    ------
    MissingStep
        If there is no store in the folder.
    DataError
        If its manifest is damaged or of another version.
    """

    def __init__(self, described: Place) -> None:
        self.described = described
        try:
            self.manifest = read_manifest(described)
        except DataError as error:
            if (described / MANIFEST).is_file():
                raise
            raise MissingStep(f"there is no feature store {described}", hint="algocli extract") from error
        elsewhere = self.manifest.get(AT, self.manifest.get(FROM))
        self.place: Place = described if elsewhere is None else place_of(elsewhere)
        self.n_stimuli, self.n_features = (int(length) for length in self.manifest["shape"])
        self.rows_per_shard = int(self.manifest["rows_per_shard"])
        self.dtype = np.dtype(str(self.manifest["dtype"]))
        self.key = str(self.manifest["key"])
        # Shards that are in memory still, by their numbers: what is in `place`, to the bit.
        self.at_hand: dict[int, NDArray[Any]] = {}

    @property
    def name(self) -> str:
        """What the features are called, as `train` takes it."""
        return self.described.parent.name

    @property
    def folder(self) -> Path:
        """Where it is described on this machine, and what is made of it is kept."""
        return as_path(self.described)

    @property
    def cache_dir(self) -> Path:
        """The cache that the store lies in."""
        return self.folder.parent.parent.parent

    @property
    def is_borrowed(self) -> bool:
        """Whether its numbers are in another cache, and not to be written."""
        return self.is_elsewhere and AT not in self.manifest

    @property
    def is_elsewhere(self) -> bool:
        """Whether its numbers are not where it is described."""
        return self.place != self.described

    @property
    def subject(self) -> SubjectId:
        """The subject whose images these are."""
        return check_subject_id(self.manifest["provenance"]["subject"])

    @property
    def features(self) -> Rows:
        """The features, (n_stimuli, n_features), read as they are asked for: `store.features[:10]` is an array."""
        return Rows(self)

    def read(self, rows: slice | Sequence[int] = slice(None), columns: slice = slice(None)) -> NDArray[Any]:
        """Read a block, (n_rows, n_columns), in the store's own dtype.

        Raises
        ------
        DataError
            If a chunk is torn.
        Replaced
            If other features have taken the place of these.
        DiskFault
            If the disk fails.
        """
        array = self._readable
        self._refuse_damaged(rows)
        try:
            with reading(self.place), _asked(self.place):
                block = array[rows, columns] if isinstance(rows, slice) else array.oindex[list(rows), columns]
        except StorageError:
            raise
        # A torn shard shows as whatever its codec or its index meets first.
        except (ValueError, RuntimeError, DataError, KeyError, IndexError) as error:
            raise self._damaged(f"{self.place} is damaged: {error}") from error
        return np.asarray(block)

    def check_array(self) -> None:
        """Refuse a store whose array is not described as it was.

        Raises
        ------
        DataError
            If so.
        """
        self._array("r")

    def _refuse_damaged(self, rows: slice | Sequence[int]) -> None:
        """See that the shards of some rows are those that their records saw; each is read once more for that."""
        touched = np.arange(self.n_stimuli)[rows if isinstance(rows, slice) else list(rows)] // self.rows_per_shard
        for index in np.unique(touched).tolist():
            record = self.record_of(index)
            # What has no record yet is not there, unless it was.
            if record is None and self._is_replaced():
                raise self._replaced
            if record is not None and not self._is_whole(self.shard_path(index), record):
                raise self._damaged(f"{self.place} is damaged: shard {index} is not what was written")

    def _is_whole(self, shard: Place, record: Mapping[str, Any]) -> bool:
        # An object that is the one that was written need not be read for that: its chunks have checksums of their own.
        # A record that was copied from a disk tells no stamp, and what is not there has none.
        stamp = record.get(STAMP)
        if isinstance(shard, Address) and stamp is not None and stamp == shard.stamp():
            return True
        return is_whole(shard, str(record.get("sha256")))

    def record_of(self, index: int) -> dict[str, Any] | None:
        """Return the record of a finished shard; None where there is none, or it is damaged or another's."""
        return self._checked(index)

    def records(self) -> dict[int, dict[str, Any]]:
        """Return the records that `record_of` does, by the numbers of their shards."""
        # To ask for each would take as many ways to the server and back.
        kept = (self.place / "done").read_all() if isinstance(self.place, Address) else None
        found: dict[int, dict[str, Any]] = {}
        for index in range(-(-self.n_stimuli // self.rows_per_shard)):
            content = None if kept is None else kept.get(self.record_path(index).name, b"")
            record = self._checked(index, content)
            if record is not None:
                found[index] = record
        return found

    def _checked(self, index: int, content: bytes | None = None) -> dict[str, Any] | None:
        with suppress(DataError):
            record = read_sealed(self.record_path(index), content=content)
            start = index * self.rows_per_shard
            if record.get("key") == self.key and record.get("rows") == [
                start,
                min(start + self.rows_per_shard, self.n_stimuli),
            ]:
                return record
        return None

    def is_recorded(self) -> bool:
        """Say whether every shard has its record."""
        return len(self.records()) == -(-self.n_stimuli // self.rows_per_shard)

    def shard_path(self, index: int) -> Place:
        """Return the file, or the object, of a shard, whether or not it is there."""
        return self.place / ARRAY / "c" / str(index) / "0"

    def record_path(self, index: int) -> Place:
        """Return the record of a shard, whether or not it is there."""
        return self.place / "done" / f"{index:05d}.json"

    def column_blocks(self) -> list[slice]:
        """Return the column blocks in which a pass over the store costs least: a chunk wide, or an even part of one."""
        return blocks(self.n_features, block_width(self.n_stimuli))

    @cached_property
    def _readable(self) -> Any:
        # Opened once: a pass over a store reads hundreds of blocks.
        return self._array("r")

    def _array(self, mode: str, place: Any = None) -> Any:
        """Open the array where it lies, or in another of zarr's stores in which it is described."""
        import zarr

        self._description()
        # An all-zero chunk must be stored: one that is absent reads as NaN, the fill value.
        try:
            with zarr.config.set({"array.write_empty_chunks": True}):
                return zarr.open_array(self._kept_in() if place is None else place, mode=mode)
        except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
            raise self._undescribed from error

    def _kept_in(self) -> Any:
        """Return what zarr takes for the array's place."""
        if not isinstance(self.place, Address):
            return str(self.place / ARRAY)
        from zarr.storage import FsspecStore

        system, key = (self.place / ARRAY).for_asyncio()
        return FsspecStore(system, read_only=True, path=key)

    def _description(self) -> bytes:
        """Return what describes the array, as the manifest vouches for it.

        Raises
        ------
        DataError
            If it is not that.
        """
        try:
            content = read_file(self.place / ARRAY / METADATA, LARGEST_TEXT)
        except StorageError:
            raise
        except DataError as error:
            raise self._undescribed from error
        digest = self.manifest.get("array")
        if digest is not None and hashlib.sha256(content).hexdigest() != digest:
            raise self._undescribed
        return content

    @property
    def _undescribed(self) -> DataError:
        return self._damaged(f"the description of the array in {self.place} is missing or damaged")

    def _damaged(self, told: str) -> DataError:
        """Return what to raise where features are not what was written: others may have taken their place meanwhile."""
        return self._replaced if self._is_replaced() else DataError(told, hint=HOW_TO_MEND)

    @property
    def _replaced(self) -> Replaced:
        return Replaced(f"the features {self.described} were replaced while they were read", hint="repeat the command")

    def _is_replaced(self) -> bool:
        told_by = (self.described, self.place) if self.is_borrowed else (self.described,)
        if not all((folder / MANIFEST).is_file() for folder in told_by):
            return True
        with suppress(DataError):
            return read_manifest(self.described) != self.manifest
        return False


def _asked(place: Place) -> AbstractContextManager[None]:
    return place.asked_to_read() if isinstance(place, Address) else nullcontext()


class Rows:
    """Features that are read when rows are asked for, as from an array.

    Attributes
    ----------
    shape
        (n_stimuli, n_features).
    dtype
        That in which they are stored.
    """

    ndim = 2

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.shape = (source.n_stimuli, source.n_features)
        self.dtype = source.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        size = f"{self.shape[0]} stimuli x {self.shape[1]}"
        return f"features of {size}, {self.dtype.name}, read row by row when asked for"

    def __getitem__(self, rows: int | slice | Sequence[int] | NDArray[Any]) -> NDArray[Any]:
        """Read some rows, (n_rows, n_features); of a single one (n_features,).

        Rows are named as numpy does it, by a number, a slice, a list, or an array of True and False.
        """
        wanted = np.arange(len(self))[rows]
        if wanted.ndim == 0:
            row: NDArray[Any] = self._source.read(slice(int(wanted), int(wanted) + 1))[0]
            return row
        if not len(wanted):
            return np.empty((0, self.shape[1]), self.dtype)
        if (np.diff(wanted) == 1).all():
            return self._source.read(slice(int(wanted[0]), int(wanted[-1]) + 1))
        # A store reads rising rows, each once.
        rising, places = np.unique(wanted, return_inverse=True)
        return self._source.read([int(row) for row in rising])[places]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all of it: whoever makes an array of features has the memory for them."""
        return np.asarray(self._source.read(), dtype=dtype)
