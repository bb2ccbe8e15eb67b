"""Finds what the rows of an array are called: names or ids in the same file, or in one that lies beside it.

A key such as `file_names` can mean nothing else; one such as `ids` may count rows or name layers as well, and is
believed where it has a word for every row and does not merely count.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.opening import LARGEST_TEXT, read_file
from algocli.dataset.arrays import open_array
from algocli.errors import DataError

# The first that is there is taken. Compared without case, blanks, dashes and underscores; each may be one or many.
_CERTAIN = [
    name + many
    for name in ("nsdid", "filename", "imagename", "imagefile", "filepath", "imagepath")
    for many in ("", "s")
]
_LIKELY = [
    *("file", "files", "image", "images", "name", "names", "path", "paths", "stimulus", "stimuli"),
    *("imageid", "imageids", "stimulusid", "stimulusids", "id", "ids", "rownames"),
]
# Files that lie beside an array called NAME, the likeliest first. Programs that keep the names of a folder's images
# beside their features call them file_names.txt.
_OF_ARRAY = ("{}", "{}_names", "{}.names", "{}_file_names", "{}_ids", "{}.ids", "{}_nsd_ids")
_OF_FOLDER = ("file_names", "filenames", "image_names", "nsd_ids", "nsd_id", "ids")
# These may hold names of something else, or of another array: they count where there is an image's name for each row.
_PERHAPS = (
    *("image_paths", "file_paths", "filepaths", "paths", "names"),
    *("images", "files", "stimuli", "image_ids", "index"),
)
# Names that a message begins with, and letters of each: those of a path and a file.
_WORDS_SHOWN, _LONGEST_SHOWN = 3, 100
# More than any array has rows, and few enough to be held.
MOST_WORDS = 10**7
_ENDINGS = (".txt", ".csv", ".tsv", ".npy", ".json")


@dataclass(frozen=True)
class Labels:
    """What each row is called: image names, or ids written out.

    Attributes
    ----------
    words : (n_rows,)
        One a row.
    where
        What holds them, for messages.
    path
        Their own file; None where they lie in the array's.
    """

    words: tuple[str, ...]
    where: str
    path: Path | None = None

    @property
    def beginning(self) -> str:
        """The first words, for messages; what is no list of names may have lines of any length."""
        cut = (word if len(word) <= _LONGEST_SHOWN else f"{word[:_LONGEST_SHOWN]}..." for word in self.words)
        return ", ".join(islice(cut, _WORDS_SHOWN))


def rank_key(key: str) -> int | None:
    """Return how surely a key stands for names or ids of rows, 0 for the surest; None where it does not."""
    plain = re.sub(r"[^a-z0-9]", "", key.rpartition("/")[2].lower())
    known = _CERTAIN + _LIKELY
    return known.index(plain) if plain in known else None


def is_certain(key: str) -> bool:
    """Say whether a key can stand for nothing else."""
    rank = rank_key(key)
    return rank is not None and rank < len(_CERTAIN)


def labels_within(
    path: Path, n_rows: int, read: Mapping[str, Callable[[], Sequence[str] | None]], beside: str = ""
) -> Labels | None:
    """Return the names or ids that lie in the same file as an array.

    Parameters
    ----------
    read
        For each of the file's other arrays how to read it as a list of words; None where it is no list of words.
    beside
        The array's own name: only what lies in its group, or above it, is of its rows.

    Raises
    ------
    DataError
        If what can stand for nothing else is no list of words.
    """
    groups = {"", *(beside[: match.start()] for match in re.finditer("/", beside))}
    keys = [key for key in read if rank_key(key) is not None and key.rpartition("/")[0] in groups and key != beside]
    # The nearest group first.
    for key in sorted(keys, key=lambda key: (rank_key(key), -key.count("/"))):
        words = read[key]()
        if is_certain(key):
            if words is None:
                raise DataError(
                    f"{path}, {key} is no list of names or whole numbers",
                    hint="name a file with a name for each row with names_file=..., or say key='row' if rows "
                    "are in order",
                )
            return Labels(tuple(words), f"{path.name}, {key}")
        if words is not None and len(words) == n_rows and not counts(words):
            return Labels(tuple(words), f"{path.name}, {key}")
    return None


def labels_beside(path: Path, n_rows: int) -> Labels | None:
    """Return the names or ids that lie in a file beside an array's.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    stem = path.name.removesuffix(path.suffix)
    for pattern in (*_OF_ARRAY, *_OF_FOLDER, *_PERHAPS):
        for ending in _ENDINGS:
            other = path.with_name(pattern.format(stem) + ending)
            if other == path or not other.is_file():
                continue
            if pattern in _OF_FOLDER:
                labels = read_labels(other)
                # Numbers that merely count rows say that these are in order.
                if pattern != "ids" or not counts(labels.words):
                    return labels
                continue
            # Notes may have the array's name as well, and so may the same features in another format.
            likely = _read_likely(other)
            if likely is not None and _is_of_rows(likely.words, n_rows, of_array=pattern in _OF_ARRAY):
                return likely
    return None


