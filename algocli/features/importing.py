"""Makes a feature store of an array that another program wrote, so that everything after extraction works on it.

The array is read twice, a block at a time: once to check it and to digest what will be stored, which is what keys
the store, and once to write what of it is not there yet. What is refused leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from algocli.challenge.ids import find_stimuli
from algocli.challenge.images import ids_digest
from algocli.challenge.layout import N_NSD_IMAGES
from algocli.challenge.subjects import Subject
from algocli.compute.choices import check_choice
from algocli.compute.files import read_json
from algocli.compute.leftovers import delete_folder
from algocli.compute.lock import hold
from algocli.compute.track import Note, Track, silent, unheard
from algocli.errors import DataError, UsageError, writing
from algocli.features.commands import IMPORTED, import_dtype
from algocli.features.finite import refuse_non_finite
from algocli.features.keys import SCHEMA, Dtype, Recipe
from algocli.features.library import create_store
from algocli.features.matrices import Matrix
from algocli.features.store import SHARD_BYTES, FeatureStore

Key = Literal["nsd-id", "row"]


class ImportedRecipe(Recipe):
    """Features from elsewhere: how an image became a row is known by their name alone."""

    @property
    def name(self) -> str:
        """The name that the user gave."""
        return self.model


def import_features(
    subject: Subject,
    matrix: Matrix,
    rows: Sequence[int],
    name: str,
    cache_dir: Path,
    *,
    dtype: Dtype | None = None,
    ids_file: Path | None = None,
    row_key: Key | None = None,
    force: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> FeatureStore:
    """Bring the store of a subject's features called `name` to completion and return it.

    Parameters
    ----------
    rows : (n_stimuli,)
        The row of `matrix` that belongs to each stimulus, training first; see `locate_rows`.
    dtype
        The precision to keep; by default that of the other subjects' features of this name, or else
        float16 for a float16 array and float32 for any other.
    ids_file, row_key
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
    how = _recipe(cache_dir, name, matrix, dtype)
    kept = np.dtype(how.identity["dtype"])
    content = _digest(subject, matrix, rows, kept, track)
    home = cache_dir / "features" / name
    with hold(home / f"{subject.name}.lock", note):
        _make_room(home, subject, content, force)
        provenance = {
            "source": IMPORTED,
            "file": str(matrix.path.resolve()),
            "dataset": matrix.dataset,
            "file_dtype": matrix.dtype.name,
            "ids_file": None if ids_file is None else str(ids_file.resolve()),
            "row_key": row_key,
            "shape": list(matrix.shape[1:]),
        }
        store = create_store(cache_dir, how, subject, content, matrix.n_features, provenance)
        pending = store.pending()
        if not pending:
            note(f"subject {subject.number}: {name} is complete, nothing to do")
            return store
        store.sweep()
        label = f"subject {subject.number}: features"
        for shard in track(pending, total=len(pending), label=label, unit="shards"):
            store.write(shard, _read(subject, matrix, rows, range(shard.start, shard.stop), kept))
    return store


def is_keyed_by_id(matrix: Matrix, ids: Sequence[int] | None, key: Key | None) -> bool:
    """Say whether rows are found by NSD id, so that one file serves every subject.

    Raises
    ------
    UsageError
        If the wishes contradict each other, or there is no such key.
    """
    if key is not None:
        check_choice("key", key, get_args(Key))
    if key == "row" and ids is not None:
        raise UsageError("--ids says which id a row has, --key row that rows are in the order of the images: not both")
    return ids is not None or key == "nsd-id" or (key is None and matrix.n_rows == N_NSD_IMAGES)


