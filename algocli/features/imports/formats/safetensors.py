"""The safetensors format: a header in JSON that says where in the file each tensor lies, and the tensors, mapped.

It is read here by its specification, which is short: the library's numpy interface knows no bfloat16.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.opening import open_file
from algocli.errors import DataError, first_line
from algocli.features.imports.formats.labels import as_words, is_list, labels_within, rank_key
from algocli.features.imports.formats.matrix import Matrix, choose, selection, stack

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "?"}
_DTYPES |= {f"{kind}{8 * size}": f"<{kind.lower()}{size}" for kind in "IU" for size in (1, 2, 4, 8)}
_LENGTH_BYTES = 8
# The library's own bound.
_LONGEST_HEADER = 100_000_000
_METADATA = "__metadata__"


def open_safetensors(path: Path, dataset: str | None) -> Matrix:
    """Open a tensor; bfloat16, which numpy lacks, is read as float32.

    Raises
    ------
    DataError, UsageError
        As `open_matrix`.
    """
    start, header = _read_header(path)
    known = {name: tuple(item["shape"]) for name, item in header.items() if item["dtype"] in _DTYPES}
    dtypes = {name: np.dtype(_DTYPES[header[name]["dtype"]]) for name in known}
    # Those in bfloat16 are left to be joined by who saved them.
    has_halves = any(header[name]["dtype"] == "BF16" for name in known)
    if dataset is None and not has_halves:
        stacked = stack(path, known, dtypes, lambda names: [_map(path, start, header[name]) for name in names])
        if stacked is not None:
            return stacked
    name = choose(path, known, dataset)
    mapped = {
        other: _map(path, start, header[other])
        for other in {name, *(key for key, extent in known.items() if is_list(extent) and rank_key(key) is not None)}
    }
    is_brain = header[name]["dtype"] == "BF16"
    array, shape = mapped[name], known[name]

    def read(rows: Sequence[int]) -> NDArray[Any]:
        values = np.asarray(array[selection(rows)])
        # The upper half of a float32.
        return (values.astype(np.uint32) << 16).view(np.float32) if is_brain else values

    words = {other: partial(as_words, tensor) for other, tensor in mapped.items() if other != name}
    labels = labels_within(path, shape[0] if shape else 0, words, name)
    return Matrix(path, name, shape, np.dtype(np.float32) if is_brain else array.dtype, read, labels)


def _read_header(path: Path) -> tuple[int, dict[str, Any]]:
    """Return where the tensors begin, and what is said of each: dtype, shape and data_offsets."""
    try:
        with open_file(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            n_bytes = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
            if n_bytes > min(size, _LONGEST_HEADER):
                raise ValueError("it is shorter than its header")
            header = json.loads(stream.read(n_bytes))
        header.pop(_METADATA, None)
        start = _LENGTH_BYTES + n_bytes
        for item in header.values():
            begin, end = item["data_offsets"]
            if (
                not all(type(n) is int and n >= 0 for n in (begin, end, *item["shape"]))
                or type(item["dtype"]) is not str
            ):
                raise ValueError("its header is damaged")
            if start + end > size:
                raise ValueError("it ends early")
    except DataError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise DataError(
            f"{path} is no whole safetensors file: {first_line(error)}", hint="copy the file again"
        ) from error
    return start, header


def _map(path: Path, start: int, item: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = np.dtype(_DTYPES[item["dtype"]]), tuple(item["shape"])
    begin, end = item["data_offsets"]
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise DataError(f"{path} is no whole safetensors file: a tensor of shape {shape} has {end - begin} bytes")
    # What holds nothing cannot be mapped.
    return np.memmap(path, dtype, "r", start + begin, shape) if math.prod(shape) else np.empty(shape, dtype)
