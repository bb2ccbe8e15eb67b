"""Opens an n x d array that another program wrote, whatever the format, to be read a block of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from algocli.compute.budget import check_memory
from algocli.dataset.arrays import open_array
from algocli.dataset.hdf5 import SUFFIXES
from algocli.dataset.ids import Ids, read_table
from algocli.dataset.stimuli import StimulusId
from algocli.errors import DataError, UsageError, reading
from algocli.features.imports.formats import hdf5, mat, npy, parquet, safetensors, tensors, text, zarrs
from algocli.features.imports.formats.labels import labels_beside, read_labels
from algocli.features.imports.formats.matrix import Matrix

NUMBERS = "fiub"
# What holds names beside an array as often as an array.
_TABLES = (".csv", ".tsv")
# What opens a suffix.
_FORMATS: dict[str, Callable[[Path, str | None], Matrix]] = {
    ".npy": npy.open_npy,
    **dict.fromkeys(SUFFIXES, hdf5.open_hdf5_dataset),
    ".zarr": zarrs.open_zarr,
    ".npz": npy.open_npz,
    ".mat": mat.open_mat,
    **dict.fromkeys((".pt", ".pth"), tensors.open_tensor),
    ".safetensors": safetensors.open_safetensors,
    ".parquet": parquet.open_parquet,
    **dict.fromkeys(_TABLES, text.open_table),
}
# One array and no name for it.
_NAMELESS = (".npy", *_TABLES)
# Files that are named where there are many.
_SHOWN = 5
# As many digits as an id is ever written with.
_LONGEST_ID = 9


def open_matrix(path: Path, dataset: str | None = None, names: Path | None = None) -> Matrix:
    """Open an array, and find what its rows are called where its file, or one beside it, says so.

    Parameters
    ----------
    path
        A file, the folder of a Zarr array, or a folder that holds one of these and no other.
    dataset
        Names the array within a file that holds several.
    names
        A file with the name or id of each row, instead of those that would be found.

    Raises
    ------
    UsageError
        If the file is of another kind, or holds several arrays to choose from.
    DataError
        If it is missing or damaged, or holds no numbers by row.
    """
    path = _only_array(path) if path.is_dir() and not _is_zarr(path) else path
    kind = ".zarr" if _is_zarr(path) else path.suffix.lower()
    if kind not in _FORMATS and not path.exists():
        raise DataError(f"{path} is missing")
    if kind not in _FORMATS:
        raise UsageError(
            f"{path} is of no kind that can be imported: {', '.join(list(_FORMATS)[:-1])} and {list(_FORMATS)[-1]} are",
            hint="save the array with numpy.save('features.npy', array)",
        )
    if kind in _NAMELESS and dataset is not None:
        raise UsageError(f"dataset={dataset!r}: a {kind} file holds one array, without a name")
    opened = _FORMATS[kind](path, dataset)
    if len(opened.shape) < 2 or not all(opened.shape) or opened.dtype.kind not in NUMBERS:
        raise DataError(
            f"{opened.name} is {opened.dtype} of shape {opened.shape}; numbers, images x features, were expected"
        )
    # Some rows are read at a time, and one at least.
    check_memory(
        2 * opened.n_features * opened.dtype.itemsize,
        remedy=f"{opened.name} would be of {opened.n_features:,} features",
    )
    return replace(opened, labels=read_labels(names) if names else opened.labels or labels_beside(path, opened.n_rows))


def read_ids(path: Path, kind: Ids, first: int = 0) -> list[StimulusId]:
    """Read the id of every row, from a .npy of whole numbers or a CSV file with a column of ids.

    Parameters
    ----------
    kind
        What ids are, and how that column is called.
    first
        What the first of all images is called there: 0, or 1 where ids are counted from 1.

    Raises
    ------
    DataError
        If the file is missing or damaged, or holds something that is no id.
    """
    if path.suffix.lower() == ".npy":
        ids = open_array(path)
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise DataError(f"{path} is {ids.dtype} of shape {ids.shape}; a list of whole numbers was expected")
        words = [str(number) for number in ids.tolist()]
    else:
        words = [word for (word,) in read_table(path, (kind.column,))]
    if first:
        return [_parse_shifted(word, kind, first, str(path)) for word in words]
    try:
        return [kind.parse(word, str(path)) for word in words]
    except DataError as error:
        # MATLAB files count from 1, and so does who reads them.
        if str(kind.n) in words and "0" not in words:
            raise DataError(error.message, hint=f"ids from 1 to {kind.n} fit, less one: ids_from=1") from error
        raise


def _parse_shifted(word: str, kind: Ids, first: int, where: str) -> StimulusId:
    if not (word.isascii() and word.isdecimal() and len(word) <= _LONGEST_ID and int(word) >= first):
        raise DataError(f"{where}: '{word[:20]}' is no {kind.name} that is counted from {first}")
    return kind.parse(str(int(word) - first), where)


def _is_zarr(path: Path) -> bool:
    return path.suffix.lower() == ".zarr" or any((path / name).is_file() for name in zarrs.DESCRIPTIONS)


def _only_array(folder: Path) -> Path:
    """Return the one array of a folder, such as a program leaves with a list of names beside it."""
    with reading(folder):
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    arrays = [path for path in files if _is_zarr(path) or (path.suffix.lower() in _FORMATS and not path.is_dir())]
    # Of those that may be names or ids as well.
    likely = [path for path in arrays if path.suffix.lower() not in _TABLES and not _is_list(path)] or arrays
    if len(likely) == 1:
        return likely[0]
    listed = ", ".join(path.name for path in likely[:_SHOWN]) + (", ..." if likely[_SHOWN:] else "")
    raise UsageError(
        f"{folder} holds {f'{len(likely)} arrays: {listed}' if likely else 'no array'}; of a folder, one is taken",
        hint="name the file; parts of one array are to be joined first"
        if likely
        else f"files that end in {', '.join(_FORMATS)} are",
    )


def _is_list(path: Path) -> bool:
    """Say whether a .npy holds a list, as of ids, and no matrix."""
    try:
        return path.suffix.lower() == ".npy" and open_array(path).ndim < 2
    except DataError:
        return False
