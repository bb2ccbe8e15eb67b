"""RDMs that others have measured, from .npy and .npz files: of one subject or several, whole or condensed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.choices import check_path, check_paths, check_word
from algocli.compute.opening import check_content, open_file
from algocli.dataset.arrays import open_array
from algocli.errors import DataError, UsageError, first_line
from algocli.stats.similarity.measures import FEWEST

_HINT = "of n images it is n x n, subjects x n x n, n (n - 1) / 2 numbers, or subjects x n (n - 1) / 2"
# By how much of the largest distance two numbers may differ that are to be the same.
_ROUNDING = 1e-5
_BROKEN = (ValueError, OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


# RDMs by files, by what to call them, or as arrays.
Rdms = Mapping[str, Path | str | NDArray[Any]] | Iterable[Path | str] | Path | str | NDArray[Any]


@dataclass(frozen=True)
class Rdm:
    """The dissimilarities of the same images for one subject or several.

    Attributes
    ----------
    name
        What to call it: that of its file, or of the array within it.
    of_subjects : (n_subjects, n_images, n_images) float64
    """

    name: str
    of_subjects: NDArray[np.float64]

    @property
    def n_images(self) -> int:
        """Of how many images."""
        return len(self.of_subjects[0])


def read_all(given: Rdms) -> list[Rdm]:
    """Return the RDMs of files and arrays.

    Raises
    ------
    UsageError
        If a file is of another kind, or two are called alike.
    DataError
        If a file is missing or damaged, or an array is no RDM, or of too few images.
    """
    rdms: list[Rdm] = []
    if isinstance(given, np.ndarray):
        given = {"RDM": given}
    if isinstance(given, Mapping):
        for key, value in given.items():
            name = check_word("rdm", key)
            if isinstance(value, np.ndarray):
                rdms.append(as_rdm(value, name, name))
            else:
                rdms += read_rdms(check_path("rdm", value), name)
    else:
        rdms += [rdm for path in check_paths("rdm", given) for rdm in read_rdms(path)]
    for place, rdm in enumerate(rdms):
        if rdm.n_images < FEWEST:
            raise DataError(f"{rdm.name} is of {rdm.n_images} images: {FEWEST} are needed at the least")
        if rdm.name in [other.name for other in rdms[:place]]:
            raise UsageError(f"rdm=...: two are called {rdm.name}", hint="write NAME=FILE for each")
    return rdms


def read_rdms(path: Path, name: str | None = None) -> list[Rdm]:
    """Read the RDM of a .npy file, or every array of an .npz file as one.

    Parameters
    ----------
    name
        What to call it; by default what the file is called or, where it holds several, the array.

    Raises
    ------
    UsageError
        If the file is of another kind.
    DataError
        If it is missing or damaged, or an array is no RDM.
    """
    kind = path.suffix.lower()
    if kind not in (".npy", ".npz"):
        raise UsageError(f"{path} is no file of RDMs: .npy and .npz are", hint="numpy.save('rdm.npy', array) makes one")
    check_content(path)
    arrays = {"": open_array(path)} if kind == ".npy" else dict(_arrays(path))
    if not arrays:
        raise DataError(f"{path} holds no array")
    stem = path.stem if name is None else name
    result = []
    for key, array in arrays.items():
        alone = len(arrays) == 1
        words = stem if alone else f"{name} {key}" if name else key
        result.append(as_rdm(array, words, str(path) if alone else f"{path}, {key},"))
    return result


def as_rdm(array: NDArray[np.generic], name: str, where: str) -> Rdm:
    """Return an array as an RDM.

    Parameters
    ----------
    array
        (n_images, n_images), (n_subjects, n_images, n_images), or what lies above the diagonal, row by row, of one or
        of several, as scipy's pdist has it.
    where
        What a message calls it.

    Raises
    ------
    DataError
        If it is none, with the reason.
    """
    if array.dtype.kind not in "fiu":
        raise DataError(f"{where} holds {array.dtype}; an RDM is of numbers", hint=_HINT)
    numbers = np.asarray(array, dtype=np.float64)
    square = numbers.ndim >= 2 and numbers.shape[-1] == numbers.shape[-2]
    if numbers.ndim == 3 and not square:
        raise DataError(f"{where} is of shape {array.shape}: its matrices are not square", hint=_HINT)
    if numbers.ndim not in (1, 2, 3) or not numbers.size:
        raise DataError(f"{where} is of shape {array.shape}, and no RDM", hint=_HINT)
    if square:
        matrices = numbers.reshape(-1, *numbers.shape[-2:])
        several = len(matrices) > 1
        for place, matrix in enumerate(matrices):
            _check(matrix, f"{where} subject {place + 1}," if several else where)
        return Rdm(name, matrices)
    return Rdm(name, np.stack([_whole(row, where, array.shape) for row in np.atleast_2d(numbers)]))


def _whole(row: NDArray[np.float64], where: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return the matrix that a condensed one stands for."""
    from scipy.spatial.distance import squareform

    n = round((1 + np.sqrt(1 + 8 * len(row))) / 2)
    if n * (n - 1) // 2 != len(row):
        what = "is not square, and" if len(shape) > 1 else "has"
        raise DataError(
            f"{where} is of shape {shape}: it {what} {len(row)} numbers a row are the pairs of no number of images",
            hint=_HINT,
        )
    _refuse_not_finite(row, where)
    matrix: NDArray[np.float64] = squareform(row)
    return matrix


