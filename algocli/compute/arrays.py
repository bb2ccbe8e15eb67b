"""Arrays a block at a time, and in files that are either whole or not there."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import DTypeLike, NDArray

from algocli.compute.files import publish, publishing
from algocli.compute.opening import open_file
from algocli.errors import DataError

# What numpy admits, in bytes.
_LONGEST_HEADER = 10_000
# Under which a file of kept arrays says what they were made of; one of before does not, and is made anew.
_OF = "of"


class Digest(Protocol):
    """One of hashlib's, which sees bytes one part after the other."""

    def update(self, part: Any, /) -> None:
        """See the next bytes."""
        ...


def blocks(stop: int, step: int, start: int = 0) -> list[slice]:
    """Cut the whole numbers from `start` to `stop`, end excluded, into blocks of `step`; the last may be shorter."""
    return [slice(first, min(first + step, stop)) for first in range(start, stop, step)]


def length(block: slice) -> int:
    """Count what lies in a block."""
    return int(block.stop - block.start)


def take(array: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
    """Return some rows of some columns of a matrix, (n_rows, n_columns), which may be a file's: no others are read.

    Parameters
    ----------
    columns
        Rising.
    """
    # Neighbours are read ten times as fast as what lies scattered.
    if len(columns) and columns[-1] - columns[0] + 1 == len(columns):
        return array[:, columns[0] : columns[-1] + 1][rows]
    return array[rows[:, None], columns]


def refuse_not_finite(name: str, values: NDArray[Any], *, hint: str | None = None) -> None:
    """Refuse a vector or matrix of floats that holds NaN or infinity: no number made of it would mean anything.

    Parameters
    ----------
    name
        What holds them: the path of a file, where they are of one.

    Raises
    ------
    DataError
        With their number, and the row and column, from 0, of the first.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        axes = ("row", "column") if values.ndim > 1 else ("position",)
        first = zip(axes, np.argwhere(bad)[0].tolist(), strict=True)
        where = ", ".join(f"{axis} {place}" for axis, place in first)
        raise DataError(
            f"{name} holds {int(bad.sum())} values that are NaN or infinite, the first in {where}", hint=hint
        )


def level_rounding(values: NDArray[Any]) -> NDArray[Any]:
    """Make columns of floats, (n_rows, n_columns), that differ by no more than a last bit, the same in every row.

    What is left of a constant after rounding has no unit and no limit: it would correlate with anything.
    """
    if values.dtype.kind != "f":
        return values
    low, high = values.min(axis=0), values.max(axis=0)
    with np.errstate(over="ignore"):
        nearly = (low != high) & (high - low <= np.finfo(values.dtype).eps * np.maximum(np.abs(low), np.abs(high)))
    if nearly.any():
        values = np.array(values)
        values[:, nearly] = low[nearly]
    return values


class Header(NamedTuple):
    """What a .npy file says of the array that follows."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """The size of its values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(stream: Any) -> Header:
    """Read a .npy file up to where its values begin; on what is none, numpy raises nearly anything."""
    magic = stream.read(npy_format.MAGIC_LEN)
    version = npy_format.read_magic(io.BytesIO(magic))
    length = stream.read(2 if version == (1, 0) else 4)
    n_bytes = int.from_bytes(length, "little")
    # numpy would first read what is said to be the header, of up to 4 GB, and then find it too long.
    if n_bytes > _LONGEST_HEADER:
        raise ValueError(f"its header would be of {n_bytes} bytes")
    return _parse_header(version, length + stream.read(n_bytes))


# numpy has Python compile it each time, and a report opens hundreds of files, most of which begin alike.
@lru_cache(maxsize=128)
def _parse_header(version: tuple[int, int], content: bytes) -> Header:
    read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
    header = Header(*read(io.BytesIO(content)))
    if min(header.shape, default=0) < 0 or not isinstance(header.dtype, np.dtype):
        raise ValueError(f"its shape would be {header.shape}")
    return header


def write_header(stream: IO[bytes], shape: tuple[int, ...], dtype: DTypeLike = np.float32) -> None:
    """Begin a .npy file of values row by row, which are then written one block after the other."""
    npy_format.write_array_header_1_0(stream, {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape})


@contextmanager
def publishing_rows(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike = np.float32, digest: Digest | None = None
) -> Iterator[Callable[[NDArray[Any]], object]]:
    """Open a .npy file for blocks of rows, as they are handed over one after the other within a `with` block.

    Parameters
    ----------
    digest
        What is to see every byte of the file.

    Raises
    ------
    StorageError
        If the disk is full or the folder may not be written; nothing is left behind then.
    """
    with publishing(path) as stream:

        def write(part: Any) -> None:
            stream.write(part)
            if digest is not None:
                digest.update(part)

        header = BytesIO()
        write_header(header, shape, dtype)
        write(header.getvalue())
        # A view of bytes: neither a file nor a digest takes an array without elements otherwise.
        yield lambda block: write(np.ascontiguousarray(block, dtype=dtype).reshape(-1).view(np.uint8).data)


def keep(path: Path, of: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep named arrays in an .npz file that says what they were made `of`: another's file is not taken for it.

    Raises
    ------
    StorageError
        If the disk is full or the folder may not be written.
    """
    publish(path, lambda stream: np.savez(stream, **{_OF: np.array(of), **arrays}))  # type: ignore[arg-type]


def read_kept(path: Path, of: str | None = None) -> dict[str, NDArray[Any]] | None:
    """Read the named arrays of a file that `keep` wrote; None where it has to be made anew.

    That is where there is none, it is damaged, or was made of something else than this; None asks for any.
    """
    try:
        # Of a damaged file that it opened itself, numpy would leave the closing to chance.
        with open_file(path) as stream, np.load(stream, allow_pickle=False) as kept:
            arrays = dict(kept)
    # Where its table of contents is damaged, zipfile raises nearly anything.
    except (DataError, OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None
    made_of = arrays.pop(_OF, None)
    return arrays if of is None or str(made_of) == of else None
