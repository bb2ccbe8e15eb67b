"""Reads the HDF5 files of other programs: NSD's images, features made elsewhere.

What nobody wrote reads as zeros, or as another fill value, and looks like numbers: `refuse_unwritten` tells it from
what was written.

A file is opened anew for every read. That costs little beside the read itself, and whoever holds only a path can be
shared between threads and sent to other machines; h5py lets one thread in at a time.
"""

from __future__ import annotations

import errno
import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.holders import holder_of
from algocli.compute.opening import check_file
from algocli.dataset.hdf5_links import follow_links, grows, raw_file, refuse_elsewhere, source_file, spell
from algocli.errors import AlgocliError, DataError, first_line

SUFFIXES = (".h5", ".hdf5")
# That rows lie in, side by side.
_MOST_CHUNKS = 10**6


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading, as an h5py.File.

    Raises
    ------
    DataError
        If the file is missing, is no HDF5 file, is held by a program that writes it or was left open by one, or turns
        out to be damaged while it is read.
    """
    import h5py

    check_file(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except AlgocliError:
        raise
    # On a damaged file h5py raises nearly anything; of a broken chunk its text has the filter at fault.
    except Exception as error:
        raise _explained(path, first_line(error)) from error


def _explained(path: Path, reason: str) -> DataError:
    """Say what h5py means: whether a file is in use, was never closed, cannot be locked here, or is damaged."""
    if "unable to lock file" in reason:
        if any(f"errno = {number}," in reason for number in (errno.EAGAIN, errno.EACCES)):
            return DataError(
                f"{path} is held by {holder_of(path)}, which has it open for writing",
                hint="wait until that program has closed it, or end the program",
            )
        return DataError(
            f"{path} cannot be locked: {reason}",
            hint="where nobody writes it, set HDF5_USE_FILE_LOCKING=FALSE: not every file system has locks",
        )
    if "already open for" in reason:
        return DataError(
            f"{path} is open for writing in another program, or that program ended before it had closed the file",
            hint=f"close it there; if nothing has it open any more: h5clear -s {quote(str(path))} (of the HDF5 tools)",
        )
    if "truncated file" in reason:
        return DataError(
            f"{path} is cut short: {reason}",
            hint="copy the file again; if the program that wrote it was ended, write it again",
        )
    return DataError(f"{path} cannot be read as HDF5: {reason}", hint="copy the file again")


def list_datasets(file: Any) -> dict[str, tuple[int, ...]]:
    """Return the shape of every dataset of an open file, by its path, as in 'alexnet/conv1'; links are not followed.

    Raises
    ------
    DataError
        If one takes its numbers from another file than lies in the folder of its own, or below it.
    """
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        refuse_elsewhere(item)
        # A dataset with no shape at all holds nothing.
        if item.shape is not None:
            shapes[name] = tuple(item.shape)

    file.visititems(note)
    return shapes


def find_dataset(file: Any, name: str) -> Any:
    """Return a dataset of an open file by its path, or None where nothing there is one.

    Raises
    ------
    DataError
        As `list_datasets`, or if a link on the way to it leads out of that folder.
    """
    import h5py

    follow_links(file, name)
    item = file.get(name)
    if not isinstance(item, h5py.Dataset):
        return None
    refuse_elsewhere(item)
    refuse_absurd(item)
    return item


def refuse_absurd(dataset: Any) -> None:
    """See that one chunk of a dataset fits into memory: to read a single number of it, HDF5 makes all of it.

    Raises
    ------
    UsageError
        If it does not.
    """
    if dataset.chunks is not None:
        needed = math.prod(dataset.chunks) * dataset.dtype.itemsize
        check_memory(
            needed, remedy=f"{dataset.file.filename}, {dataset.name.lstrip('/')} is in chunks of {dataset.chunks}"
        )


def read_rows(dataset: Any, rows: Sequence[int], *, by_last_axis: bool = False) -> NDArray[Any]:
    """Read rows of a dataset in any order, (n_rows, ...): HDF5 itself takes them rising and each once.

    Parameters
    ----------
    by_last_axis
        Whether the dataset has its axes in reverse, as MATLAB writes them: its last one counts rows.
    """
    before = (Ellipsis,) if by_last_axis else ()
    if isinstance(rows, range) and rows.step == 1:
        read = np.asarray(dataset[(*before, slice(rows.start, rows.stop))])
        return read.T if by_last_axis else read
    rising, places = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
    read = np.asarray(dataset[(*before, rising)])
    return (read.T if by_last_axis else read)[places]


def refuse_unwritten(
    dataset: Any, rows: Sequence[int], what: str, *, row: str = "row", by_last_axis: bool = False
) -> None:
    """See that a dataset has something on the disk for every one of some rows.

    Parameters
    ----------
    what, row
        What to call the dataset, and a row of it, in the message.
    by_last_axis
        As `read_rows` has it.

    Raises
    ------
    DataError
        If there are rows that were never written, or whose own file is gone or too short.
    """
    absent = _unwritten(dataset, np.unique(np.asarray(rows, dtype=np.int64)), -1 if by_last_axis else 0)
    if len(absent):
        more = f" to {absent[-1]}" if absent[1:].size else ""
        raise DataError(
            f"{what} was never written to the end: {len(absent)} of the {len(rows)} rows that are needed lack data, "
            f"{row} {absent[0]}{more}",
            hint="HDF5 would read them as zeros: write the missing rows, or copy the file again with all that it links",
        )


def refuse_black(images: NDArray[np.uint8], names: Sequence[str]) -> None:
    """See that none of some photographs, (n_images, ...), is 0 all over.

    Raises
    ------
    DataError
        If one is: a file that was given its size and not all of its content reads so, whatever HDF5 knows.
    """
    for name, image in zip(names, images, strict=True):
        if not image.any():
            raise DataError(f"{name} is black all over: it was never written", hint="copy the file again")


def _unwritten(dataset: Any, rows: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """Return which of some rows, rising, HDF5 would fill in instead of reading."""
    import h5py

    if dataset.is_virtual:
        return rows[~_has_sources(dataset, rows, axis)]
    if dataset.external:
        return rows[~_is_in_files(dataset, rows, axis)]
    if dataset.chunks is not None:
        return _in_absent_chunks(dataset, rows, axis)
    is_compact = dataset.id.get_create_plist().get_layout() == h5py.h5d.COMPACT
    return rows if not is_compact and dataset.id.get_storage_size() == 0 else rows[:0]


def _in_absent_chunks(dataset: Any, rows: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    shape, chunks = dataset.shape, dataset.chunks
    counts = [-(-n // step) for n, step in zip(shape, chunks, strict=True)]
    if dataset.id.get_num_chunks() == math.prod(counts):
        return rows[:0]
    if math.prod(counts) > _MOST_CHUNKS * counts[axis]:
        name = f"{dataset.file.filename}, {dataset.name.lstrip('/')}"
        raise DataError(f"{name}: of shape {shape}, it is in chunks of {chunks}")
    starts = [range(0, n, step) for n, step in zip(shape, chunks, strict=True)]
    slab_of = rows // chunks[axis]
    absent = []
    for slab in np.unique(slab_of).tolist():
        starts[axis] = range(slab * chunks[axis], slab * chunks[axis] + 1)
        places = itertools.product(*starts)
        if any(dataset.id.get_chunk_info_by_coord(place).byte_offset is None for place in places):
            absent.append(slab)
    return rows[np.isin(slab_of, absent)]


def _is_in_files(dataset: Any, rows: NDArray[np.int64], axis: int) -> NDArray[np.bool_]:
    """Say for which rows the raw files of an external dataset are long enough: HDF5 reads zeros past their end."""
    n_there = 0
    for name, offset, n_bytes in dataset.external:
        path = raw_file(dataset, name)
        size = 0 if path is None else path.stat().st_size
        n_there += min(n_bytes, max(0, size - offset))
        if size < offset + n_bytes:
            break
    row_bytes = math.prod(dataset.shape) * dataset.dtype.itemsize // dataset.shape[axis]
    ends = (rows + 1) * row_bytes if axis == 0 else np.full(len(rows), dataset.shape[axis] * row_bytes)
    is_there: NDArray[np.bool_] = ends <= n_there
    return is_there


def _has_sources(dataset: Any, rows: NDArray[np.int64], axis: int) -> NDArray[np.bool_]:
    """Say which rows of a virtual dataset are mapped as a whole to data that is there."""
    wanted = math.prod(dataset.shape) // dataset.shape[axis]
    mapped, is_there = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=bool)
    for source in dataset.virtual_sources():
        # HDF5 numbers files and datasets by a pattern where a mapping grows: what there is of it has no end to check.
        if grows(source):
            mapped += wanted
            continue
        low, high = (bound[axis] for bound in source.vspace.get_select_bounds())
        covered = (rows >= low) & (rows <= high)
        mapped[covered] += source.vspace.get_select_npoints() // (high - low + 1)
        if covered.any():
            is_there[covered] &= _is_in_source(dataset, source, rows[covered] - low, axis)
    return np.asarray(is_there & (mapped >= wanted))


def _is_in_source(dataset: Any, source: Any, rows: NDArray[np.int64], axis: int) -> NDArray[np.bool_]:
    """Say which rows of a mapping, counted from its own first, are in the dataset that it leads to."""
    import h5py

    if source.src_space.get_select_type() != h5py.h5s.SEL_ALL:
        rows = rows + source.src_space.get_select_bounds()[0][axis]
    path = source_file(dataset, spell(source.file_name))
    if path is None:
        return np.zeros(len(rows), dtype=bool)
    with open_hdf5(path) as file:
        origin = find_dataset(file, spell(source.dset_name))
        if origin is None or origin.ndim != dataset.ndim:
            # Of another number of axes, its rows cannot be told from here.
            return np.full(len(rows), origin is not None)
        inside = rows < origin.shape[axis]
        return np.asarray(inside & ~np.isin(rows, _unwritten(origin, np.unique(rows[inside]), axis)))
