"""The ids of a dataset's images, and tables that say which image a file or a row belongs to.

An id is a word or a whole number, and the same as either: images are found by what they are called.
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algocli.compute.opening import lines_of, open_text
from algocli.dataset.stimuli import Stimulus, StimulusId
from algocli.errors import DataError, reading

_LONGEST_SHOWN = 200
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Reference:
    """What the name of a row stands for: the stem of a file, an id, and the number in the folder it was in."""

    stem: str
    id: StimulusId | None
    subject: int | None


@dataclass(frozen=True)
class Ids:
    """How a dataset tells its images apart.

    Attributes
    ----------
    name
        What an id is called in a sentence.
    column
        What it is called at the head of a table.
    n
        Of how many images, where ids are the whole numbers below that: an array with as many rows has one for each.
        None where ids are words.
    """

    name: str = "id"
    column: str = "id"
    n: int | None = None

    def parse(self, word: str, where: str) -> StimulusId:
        """Turn a word into an id.

        Raises
        ------
        DataError
            If it is none; `where` says what holds it.
        """
        if self.n is None:
            if not word:
                raise DataError(f"{where}: an empty word is no {self.name}")
            return word
        # isdecimal alone admits the digits of other scripts, which int() reads; a long word would take int() its time.
        if not (word.isascii() and word.isdecimal() and len(word) <= 9 and int(word) < self.n):
            raise DataError(f"{where}: '{word[:20]}' is no {self.name}; ids are whole numbers from 0 to {self.n - 1}")
        return int(word)

    def refer(self, name: str, first: int) -> Reference:
        """Take the name of a row apart, as it is called in a list.

        Parameters
        ----------
        first
            What the first image is called, where a name is no more than its id.
        """
        word = name.strip().strip("\"'").replace("\\", "/").rpartition("/")[2]
        stem = next((word[: -len(end)] for end in _IMAGE_SUFFIXES if word.lower().endswith(end)), word)
        return Reference(stem.lower(), stem, None)


def read_header(path: Path) -> list[str]:
    """Read what the columns of a CSV file are called, or of a TSV file.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    with _opened(path) as lines:
        return [name.strip() for name in next(lines, [])]


def read_table(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Read some columns of a CSV or TSV file with a header; its other columns are passed over.

    Raises
    ------
    DataError
        If the file cannot be read, lacks one of the columns, or has a line that is too short.
    """
    with _opened(path) as lines:
        header = [name.strip() for name in next(lines, [])]
        lacking = [name for name in columns if name not in header]
        if lacking:
            raise DataError(
                f"{path} has no column {lacking[0]}; it has {_shown(header) or 'none'}",
                hint=f"its first line must name the columns {', '.join(columns)}",
            )
        places = [header.index(name) for name in columns]
        rows = []
        for cells in lines:
            if not cells:
                continue
            if len(cells) <= max(places):
                raise DataError(f"{path}, line {lines.line_num}: {len(cells)} cells for {len(header)} columns")
            rows.append(tuple(cells[place].strip() for place in places))
        return rows


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a table by its lines, each a list of its cells."""
    try:
        with open_text(path) as stream, reading(path):
            yield csv.reader(lines_of(path, stream), delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file in UTF-8: {error}") from error


def _shown(header: Sequence[str]) -> str:
    # An unclosed quote makes one cell of the whole file.
    return textwrap.shorten(", ".join(header), _LONGEST_SHOWN, placeholder=" ...")


def find_stimuli(
    ids: Sequence[StimulusId],
    stimuli: Sequence[Stimulus],
    where: str,
    name: str = "NSD id",
    *,
    hint: str | None = None,
) -> list[int]:
    """Return the place of every stimulus's id among `ids`, which may hold others besides.

    Parameters
    ----------
    name
        What an id is called.
    hint
        What to say where some are not there; by default whether they may be those of another subject.

    Raises
    ------
    DataError
        If an id stands there twice, or one of the stimuli is not there; `where` says what holds the ids.
    """
    places: dict[str, int] = {}
    for place, id_ in enumerate(ids):
        if places.setdefault(str(id_), place) != place:
            raise DataError(f"{where} names {name} {id_} twice")
    missing = [stimulus for stimulus in stimuli if str(stimulus.id) not in places]
    if missing:
        first, has_others = missing[0], len(places) > len(stimuli) - len(missing)
        usual = "was it made for another subject? choose one with -s" if has_others else "it is not complete"
        raise DataError(
            f"{where} lacks {len(missing)} of the subject's {len(stimuli)} images; "
            f"the first is {name} {first.id} ({first.path.name})",
            hint=hint or usual,
        )
    return [places[str(stimulus.id)] for stimulus in stimuli]
