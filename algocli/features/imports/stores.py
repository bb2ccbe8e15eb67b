"""Makes a feature store of an array that another program wrote, so that everything after extraction works on it.

The array is read twice, a block at a time: once to check it and to digest what will be stored, which is what keys
the store, and once to write what of it is not there yet. What is refused leaves nothing behind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.images import ids_digest
from algocli.dataset.naming import by_id
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import StimulusId
from algocli.errors import UsageError
from algocli.features.imports.formats.matrix import Matrix
from algocli.features.imports.locating import Key, is_keyed_by_id, locate_rows
from algocli.features.imports.matrices import open_matrix, read_ids
from algocli.features.imports.recipes import imported_recipe, make_room, provenance_of
from algocli.features.imports.subject_files import is_shared, named_subject, share_files
from algocli.features.imports.suspects import Suspects
from algocli.features.store.finite import refuse_non_finite
from algocli.features.store.keys import Dtype
from algocli.features.store.library import create_store
from algocli.features.store.shards import SHARD_BYTES, FeatureStore


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
        Replace other features of this subject and name.

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
    content = _digest(subject, matrix, rows, kept, track, note)
    home = cache_dir / "features" / name
    with hold(home / f"{subject.name}.lock", note):
        make_room(home, subject, content, force)
        provenance = provenance_of(matrix, ids_file, ids_from, row_key)
        store = create_store(cache_dir, how, subject, content, matrix.n_features, provenance, stimuli)
        pending = store.pending()
        if not pending:
            note(f"subject {subject.id}: {name} is complete, nothing to do")
            return store
        store.sweep()
        label = f"subject {subject.id}: features"
        for shard in track(pending, total=len(pending), label=label, unit="shards"):
            store.write(shard, _read(subject, matrix, rows, slice(shard.start, shard.stop), kept))
    return store


def _open(
    subjects: Sequence[Subject],
    files: Sequence[Path],
    dataset: str | None,
    names_file: Path | None,
    asked: bool,
    note: Note,
) -> list[tuple[Subject, Matrix]]:
    """Return the subjects that there are files for, rising, each with its array; one that several share is one."""
    ordered = sorted(subjects, key=lambda one: by_id(one.id))
    if not is_shared(files):
        matrix = open_matrix(files[0], dataset, names_file)
        return [(one, matrix) for one in ordered]
    shared = share_files(files, [one.id for one in subjects], asked=asked)
    note("; ".join(f"subject {number}: {file}" for number, file in shared.items()))
    opened = {file: open_matrix(file, dataset, names_file) for file in shared.values()}
    return [(one, opened[shared[one.id]]) for one in ordered if one.id in shared]


def _locate(
    opened: Sequence[tuple[Subject, Matrix]], ids: Sequence[StimulusId] | None, key: Key | None, ids_from: int
) -> list[tuple[Subject, Matrix, Sequence[int]]]:
    """Find every subject's rows, once it is sure that rows can be found as was asked."""
    if ids_from and ids is None and (key is not None or any(matrix.labels is None for _, matrix in opened)):
        raise UsageError("--ids-from says what ids count from, and rows have none here", hint="give them with --ids")
    for _, matrix in opened:
        _refuse_another(matrix, [subject for subject, other in opened if other is matrix], ids, key)
    return [(subject, matrix, locate_rows(subject, matrix, ids, key, ids_from)) for subject, matrix in opened]


def _refuse_another(
    matrix: Matrix, subjects: Sequence[Subject], ids: Sequence[StimulusId] | None, key: Key | None
) -> None:
    """Refuse rows in the order of one subject's images for several, or for another than the file is named after."""
    kind, numbers = subjects[0].ids, [one.id for one in subjects]
    if is_keyed_by_id(matrix, ids, key, kind):
        return
    owner, called = named_subject(matrix.path), matrix.path.name
    if owner is None:
        owner, called = named_subject(matrix.path.parent), f"{matrix.path.parent.name}/{called}"
    if len(numbers) > 1:
        raise UsageError(
            f"the rows of {matrix.name} are in the order of one subject's images; {len(numbers)} subjects were chosen",
            hint=f"say whose they are, as in subjects={owner or numbers[0]}, or give each row's {kind.name} with "
            "ids_file=...",
        )
    # Several subjects have as many images: nothing else would tell.
    if key is None and owner is not None and [owner] != list(numbers):
        raise UsageError(
            f"{called} is named after subject {owner}, and subject {numbers[0]} was asked for",
            hint=f"subjects={owner}; or say key='row' if its rows are in the order of subject {numbers[0]}'s images",
        )


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
