"""Features that are on disk, read a block of rows or of columns at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.arrays import blocks, length
from algocli.compute.cores import n_cores
from algocli.compute.kinds import mismatch
from algocli.compute.track import Track
from algocli.compute.vouching import is_unchanged, read_sealed
from algocli.dataset.naming import SubjectId, check_subject_id
from algocli.dataset.vouched import is_whole
from algocli.errors import DataError, MissingStep
from algocli.features.store.keys import SCHEMA, Dtype, digest_of

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# The width of what is read at once.
CHUNK_FEATURES = 8192
# More images, or features, than any store has.
_LARGEST = 10**8
# What a manifest holds, as far as it is read again.
_MANIFEST = {
    "shape": [int],
    "rows_per_shard": int,
    "dtype": str,
    "key": str,
    "array?": str,
    "from?": str,
    "identity": {"stimuli?": str, "dtype?": str},
    "provenance": {
        "subject": (int, str),
        **dict.fromkeys(("source?", "stimuli?", "ids?", "device?", "file?", "file_dtype?", "dataset?"), str),
        **dict.fromkeys(("ids_file?", "names_file?", "row_key?"), str),
        **dict.fromkeys(("versions?", "converted?"), dict),
        "shape?": [int],
    },
}
# Under which a manifest names the folder of another cache in which the numbers lie.
FROM = "from"
_HOW_TO_MEND = "algocli cache verify (names the command that mends it)"
_EVERY_HALF = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)


class Readable:
    """A matrix of features on disk, n_stimuli x n_features, by what its manifest says.

    Its numbers lie in `place`: its own folder, or that of a store of another cache, which is read and never written.

    Raises
    ------
    MissingStep
        If there is no store in the folder.
    DataError
        If its manifest is damaged or of another version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "manifest.json").is_file():
            raise MissingStep(f"there is no feature store {folder}", hint="algocli extract")
        self.manifest = _read_manifest(folder)
        self.place = Path(self.manifest.get(FROM, folder))
        self.n_stimuli, self.n_features = (int(length) for length in self.manifest["shape"])
        self.rows_per_shard = int(self.manifest["rows_per_shard"])
        self.dtype = np.dtype(str(self.manifest["dtype"]))
        self.key = str(self.manifest["key"])

    @property
    def name(self) -> str:
        """What the features are called, as `train` takes it."""
        return self.folder.parent.name

    @property
    def cache_dir(self) -> Path:
        """The cache that the store lies in."""
        return self.folder.parent.parent.parent

    @property
    def is_borrowed(self) -> bool:
        """Whether its numbers are in another cache, and not to be written."""
        return self.place != self.folder

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
        """
        array = self._readable
        self._refuse_damaged(rows)
        try:
            block = array[rows, columns] if isinstance(rows, slice) else array.oindex[list(rows), columns]
        # A torn shard shows as whatever its codec or its index meets first.
        except (ValueError, RuntimeError, OSError, KeyError, IndexError) as error:
            raise DataError(f"{self.place} is damaged: {error}", hint=_HOW_TO_MEND) from error
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
            # What has no record yet is not there.
            if record is not None and not is_whole(self.shard_path(index), str(record.get("sha256"))):
                told = f"{self.place} is damaged: shard {index} is not what was written"
                raise DataError(told, hint=_HOW_TO_MEND)

    def record_of(self, index: int) -> dict[str, Any] | None:
        """Return the record of a finished shard; None where there is none, or it is damaged or another's."""
        with suppress(DataError):
            record = read_sealed(self.record_path(index))
            start = index * self.rows_per_shard
            if record.get("key") == self.key and record.get("rows") == [
                start,
                min(start + self.rows_per_shard, self.n_stimuli),
            ]:
                return record
        return None

    def is_recorded(self) -> bool:
        """Say whether every shard has its record."""
        return all(self.record_of(index) is not None for index in range(-(-self.n_stimuli // self.rows_per_shard)))

    def shard_path(self, index: int) -> Path:
        """Return the file of a shard, whether or not it is there."""
        return self.place / "features.zarr" / "c" / str(index) / "0"

    def record_path(self, index: int) -> Path:
        """Return the record of a shard, whether or not it is there."""
        return self.place / "done" / f"{index:05d}.json"

    def column_blocks(self) -> list[slice]:
        """Return the column blocks in which a pass over the store costs least: one chunk wide."""
        return blocks(self.n_features, CHUNK_FEATURES)

    @cached_property
    def _readable(self) -> Any:
        # Opened once: a pass over a store reads hundreds of blocks.
        return self._array("r")

    def _array(self, mode: str) -> Any:
        import zarr

        digest = self.manifest.get("array")
        damaged = DataError(f"the description of the array in {self.place} is missing or damaged", hint=_HOW_TO_MEND)
        if digest is not None and not is_unchanged(self.place / "features.zarr" / "zarr.json", digest):
            raise damaged
        # An all-zero chunk must be stored: one that is absent reads as NaN, the fill value.
        try:
            with zarr.config.set({"array.write_empty_chunks": True}):
                return zarr.open_array(str(self.place / "features.zarr"), mode=mode)
        except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
            raise damaged from error


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    manifest = read_sealed(path, hint=_HOW_TO_MEND)
    schema = manifest.get("schema")
    if schema != SCHEMA:
        raise DataError(
            f"{folder} was written by another version of algocli (schema {schema}; this version writes {SCHEMA})",
            hint=f"rm -r {quote(str(folder))}, then make it again, as it was made",
        )
    problem = mismatch(manifest, _MANIFEST)
    if problem is not None:
        raise DataError(f"{path} is damaged: {problem}", hint=_HOW_TO_MEND)
    sizes = [*manifest["shape"], manifest["rows_per_shard"]]
    if len(sizes) != 3 or min(sizes) < 1 or max(sizes) > _LARGEST or manifest["dtype"] not in get_args(Dtype):
        raise DataError(f"{path} is damaged: no store is of {sizes} and {manifest['dtype']}", hint=_HOW_TO_MEND)
    if manifest["key"] != digest_of(manifest["identity"]):
        raise DataError(f"{path} is damaged: its key is not that of what it describes", hint=_HOW_TO_MEND)
    return manifest


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


def column_passes(
    stores: Sequence[Readable], n_stimuli: int, label: str, track: Track
) -> Iterator[tuple[slice, NDArray[np.float32], ThreadPoolExecutor]]:
    """Read all columns of some stores' first images, a block at a time, as whatever looks at all images at once does.

    Yields
    ------
    The columns; the block, (n_stimuli, n_columns) in float32, which may be changed and is overwritten by the next; and
    the threads that read it, to work on it.

    Raises
    ------
    DataError
        If a store is damaged.
    """
    passes = [(store, columns) for store in stores for columns in store.column_blocks()]
    whole = np.empty((n_stimuli, max(length(columns) for _, columns in passes)), np.float32)
    from concurrent.futures import ThreadPoolExecutor

    # A few more than there are cores: some wait for the disk.
    with ThreadPoolExecutor(n_cores() + 4) as pool:
        for store, columns in track(passes, total=len(passes), label=label, unit="blocks"):
            block = whole[:, : length(columns)]
            _read_columns(store, columns, block, pool)
            yield columns, block, pool


def inverse_spread(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return one over the standard deviation of each column, (n_columns,); nothing where it never varies."""
    spread: NDArray[np.float64] = features.std(axis=0, dtype=np.float64)
    # Rounding gives equal numbers a spread, and dividing by it would make a feature of nothing a large one.
    varies = features.max(axis=0) != features.min(axis=0)
    inverse: NDArray[np.float64] = np.divide(1, spread, out=np.zeros_like(spread), where=varies)
    return inverse


def _read_columns(store: Readable, columns: slice, block: NDArray[np.float32], pool: ThreadPoolExecutor) -> None:
    def read(rows: slice) -> None:
        _widen(store.read(rows, columns), block[rows])

    # Decompressing and widening cost as much as a tenth of a Gram matrix: use all cores.
    list(pool.map(read, blocks(len(block), store.rows_per_shard)))


def _widen(features: NDArray[Any], out: NDArray[np.float32]) -> None:
    """Copy features of any precision to float32."""
    if features.dtype == np.float16:
        # numpy converts half floats one by one in plain code; there are few enough of them to look each up.
        np.take(_EVERY_HALF, features.view(np.uint16), out=out, mode="clip")
    else:
        out[:] = features