def read_labels(path: Path) -> Labels:
    """Read a file of names or ids: one a line, a column of a CSV or TSV file, or a .npy of words or whole numbers.

    Raises
    ------
    DataError
        If the file is missing or damaged, or holds no list of words.
    """
    kind = path.suffix.lower()
    if kind == ".npy":
        words = as_words(open_array(path))
    elif kind == ".json":
        words = _listed(path, _read_text(path))
    else:
        text = _read_text(path)
        words = _column(path, text) if kind in (".csv", ".tsv") else text.splitlines()
    if words is None:
        raise DataError(
            f"{path} is no list of names or NSD ids", hint="write one a line in a .txt, in the order of the rows"
        )
    words = [word.strip() for word in words]
    while words and not words[-1]:
        words.pop()
    return Labels(tuple(words), path.name, path)


def is_list(shape: Sequence[int]) -> bool:
    """Say whether an array of that shape may be a list: images and features are not read to find that they are none."""
    return len(shape) == 1 or (len(shape) == 2 and 1 in shape)


def as_words(array: NDArray[Any]) -> list[str] | None:
    """Return a list of words or whole numbers as words; None where it is none."""
    array = array.ravel() if is_list(array.shape) else array
    if array.ndim != 1 or array.dtype.kind not in "iufUSTO":
        return None
    if array.dtype.kind == "f":
        # MATLAB's whole numbers are floats.
        if not (np.isfinite(array).all() and (array == np.rint(array)).all()):
            return None
        array = array.astype(np.int64)
    words = [word.decode(errors="replace") if isinstance(word, bytes) else word for word in array.tolist()]
    return [str(word) for word in words] if all(isinstance(word, str | int) for word in words) else None


def counts(words: Sequence[str]) -> bool:
    """Say whether words merely count rows, from 0 or from 1."""
    return any(all(word == str(row) for row, word in enumerate(words, first)) for first in (0, 1))


def is_image_name(word: str) -> bool:
    """Say whether a word looks like the name of an image."""
    return bool(re.search(r"\.(png|jpe?g|bmp|tiff?|webp)$|nsd[-_]?[0-9]{5}", word.strip(), re.IGNORECASE))


def _is_of_rows(words: Sequence[str], n_rows: int, *, of_array: bool) -> bool:
    if not of_array:
        return len(words) == n_rows and all(map(is_image_name, words))
    return any(map(is_image_name, words)) or (len(words) == n_rows and not _is_row(words[0]))


def _is_row(line: str) -> bool:
    """Say whether a line is that of an array that was saved as text."""
    cells = re.split(r"[\s,;]+", line)
    try:
        return len(list(map(float, cells))) > 1
    except ValueError:
        return False


def _read_likely(path: Path) -> Labels | None:
    """Read a file that may be one of names; None where it is none."""
    try:
        labels = read_labels(path)
    except DataError:
        return None
    return labels if not counts(labels.words) else None


def _read_text(path: Path) -> str:
    try:
        # Spreadsheets and editors put a mark before the first name, which utf-8-sig takes away.
        return read_file(path, LARGEST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text in UTF-8: {error}") from error


def _listed(path: Path, text: str) -> list[str] | None:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    is_flat = isinstance(listed, list) and all(type(word) in (str, int) for word in listed)
    return [str(word) for word in listed] if is_flat else None


def _column(path: Path, text: str) -> list[str] | None:
    """Return the column of a table that names rows, or its only one."""
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        lines = [cells for cells in csv.reader(text.splitlines(), delimiter=delimiter) if cells]
    except csv.Error as error:
        raise DataError(f"{path} is no table: {error}") from error
    if not lines:
        return []
    ranked = [(rank, place) for place, cell in enumerate(lines[0]) if (rank := rank_key(cell)) is not None]
    place = min(ranked)[1] if ranked else 0
    if not ranked and len(lines[0]) > 1:
        return None
    short = next((number for number, cells in enumerate(lines, 1) if len(cells) <= place), None)
    if short is not None:
        raise DataError(f"{path}, line {short}: {len(lines[short - 1])} cells for {len(lines[0])} columns")
    return [cells[place] for cells in lines[1 if ranked else 0 :]]
