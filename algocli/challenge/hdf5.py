"""Reads the HDF5 files of other programs: NSD's images, features made elsewhere.

A file is opened anew for every read. That costs little beside the read itself, and whoever holds only a path can be
shared between threads and sent to other machines; h5py lets one thread in at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.errors import DataError

SUFFIXES = (".h5", ".hdf5")


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading, as an h5py.File.

    Raises
    ------
    DataError
        If the file is missing, is no HDF5 file, or turns out to be damaged while it is read.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    # HDF5 tells a broken chunk as either of these, with the filter at fault in its text.
    except (OSError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path} cannot be read as HDF5: {reason}", hint="copy the file again") from error


def list_datasets(file: Any) -> dict[str, tuple[int, ...]]:
    """Return the shape of every dataset of an open file, by its path, as in 'alexnet/conv1'."""
    import h5py

    found: dict[str, tuple[int, ...]] = {}

    def note(name: str, item: Any) -> None:
        # A dataset with no shape at all holds nothing.
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            found[name] = tuple(item.shape)

    file.visititems(note)
    return found


def read_rows(dataset: Any, rows: Sequence[int]) -> NDArray[Any]:
    """Read rows of a dataset in any order, (n_rows, ...): HDF5 itself takes them rising and each once."""
    if isinstance(rows, range) and rows.step == 1:
        return np.asarray(dataset[rows.start : rows.stop])
    rising, places = np.unique(np.asarray(rows, dtype=np.int64), return_inverse=True)
    return np.asarray(dataset[rising])[places]
