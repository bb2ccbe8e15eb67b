"""Says which row of an array belongs to which of a subject's images, by names, NSD ids or their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from algocli.compute.choices import check_choice
from algocli.dataset.challenge.layout import N_NSD_IMAGES
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.ids import find_stimuli
from algocli.errors import DataError, UsageError
from algocli.features.imports.formats.matrix import Labels, Matrix
from algocli.features.imports.names import IN_ORDER, find_rows, refuse_unnamed

Key = Literal["nsd-id", "row"]
_SHOWN = 3


def is_keyed_by_id(matrix: Matrix, ids: Sequence[int] | None, key: Key | None) -> bool:
    """Say whether rows are found by NSD id or by name, so that one file serves every subject.

    Raises
    ------
    UsageError
        If the wishes contradict each other, or there is no such key.
    """
    if key is not None:
        check_choice("key", key, get_args(Key))
    if key == "row" and ids is not None:
        raise UsageError(
            "ids_file=... says which id a row has, key='row' that rows are in the order of the images: not both"
        )
    if key is not None:
        return ids is not None or key == "nsd-id"
    return ids is not None or matrix.labels is not None or matrix.n_rows == N_NSD_IMAGES


def locate_rows(
    subject: Subject, matrix: Matrix, ids: Sequence[int] | None, key: Key | None, first: int = 0
) -> Sequence[int]:
    """Return the row of `matrix` that belongs to each of a subject's stimuli, training first.

    Where rows belong to the training images alone there are no more than these.

    Parameters
    ----------
    ids : (n_rows,)
        The NSD id of each row, in any order; None where rows have names, or are in the order of the images or of all
        NSD ids.
    key
        Which of these two orders it is, whatever rows are called; None lets names, and else the number of rows, decide.
    first
        What the first of NSD's images is called in names that are ids.

    Raises
    ------
    DataError
        If the number of rows or their names do not fit, or an image has no row or one that was never written.
    """
    by_id = is_keyed_by_id(matrix, ids, key)
    rows: Sequence[int]
    if ids is not None:
        rows = _by_ids(subject, matrix, ids)
    elif key is None and matrix.labels is not None:
        rows = _by_names(subject, matrix, matrix.labels, first)
    elif by_id and matrix.n_rows == N_NSD_IMAGES:
        rows = [stimulus.nsd_id for stimulus in subject.stimuli]
    elif not by_id and matrix.n_rows in (len(subject.stimuli), len(subject.train_stimuli)):
        rows = range(matrix.n_rows)
    else:
        raise _misfit(subject, matrix, by_id)
    matrix.refuse_holes(rows)
    return rows


def _by_ids(subject: Subject, matrix: Matrix, ids: Sequence[int]) -> list[int]:
    if len(ids) != matrix.n_rows:
        raise DataError(
            f"{matrix.name} has {matrix.n_rows} rows, but {len(ids)} ids are given", hint=_hint(matrix, len(ids))
        )
    known = set(ids)
    is_trained_alone = known.isdisjoint(stimulus.nsd_id for stimulus in subject.test_stimuli)
    has_training = known.issuperset(stimulus.nsd_id for stimulus in subject.train_stimuli)
    stimuli = subject.train_stimuli if is_trained_alone and has_training else subject.stimuli
    try:
        return find_stimuli(ids, stimuli, "the list of ids")
    except DataError as error:
        if known.issuperset(stimulus.nsd_id + 1 for stimulus in subject.train_stimuli):
            raise DataError(error.message, hint="they fit, less one: ids_from=1") from error
        raise


def _by_names(subject: Subject, matrix: Matrix, labels: Labels, first: int) -> list[int]:
    if len(labels.words) != matrix.n_rows:
        begin = ", ".join(labels.words[:_SHOWN])
        raise DataError(
            f"{labels.where} has {len(labels.words):,} names for the {matrix.n_rows:,} rows of {matrix.name}; it "
            f"begins with {begin}",
            hint=_hint(matrix, len(labels.words)) or f"name the right file with names_file=...; {IN_ORDER}",
        )
    found = find_rows(subject, subject.stimuli, labels, first)
    n_train = len(subject.train_stimuli)
    rows = [row for row in found if row is not None]
    if len(rows) < len(found) and (None in found[:n_train] or len(rows) > n_train):
        refuse_unnamed(subject, found, labels, first)
    return rows


def _misfit(subject: Subject, matrix: Matrix, by_id: bool) -> DataError:
    n_train, n_test = len(subject.train_stimuli), len(subject.test_stimuli)
    expected = (
        f"{N_NSD_IMAGES}, one for each NSD id, were expected"
        if by_id
        else f"{subject.name} has {n_train} training and {n_test} test images, {n_train + n_test} in all"
    )
    hint = "give a row for each image, training first, or say with ids_file=... which NSD id each row has"
    if matrix.n_rows == n_test and not by_id:
        hint = "these look like the test images alone: put training and test rows into one array, training first"
    expecting = (N_NSD_IMAGES,) if by_id else (n_train + n_test, n_train, N_NSD_IMAGES)
    hint = next((found for n_rows in expecting if (found := _hint(matrix, n_rows))), hint)
    return DataError(f"{matrix.name} has {matrix.n_rows} rows; {expected}", hint=hint)


def _hint(matrix: Matrix, n_rows: int) -> str | None:
    """Return what to do about an array whose columns, not rows, are as many as there are images."""
    if len(matrix.shape) != 2 or matrix.shape[1] != n_rows:
        return None
    return f"it has {n_rows} columns: if these are the images, save its transpose, which has a row for each"
