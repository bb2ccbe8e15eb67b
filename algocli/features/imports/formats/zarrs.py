"""Zarr arrays, of either version of the format: chunks that are not there are told from chunks of zeros."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.opening import check_file, open_file
from algocli.errors import DataError, first_line, reading
from algocli.features.imports.formats.labels import MOST_WORDS, as_words, is_list, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, selection

# What stands in a shard's index for a chunk that was never written.
_ABSENT = np.uint64(2**64 - 1)
_CHECKSUM_BYTES = 4
# What a codec adds to numbers that it cannot make smaller, or a shard for its index, at most.
_SPARE = 2**24
# That rows lie in, side by side.
_MOST_CHUNKS = 10**6
# Where a folder is a Zarr array or group, one of these lies in it.
DESCRIPTIONS = ("zarr.json", ".zarray", ".zgroup")
# Of version 2, what else is read before any number.
_BESIDE = (".zattrs", ".zmetadata")
_LARGEST_DESCRIPTION = 64 * 2**20


def open_zarr(path: Path, dataset: str | None) -> Matrix:
    """Open an array, or one of a group.

    Raises
    ------
    DataError, UsageError
        As `open_matrix`.
    """
    import zarr

    if not path.is_dir():
        raise DataError(f"{path} is no folder of a Zarr array" if path.exists() else f"{path} is missing")
    with reading(path):
        _check_folder(path, path.resolve())
    # On a damaged description zarr raises nearly anything.
    try:
        opened: Any = zarr.open(str(path), mode="r")
        if isinstance(opened, zarr.Group):
            arrays = {name: item for name, item in opened.members(max_depth=None) if isinstance(item, zarr.Array)}
        else:
            arrays = {"": opened}
        for member in arrays.values():
            _refuse_programs(path, member)
        # A kind of number that this zarr does not know shows here.
        dtypes = {name: np.dtype(array.dtype) for name, array in arrays.items()}
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path} cannot be read as Zarr: {first_line(error)}") from error
    numeric = {name: tuple(arrays[name].shape) for name, dtype in dtypes.items() if dtype.kind not in "OUST"}
    name = choose(path, numeric if len(arrays) > 1 else {n: tuple(a.shape) for n, a in arrays.items()}, dataset)
    array: Any = arrays[name]
    _refuse_absurd(path, array)
    everything = (slice(None),) * (len(array.shape) - 1)

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return _guarded(path, array, (selection(rows), *everything))

    words = {other: partial(_read_words, path, other, arrays[other]) for other in arrays if rank_key(other) is not None}
    labels = labels_within(path, array.shape[0] if array.shape else 0, words, name)
    holes = partial(_refuse_holes, path, name, array)
    return Matrix(path, name or None, tuple(array.shape), dtypes[name], read, labels, holes)


def _check_folder(folder: Path, home: Path) -> None:
    """See that all that lies in the folder of an array are folders and regular files, and that no link leads out.

    Raises
    ------
    DataError
        If there is something else.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.is_symlink() and not path.resolve().is_relative_to(home):
                raise DataError(
                    f"{path} leads to {path.resolve()}, which is not in {home}", hint="if you trust it, copy that here"
                )
            if entry.is_dir(follow_symlinks=False):
                _check_folder(path, home)
            # A link within the folder leads to what is met anyway.
            elif not entry.is_symlink() and not entry.is_file(follow_symlinks=False):
                check_file(path)
            elif entry.name in (*DESCRIPTIONS, *_BESIDE):
                check_file(path, _LARGEST_DESCRIPTION)


def _refuse_programs(path: Path, array: Any) -> None:
    """Refuse numbers that are told as Python objects: to read these is to run what they say."""
    metadata = array.metadata.to_dict()
    codecs = [*(metadata.get("filters") or ()), metadata.get("compressor"), *metadata.get("codecs", ())]
    names = [str(codec.get("id") or codec.get("name")) for codec in codecs if isinstance(codec, Mapping)]
    if any("pickle" in name for name in names):
        raise DataError(
            f"{path}, {array.path or 'its array'} holds Python objects, which were not run",
            hint="save it as an array of plain numbers",
        )


