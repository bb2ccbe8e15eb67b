"""Makes a feature store of an array that another program wrote, so that everything after extraction works on it.

The array is read twice, a block at a time: once to check it and to digest what will be stored, which is what keys
the store, and once to write what of it is not there yet. What is refused leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.caches import filling
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.naming import by_id
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import StimulusId, ids_digest
from algocli.errors import UsageError
from algocli.features.imports.formats.matrix import Matrix
from algocli.features.imports.locating import Key, locate_rows
from algocli.features.imports.matrices import open_matrix, read_ids
from algocli.features.imports.recipes import check_wishes, imported_recipe, provenance_of
from algocli.features.imports.replacing import folder_for, others, take_place
from algocli.features.imports.subject_files import assign_files, is_per_subject, refuse_another
from algocli.features.store.finite import refuse_non_finite
from algocli.features.store.keys import Dtype
from algocli.features.store.library import create_store, store_name
from algocli.features.store.shards import SHARD_BYTES, FeatureStore

# Suspicious rows of a kind that are named.
_SHOWN = 3


def import_files(
    subjects: Sequence[Subject],
    files: Sequence[Path],
    name: str,
    cache_dir: Path,
    *,
    dataset: str | None = None,
    key: Key | None = None,
    ids_file: Path | None = None,
    ids_from: int = 0,
    names_file: Path | None = None,
    asked: bool = True,
    dtype: Dtype | None = None,
    force: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> list[FeatureStore]:
    """Bring the stores of some subjects' features called `name` to completion and return them.

    Parameters
    ----------
    files
        One array for all subjects, whose rows have names or ids; one subject's; or one file a subject.
    dataset, names_file
        As `open_matrix` takes them.
    key, ids_file, ids_from
        How to find rows: see `locate_rows` and `read_ids`.
    asked
        Whether these subjects were asked for, and not merely all that the data has.
    dtype, force
        As for `import_features`.

    Raises
    ------
    UsageError
        If the wishes, or files and subjects, do not fit together.
    DataError, StorageError
        As `import_features`.
    """
    if names_file is not None and (ids_file is not None or key is not None):
        raise UsageError(
            "names_file=... says what rows are called; ids_file=... and key=... find them otherwise: give one of them"
        )
    ids = None if ids_file is None else read_ids(ids_file, subjects[0].ids, ids_from)
    opened = _open(subjects, files, dataset, names_file, asked, note)
    # Every subject's rows are found before the first is stored: a file that lacks some is told at once.
    located = _locate(opened, ids, key, ids_from)
    for subject, matrix, rows in located:
        for told in _tell_rows(subject, matrix, rows, asked=ids is not None or key is not None):
            note(f"subject {subject.id}: {told}")
    how: dict[str, Any] = {"ids_file": ids_file, "ids_from": ids_from, "row_key": key}
    # Before anything is in the cache, which a refusal leaves as it was.
    check_wishes(name, dtype)
    with filling(cache_dir, note):
        return [
            import_features(*place, name, cache_dir, dtype=dtype, **how, force=force, track=track, note=note)
            for place in located
        ]


def import_features(
    subject: Subject,
    matrix: Matrix,
    rows: Sequence[int],
    name: str,
    cache_dir: Path,
    *,
    dtype: Dtype | None = None,
    ids_file: Path | None = None,
    ids_from: int = 0,
    row_key: Key | None = None,
    force: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> FeatureStore:
    """Bring the store of a subject's features called `name` to completion and return it.

    Parameters
    ----------
    rows : (n_stimuli,)
        The row of `matrix` that belongs to each stimulus, training first; see `locate_rows`. Where they are those of
        the training images alone, so is the store.
    dtype
        The precision to keep; by default that of the other subjects' features of this name, or else
        float16 for a float16 array and float32 for any other.
    ids_file, ids_from, row_key
        How `rows` were found, where the number of rows did not say it: kept, to say how to import this again.
    force
        Replace other features of this subject and name, once these are whole.

    Raises
    ------
    UsageError
        If the name cannot be a folder's, or stands for other features already.
    DataError
        If a row is not finite or beyond the range of `dtype`, or the file cannot be read.
    StorageError
        If the disk is full or may not be written. Everything finished stays finished.
    """
    how = imported_recipe(cache_dir, name, matrix, dtype)
    kept = np.dtype(how.identity["dtype"])
    stimuli = subject.stimuli[: len(rows)]
    if matrix.made is None:
        content = _digest(subject, matrix, rows, kept, track, note)
    else:
        content = hashlib.sha256(f"{matrix.made.digest} {kept.name}\n".encode()).hexdigest()
    home = cache_dir / "features" / name
    with hold(home / f"{subject.name}.lock", note):
        replaced = others(home, subject, content, force=force)
        place = home / store_name(subject, content)
        made = folder_for(place, subject, replaced)
        provenance = provenance_of(matrix, ids_file, ids_from, row_key)
        store = create_store(cache_dir, how, subject, content, matrix.n_features, provenance, stimuli, folder=made)
        pending = store.pending()
        if pending:
            store.sweep()
        elif not replaced:
            note(f"subject {subject.id}: {name} is complete, nothing to do")
        label = f"subject {subject.id}: features"
        for shard in track(pending, total=len(pending), label=label, unit="shards") if pending else ():
            store.write(shard, _read(subject, matrix, rows, slice(shard.start, shard.stop), kept))
        take_place(made, place, subject, replaced)
    return FeatureStore(place)


def _open(
    subjects: Sequence[Subject],
    files: Sequence[Path],
    dataset: str | None,
    names_file: Path | None,
    asked: bool,
    note: Note,
) -> list[tuple[Subject, Matrix]]:
    """Return the subjects that there are files for, rising, each with its array; one that several share is one."""
    ordered = sorted(subjects, key=lambda subject: by_id(subject.id))
    if not is_per_subject(files):
        matrix = open_matrix(files[0], dataset, names_file)
        return [(subject, matrix) for subject in ordered]
    file_of = assign_files(files, [subject.id for subject in subjects], asked=asked)
    note("; ".join(f"subject {number}: {file}" for number, file in file_of.items()))
    opened = {file: open_matrix(file, dataset, names_file) for file in file_of.values()}
    return [(subject, opened[file_of[subject.id]]) for subject in ordered if subject.id in file_of]


def _locate(
    opened: Sequence[tuple[Subject, Matrix]], ids: Sequence[StimulusId] | None, key: Key | None, ids_from: int
) -> list[tuple[Subject, Matrix, Sequence[int]]]:
    """Find every subject's rows, once it is sure that rows can be found as was asked."""
    if ids_from and ids is None and (key is not None or any(matrix.labels is None for _, matrix in opened)):
        raise UsageError("--ids-from says what ids count from, and rows have none here", hint="give them with --ids")
    for _, matrix in opened:
        refuse_another(matrix, [subject for subject, other in opened if other is matrix], ids, key)
    return [(subject, matrix, locate_rows(subject, matrix, ids, key, ids_from)) for subject, matrix in opened]


