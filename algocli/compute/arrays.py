"""Arrays in files that are either whole or not there."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from algocli.compute.files import publishing


@contextmanager
def publishing_rows(
    path: Path, shape: tuple[int, ...], dtype: DTypeLike = np.float32
) -> Iterator[Callable[[NDArray[Any]], object]]:
    """Open a .npy file for blocks of rows, as they are handed over one after the other within a `with` block.

    Raises
    ------
    StorageError
        If the disk is full or the folder may not be written; nothing is left behind then.
    """
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with publishing(path) as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        yield lambda block: stream.write(np.ascontiguousarray(block, dtype=dtype).data)


def read_kept(path: Path) -> dict[str, NDArray[Any]] | None:
    """Read the named arrays of an .npz file; None where there is none, or it is damaged: what was kept can be made."""
    try:
        # Of a damaged file that it opened itself, numpy would leave the closing to chance.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as kept:
            return dict(kept)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