def locate_rows(subject: Subject, matrix: Matrix, ids: Sequence[int] | None, key: Key | None) -> Sequence[int]:
    """Return the row of `matrix` that belongs to each of a subject's stimuli, training first.

    Parameters
    ----------
    ids : (n_rows,)
        The NSD id of each row, in any order; None where rows are in the order of the images or of all NSD ids.
    key
        Which of these two orders it is; None lets the number of rows decide.

    Raises
    ------
    DataError
        If the number of rows fits neither, or an image has no row.
    """
    n_train, n_test = len(subject.train_stimuli), len(subject.test_stimuli)
    by_id = is_keyed_by_id(matrix, ids, key)
    if ids is not None:
        if len(ids) != matrix.n_rows:
            raise DataError(f"{matrix.name} has {matrix.n_rows} rows, but {len(ids)} ids are given")
        return find_stimuli(ids, subject.stimuli, "the list of ids")
    if by_id and matrix.n_rows == N_NSD_IMAGES:
        return [stimulus.nsd_id for stimulus in subject.stimuli]
    if not by_id and matrix.n_rows == n_train + n_test:
        return range(n_train + n_test)
    expected = (
        f"{N_NSD_IMAGES}, one for each NSD id, were expected"
        if by_id
        else f"{subject.name} has {n_train} training and {n_test} test images, {n_train + n_test} in all"
    )
    half = {n_train: "training", n_test: "test"}.get(matrix.n_rows)
    raise DataError(
        f"{matrix.name} has {matrix.n_rows} rows; {expected}",
        hint=f"these look like the {half} images alone: put training and test rows into one array, training first"
        if half and not by_id
        else "give a row for each image, training first, or say with --ids which NSD id each row has",
    )


def _recipe(cache_dir: Path, name: str, matrix: Matrix, dtype: Dtype | None) -> ImportedRecipe:
    """Return the recipe that all subjects' features of this name share."""
    # A plus joins the names of several features in a run's name.
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise UsageError(
            f"'{name}' cannot be features' name", hint="use up to 100 letters, digits, dots, dashes, underscores"
        )
    if dtype is not None:
        check_choice("dtype", dtype, get_args(Dtype))
    path = cache_dir / "features" / name / "recipe.json"
    known = read_json(path)["identity"] if path.is_file() else None
    if known is not None and known.get("source") != IMPORTED:
        raise UsageError(f"{name} is the name of features that were extracted", hint="choose another --name")
    if known is not None and dtype not in (None, known["dtype"]):
        raise UsageError(
            f"the features {name} of other subjects are kept as {known['dtype']}, not {dtype}",
            hint=f"--dtype {known['dtype']}, or another --name",
        )
    kept = known["dtype"] if known else dtype or import_dtype(matrix.dtype.name)
    identity = {"schema": SCHEMA, "source": IMPORTED, "name": name, "post": "flatten", "dtype": kept}
    return ImportedRecipe(name, IMPORTED, IMPORTED, identity)


def _digest(subject: Subject, matrix: Matrix, rows: Sequence[int], kept: np.dtype[Any], track: Track) -> str:
    """Check every row, and digest what will be stored and for which images."""
    # The numbers as they are stored, not the bytes of the file: the same features in another format are the same.
    total = hashlib.sha256(f"{ids_digest(subject.stimuli)} {kept.name} {matrix.n_features}\n".encode())
    blocks = list(_blocks(len(rows), matrix.n_features * max(matrix.dtype.itemsize, kept.itemsize)))
    for block in track(blocks, total=len(blocks), label=f"subject {subject.number}: checking", unit="blocks"):
        total.update(_read(subject, matrix, rows, block, kept).data)
    return total.hexdigest()


def _blocks(n_rows: int, row_bytes: int) -> Iterator[range]:
    step = max(1, SHARD_BYTES // row_bytes)
    return (range(start, min(start + step, n_rows)) for start in range(0, n_rows, step))


def _read(subject: Subject, matrix: Matrix, rows: Sequence[int], block: range, kept: np.dtype[Any]) -> NDArray[Any]:
    """Read the features of a block of stimuli, (len(block), n_features), in the precision that is kept."""
    values = matrix.read(rows[block.start : block.stop])
    # What overflows becomes infinite, and is told below with its row.
    with np.errstate(over="ignore", invalid="ignore"):
        features = np.ascontiguousarray(values, dtype=kept)

    def name(place: int) -> str:
        row = block.start + place
        return f"row {rows[row]} ({subject.stimuli[row].path.name})"

    refuse_non_finite(features, matrix.dtype, what=matrix.name, name=name, remedy="import with --dtype float32")
    return features


def _make_room(home: Path, subject: Subject, content: str, force: bool) -> None:
    """See that no other features of this subject have the name, or take them away."""
    for path in sorted(home.glob(f"{subject.name}-*/manifest.json")):
        store = FeatureStore(path.parent)
        if store.manifest["identity"]["stimuli"] == content:
            continue
        if not force:
            raise UsageError(
                f"{home.name} holds other features of subject {subject.number} already, "
                f"from {store.manifest['provenance'].get('file')}",
                hint="--force replaces them; another --name keeps both",
            )
        with writing(path.parent):
            delete_folder(path.parent, path.name)