def _tell_rows(subject: Subject, matrix: Matrix, rows: Sequence[int], *, asked: bool) -> Iterator[str]:
    """Say how rows were found where that was not asked for, and what they do not serve."""
    if not asked and matrix.labels is not None:
        others = matrix.n_rows - len(rows)
        passed = f"; {others} of {matrix.n_rows} rows are of other images" if others else ""
        yield f"rows were found by the names in {matrix.labels.where}{passed}"
    elif not asked and isinstance(rows, range):
        yield f"the rows of {matrix.name} have no names: they are taken in the order of the images, training first"
    if len(rows) < len(subject.stimuli):
        yield f"{matrix.name} has the training images alone: there will be no test predictions"


def _digest(
    subject: Subject, matrix: Matrix, rows: Sequence[int], kept: np.dtype[Any], track: Track, note: Note
) -> str:
    """Check every row, and digest what will be stored and for which images."""
    stimuli = subject.stimuli[: len(rows)]
    # The numbers as they are stored, not the bytes of the file: the same features in another format are the same.
    total = hashlib.sha256(f"{ids_digest(stimuli)} {kept.name} {matrix.n_features}\n".encode())
    suspects = Suspects(lambda place: f"row {rows[place]} ({stimuli[place].path.name})")
    row_bytes = matrix.n_features * max(matrix.dtype.itemsize, kept.itemsize)
    parts = blocks(len(rows), max(1, SHARD_BYTES // row_bytes))
    for block in track(parts, total=len(parts), label=f"subject {subject.id}: checking", unit="blocks"):
        features = _read(subject, matrix, rows, block, kept)
        suspects.add(features)
        total.update(features.data)
    for told in suspects.told():
        note(f"subject {subject.id}: {told}")
    return total.hexdigest()


def _read(subject: Subject, matrix: Matrix, rows: Sequence[int], block: slice, kept: np.dtype[Any]) -> NDArray[Any]:
    """Read the features of a block of stimuli, (n_rows, n_features), in the precision that is kept."""
    values = matrix.read(rows[block])
    # What overflows becomes infinite, and is told below with its row.
    with np.errstate(over="ignore", invalid="ignore"):
        features = np.ascontiguousarray(values, dtype=kept)

    def name(place: int) -> str:
        row = block.start + place
        return f"row {rows[row]} ({subject.stimuli[row].path.name})"

    refuse_non_finite(features, matrix.dtype, what=matrix.name, name=name, remedy="import with dtype='float32'")
    return features


class Suspects:
    """Collects rows that look as if nobody wrote them: all zero, all one number, or the same as another's.

    None of this is certain (a layer may be silent for an image, an image may be there twice), so that it is told
    and not refused.

    Parameters
    ----------
    name
        What to call a row, by its place.
    """

    def __init__(self, name: Callable[[int], str]) -> None:
        self._name = name
        self._n_rows = 0
        self._places: dict[str, list[int]] = {
            "all zero": [],
            "one and the same number": [],
            "those of another image": [],
        }
        self._seen: dict[tuple[int, int], int] = {}

    def add(self, rows: NDArray[Any]) -> None:
        """Look at the next rows, (n_rows, n_features) float16 or float32, contiguous."""
        is_zero = np.asarray(~rows.any(axis=1))
        # One feature is one number: it says nothing.
        is_flat = np.asarray(is_zero if rows.shape[1] == 1 else rows.min(axis=1) == rows.max(axis=1))
        bits = rows.view(np.uint8).reshape(len(rows), -1)
        for here, row in enumerate(bits):
            place = self._n_rows + here
            if is_zero[here]:
                self._places["all zero"].append(place)
            elif is_flat[here]:
                self._places["one and the same number"].append(place)
            elif rows.shape[1] > 1 and self._seen.setdefault(_print_of(row), place) != place:
                self._places["those of another image"].append(place)
        self._n_rows += len(rows)

    def told(self) -> Iterator[str]:
        """Yield a sentence for each kind that there is."""
        for kind, places in self._places.items():
            if places:
                first = ", ".join(map(self._name, places[:_SHOWN])) + (", ..." if places[_SHOWN:] else "")
                yield f"the features of {len(places)} of {self._n_rows} images are {kind}: {first}"


def _print_of(row: NDArray[np.uint8]) -> tuple[int, int]:
    # Neither alone tells ten thousand rows apart for certain; both together do, at the speed of reading.
    return zlib.crc32(row.data), zlib.adler32(row.data)
