"""Zarr arrays, of either version of the format: chunks that are not there are told from chunks of zeros."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError, first_line
from algocli.features.imports.formats.labels import as_words, is_list, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, selection

# What stands in a shard's index for a chunk that was never written.
_ABSENT = np.uint64(2**64 - 1)
_CHECKSUM_BYTES = 4
# Where a folder is a Zarr array or group, one of these lies in it.
DESCRIPTIONS = ("zarr.json", ".zarray", ".zgroup")


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
    # On a damaged description zarr raises nearly anything.
    try:
        opened: Any = zarr.open(str(path), mode="r")
        if isinstance(opened, zarr.Group):
            arrays = {name: item for name, item in opened.members(max_depth=None) if isinstance(item, zarr.Array)}
        else:
            arrays = {"": opened}
        # A kind of number that this zarr does not know shows here.
        dtypes = {name: np.dtype(array.dtype) for name, array in arrays.items()}
    except Exception as error:
        raise DataError(f"{path} cannot be read as Zarr: {first_line(error)}") from error
    numeric = {name: tuple(arrays[name].shape) for name, dtype in dtypes.items() if dtype.kind not in "OUST"}
    name = choose(path, numeric if len(arrays) > 1 else {n: tuple(a.shape) for n, a in arrays.items()}, dataset)
    array: Any = arrays[name]
    everything = (slice(None),) * (len(array.shape) - 1)

    def read(rows: Sequence[int]) -> NDArray[Any]:
        return _guarded(path, array, (selection(rows), *everything))

    words = {other: partial(_read_words, path, arrays[other]) for other in arrays if rank_key(other) is not None}
    labels = labels_within(path, array.shape[0] if array.shape else 0, words, name)
    holes = partial(_refuse_holes, path, name, array)
    return Matrix(path, name or None, tuple(array.shape), dtypes[name], read, labels, holes)


def _guarded(path: Path, array: Any, where: tuple[Any, ...]) -> NDArray[Any]:
    try:
        return np.asarray(array.oindex[where])
    # A torn chunk shows as whatever its codec meets first.
    except (ValueError, RuntimeError, OSError, KeyError, IndexError) as error:
        raise DataError(f"{path} is damaged: {first_line(error)}", hint="copy it again") from error


def _read_words(path: Path, array: Any) -> list[str] | None:
    return as_words(_guarded(path, array, (slice(None),) * len(array.shape))) if is_list(array.shape) else None


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
    places = list(itertools.product([row_chunk], *map(range, counts[1:])))
    if array.shards is None:
        keys = (_key(array, place) for place in places)
        yield from (key for key in keys if not (folder / key).is_file())
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


def _key(array: Any, place: tuple[int, ...]) -> str:
    return str(array.metadata.encode_chunk_key(place))


def _written(shard: Path, array: Any, per_shard: Sequence[int]) -> NDArray[np.bool_] | None:
    """Say which chunks a shard's index knows; None where there is no shard."""
    if not shard.is_file():
        return None
    codec = array.metadata.codecs[0]
    has_checksum = any(type(inner).__name__ == "Crc32cCodec" for inner in codec.index_codecs)
    order = (
        ">"
        if any(getattr(getattr(inner, "endian", None), "value", "") == "big" for inner in codec.index_codecs)
        else "<"
    )
    n_bytes = 16 * int(np.prod(per_shard))
    with shard.open("rb") as stream:
        if codec.index_location.value == "end":
            # A shard that is too short for its index is damaged, which reading it tells.
            stream.seek(max(0, shard.stat().st_size - n_bytes - _CHECKSUM_BYTES * has_checksum))
        index = np.frombuffer(stream.read(n_bytes), dtype=f"{order}u8")
    if len(index) != n_bytes // 8:
        return np.ones(tuple(per_shard), dtype=bool)
    is_there: NDArray[np.bool_] = (index != _ABSENT).reshape(*per_shard, 2).all(axis=-1)
    return is_there
