"""Tables that say which NSD image a file or a row belongs to, and where in them a subject's images are."""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Sequence
from pathlib import Path

from algocli.dataset.challenge.layout import N_NSD_IMAGES
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError

ID_COLUMN = "nsd_id"
# NSD showed each image to a subject up to three times.
N_REPEATS = 3
_LONGEST_SHOWN = 200


def read_table(path: Path, columns: Sequence[str]) -> list[tuple[str, ...]]:
    """Read some columns of a CSV file with a header; its other columns are passed over.

    Raises
    ------
    DataError
        If the file cannot be read, lacks one of the columns, or has a line that is too short.
    """
    try:
        # Spreadsheets put a mark before the first name, which utf-8-sig takes away.
        with path.open(newline="", encoding="utf-8-sig") as stream:
            lines = csv.reader(stream)
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
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file in UTF-8: {error}") from error


def _shown(header: Sequence[str]) -> str:
    # An unclosed quote makes one cell of the whole file.
    return textwrap.shorten(", ".join(header), _LONGEST_SHOWN, placeholder=" ...")


def parse_id(word: str, where: str) -> int:
    """Turn a word into an NSD id, 0 to 72999.

    Raises
    ------
    DataError
        If it is none; `where` says what holds it.
    """
    # isdecimal alone admits the digits of other scripts, which int() reads; a long word would take int() its time.
    if not (word.isascii() and word.isdecimal() and len(word) <= 9 and int(word) < N_NSD_IMAGES):
        raise DataError(f"{where}: '{word[:20]}' is no NSD id; ids are whole numbers from 0 to {N_NSD_IMAGES - 1}")
    return int(word)


def trial_columns(subject: int) -> list[str]:
    """Name the columns of NSD's table of images that hold the trials that show an image to a subject."""
    return [f"subject{subject}_rep{repeat}" for repeat in range(N_REPEATS)]


def parse_trial(word: str, where: str) -> int:
    """Turn a word into the number of a trial, which counts from 1; 0 stands for none.

    Raises
    ------
    DataError
        If it is none; `where` says what holds it.
    """
    if not (word.isascii() and word.isdecimal() and len(word) <= 9):
        raise DataError(f"{where}: '{word[:20]}' is no number of a trial; whole numbers from 0 were expected")
    return int(word)


def find_stimuli(ids: Sequence[int], stimuli: Sequence[Stimulus], where: str) -> list[int]:
    """Return the place of every stimulus's id among `ids`, which may hold others besides.

    Raises
    ------
    DataError
        If an id stands there twice, or one of the stimuli is not there; `where` says what holds the ids.
    """
    places: dict[int, int] = {}
    for place, nsd_id in enumerate(ids):
        if places.setdefault(nsd_id, place) != place:
            raise DataError(f"{where} names NSD id {nsd_id} twice")
    missing = [stimulus for stimulus in stimuli if stimulus.nsd_id not in places]
    if missing:
        first = missing[0]
        raise DataError(
            f"{where} lacks {len(missing)} of the subject's {len(stimuli)} images; "
            f"the first is NSD id {first.nsd_id} ({first.path.name})",
            hint="was it made for another subject? choose one with -s",
        )
    return [places[stimulus.nsd_id] for stimulus in stimuli]
