"""NumPy's own files: .npy, mapped into memory, and .npz, an archive of them."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from algocli.compute.arrays import read_header
from algocli.compute.budget import check_memory
from algocli.compute.opening import open_file
from algocli.dataset.arrays import open_array
from algocli.errors import DataError, first_line
from algocli.features.imports.formats.labels import MOST_WORDS, as_words, is_list, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, of_array, selection, stack

# Of a header in the archive: what it begins with, and where the lengths of a name and of what follows it stand.
_LOCAL_HEADER, _LENGTHS = 30, slice(26, 30)
_BROKEN = (ValueError, OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


def open_npy(path: Path, dataset: str | None) -> Matrix:
    """Open a .npy file."""
    return of_array(path, dataset, open_array(path))


def open_npz(path: Path, dataset: str | None) -> Matrix:
    """Open one array of an .npz file: mapped where it is stored as it is, read into memory where it is compressed.

    Raises
    ------
    DataError, UsageError
        As `open_matrix`; a UsageError also where a compressed array does not fit into memory.
    """
    # numpy and zipfile raise nearly anything on a damaged archive.
    try:
        with open_file(path) as stream, zipfile.ZipFile(stream) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            headers = {name: _read_header(archive, info) for name, info in members.items()}
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path} is no whole .npz archive: {first_line(error)}", hint="copy the file again") from error
    # Names as Python objects would have to be unpickled: they are no features, whatever their shape.
    numeric = {name: shape for name, (shape, dtype) in headers.items() if dtype.kind not in "OUS"}
    if dataset is None:
        dtypes = {name: dtype for name, (_, dtype) in headers.items()}
        stacked = stack(path, numeric, dtypes, lambda names: [_load(path, members[name]) for name in names])
        if stacked is not None:
            return stacked
    name = choose(path, numeric, dataset)
    shape, dtype = headers[name]
    words = {n: partial(_read_words, path, members[n], s) for n, (s, _) in headers.items() if rank_key(n) is not None}
    whole = cache(partial(_load, path, members[name]))

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return np.asarray(whole()[selection(rows)])

    return Matrix(path, name, shape, dtype, read, labels_within(path, shape[0] if shape else 0, words, name))


def _read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any]]:
    with archive.open(info) as stream:
        header = read_header(stream)
        # numpy makes room for all that a header promises before it reads the first value.
        if header.n_bytes > info.file_size and not header.dtype.hasobject:
            raise ValueError(f"{info.filename} ends early")
        return header.shape, header.dtype


def _load(path: Path, info: zipfile.ZipInfo) -> NDArray[Any]:
    try:
        if info.compress_type == zipfile.ZIP_STORED:
            return _map(path, info)
        check_memory(2 * info.file_size, remedy="save the array with numpy.save, which needs no more than its rows do")
        # Read to its end the archive compares checksums.
        with open_file(path) as file, zipfile.ZipFile(file) as archive, archive.open(info) as stream:
            return np.asarray(npy_format.read_array(stream, allow_pickle=False))
    # A broken stream shows as whatever zlib, zipfile or numpy meets first.
    except _BROKEN as error:
        raise DataError(f"{path} is damaged: {first_line(error)}", hint="copy it again") from error


def _map(path: Path, info: zipfile.ZipInfo) -> NDArray[Any]:
    """Map an array that is stored uncompressed: after its own header, and the archive's before it."""
    with open_file(path) as stream:
        stream.seek(info.header_offset)
        lengths = np.frombuffer(stream.read(_LOCAL_HEADER)[_LENGTHS], dtype="<u2")
        stream.seek(info.header_offset + _LOCAL_HEADER + int(lengths.sum()))
        shape, is_fortran, dtype = read_header(stream)
        order: Any = "F" if is_fortran else "C"
        return np.memmap(path, dtype, "r", stream.tell(), shape, order)


def _read_words(path: Path, info: zipfile.ZipInfo, shape: tuple[int, ...]) -> list[str] | None:
    if not is_list(shape) or math.prod(shape) > MOST_WORDS:
        return None
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive, archive.open(info) as stream:
            return as_words(npy_format.read_array(stream, allow_pickle=False))
    except (*_BROKEN, MemoryError):
        # Python objects, which are not unpickled; or what is damaged, which says nothing of rows.
        return None