def _check(matrix: NDArray[np.float64], where: str) -> None:
    mine, rest = np.diagonal(matrix), matrix[~np.eye(len(matrix), dtype=bool)]
    if not np.isfinite(mine).all() and np.isfinite(rest).all():
        raise DataError(
            f"{where} has no numbers on its diagonal, where an image is compared with itself",
            hint="fill it with zeros: numpy.fill_diagonal(rdm, 0)",
        )
    _refuse_not_finite(matrix, where)
    size = np.abs(matrix).max()
    if np.abs(mine - 1).max() <= _ROUNDING and rest.size and rest.max() <= 1 + _ROUNDING:
        raise DataError(
            f"{where} has ones on its diagonal: these are similarities, and an RDM is of dissimilarities",
            hint="of correlations, 1 - r is one",
        )
    if np.abs(mine).max() > _ROUNDING * size:
        raise DataError(
            f"{where} has {mine[np.abs(mine).argmax()]:.4g} on its diagonal, where an image is compared with itself: "
            "zeros were expected"
        )
    uneven = np.abs(matrix - matrix.T)
    if uneven.max() > _ROUNDING * size:
        row, column = np.unravel_index(int(uneven.argmax()), uneven.shape)
        raise DataError(
            f"{where} is not symmetric: {matrix[row, column]:.4g} in row {row}, column {column}, and "
            f"{matrix[column, row]:.4g} the other way round",
            hint="of distances that were measured both ways, (rdm + rdm.T) / 2 is the mean",
        )


def _refuse_not_finite(numbers: NDArray[np.float64], where: str) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        first = ", ".join(map(str, np.argwhere(bad)[0].tolist()))
        raise DataError(f"{where} holds {int(bad.sum())} values that are NaN or infinite, the first at {first}")


def _arrays(path: Path) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Yield the arrays of an .npz file by their names."""
    try:
        with open_file(path) as stream, zipfile.ZipFile(stream) as archive:
            check_memory(
                2 * sum(info.file_size for info in archive.infolist()), remedy="save the RDMs in files of their own"
            )
        # Of a damaged file that it opened itself, numpy would leave the closing to chance.
        with open_file(path) as stream, np.load(stream, allow_pickle=False) as kept:
            names = list(kept)
            for name in names:
                try:
                    yield name, kept[name]
                except ValueError as error:
                    if "allow_pickle" not in str(error):
                        raise
                    raise DataError(
                        f"{path}, {name}, holds Python objects", hint="save it as an array of plain numbers"
                    ) from error
    except (DataError, UsageError):
        raise
    except _BROKEN as error:
        raise DataError(f"{path} is no whole .npz archive: {first_line(error)}", hint="copy the file again") from error