def _refuse_absurd(path: Path, array: Any) -> None:
    """See that a chunk fits into memory, and that a row is not in more of them than could be gone through."""
    side_by_side = zip(array.shape[1:], array.chunks[1:], strict=True)
    if not all(array.chunks) or math.prod(-(-n // size) for n, size in side_by_side) > _MOST_CHUNKS:
        raise DataError(f"{path} cannot be read as Zarr: of shape {array.shape}, it is in chunks of {array.chunks}")
    # Once as it is stored and once as it is read.
    needed = 2 * math.prod(array.chunks) * np.dtype(array.dtype).itemsize
    check_memory(needed, remedy=f"{path} is in chunks of {array.chunks}")


def _guarded(path: Path, array: Any, where: tuple[Any, ...]) -> NDArray[Any]:
    try:
        return np.asarray(array.oindex[where])
    # A torn chunk shows as whatever its codec meets first.
    except Exception as error:
        raise DataError(f"{path} is damaged: {first_line(error)}", hint="copy it again") from error


def _read_words(path: Path, name: str, array: Any) -> list[str] | None:
    if not is_list(array.shape) or max(math.prod(array.shape), math.prod(array.chunks)) > MOST_WORDS:
        return None
    _refuse_holes(path, name, array, range(array.shape[0]))
    return as_words(_guarded(path, array, (slice(None),) * len(array.shape)))


def _refuse_holes(path: Path, name: str, array: Any, rows: Sequence[int]) -> None:
    """Refuse rows of which a chunk is not there: zarr reads it as the fill value, whether or not that was meant."""
    folder = path / name if name else path
    step = array.chunks[0]
    wanted = np.unique(np.asarray(rows, dtype=np.int64) // step).tolist()
    absent: list[tuple[int, str]] = []
    for row_chunk in wanted:
        absent += [(row_chunk, key) for key in _absent_chunks(folder, array, row_chunk)]
    if not absent:
        return
    row_chunk, key = absent[0]
    last = min((row_chunk + 1) * step, array.shape[0]) - 1
    n_rows = int(np.isin(np.asarray(rows) // step, [number for number, _ in absent]).sum())
    more = f", nor do {len(absent) - 1} others" if absent[1:] else ""
    raise DataError(
        f"{folder} was never written to the end: chunk {key}, of rows {row_chunk * step} to {last}, does not "
        f"exist{more}; {n_rows} of the {len(rows)} rows that are needed lack data",
        hint="write what is missing, or copy it again; where chunks are left out because all of them is zero, write "
        "with zarr.config.set({'array.write_empty_chunks': True}), or save the array with numpy.save",
    )


def _absent_chunks(folder: Path, array: Any, row_chunk: int) -> Iterator[str]:
    """Yield the keys of the chunks that a row of chunks lacks; of those within a shard, the shard's and their place."""
    counts = [-(-n // size) for n, size in zip(array.shape, array.chunks, strict=True)]
    places = itertools.product([row_chunk], *map(range, counts[1:]))
    if array.shards is None:
        keys = (_key(array, place) for place in places)
        yield from (key for key in keys if not _is_there(folder / key, array, array.chunks))
        return
    per_shard = [outer // inner for outer, inner in zip(array.shards, array.chunks, strict=True)]
    indices: dict[str, NDArray[np.bool_] | None] = {}
    for place in places:
        key = _key(array, tuple(n // within for n, within in zip(place, per_shard, strict=True)))
        if key not in indices:
            indices[key] = _written(folder / key, array, per_shard)
        index, inner = indices[key], tuple(n % within for n, within in zip(place, per_shard, strict=True))
        if index is None or not index[inner]:
            yield f"{key} ({', '.join(map(str, inner))} within it)"


def _is_there(path: Path, array: Any, shape: Sequence[int]) -> bool:
    """Say whether a chunk, or a shard, has a file, and see that it is not larger than all that it can hold."""
    if not path.exists():
        return False
    check_file(path, 2 * math.prod(shape) * array.dtype.itemsize + _SPARE)
    return True


def _key(array: Any, place: tuple[int, ...]) -> str:
    return str(array.metadata.encode_chunk_key(place))


def _written(shard: Path, array: Any, per_shard: Sequence[int]) -> NDArray[np.bool_] | None:
    """Say which chunks a shard's index knows; None where there is no shard."""
    if not _is_there(shard, array, array.shards):
        return None
    codec = array.metadata.codecs[0]
    has_checksum = any(type(inner).__name__ == "Crc32cCodec" for inner in codec.index_codecs)
    order = (
        ">"
        if any(getattr(getattr(inner, "endian", None), "value", "") == "big" for inner in codec.index_codecs)
        else "<"
    )
    n_bytes = 16 * int(np.prod(per_shard))
    with open_file(shard) as stream:
        if codec.index_location.value == "end":
            # A shard that is too short for its index is damaged, which reading it tells.
            stream.seek(max(0, shard.stat().st_size - n_bytes - _CHECKSUM_BYTES * has_checksum))
        index = np.frombuffer(stream.read(n_bytes), dtype=f"{order}u8")
    if len(index) != n_bytes // 8:
        return np.ones(tuple(per_shard), dtype=bool)
    is_there: NDArray[np.bool_] = (index != _ABSENT).reshape(*per_shard, 2).all(axis=-1)
    return is_there
