"""Says which row of an array belongs to which of a subject's images, by names, ids or their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from algocli.compute.choices import check_choice
from algocli.dataset.ids import Ids, find_stimuli
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import StimulusId
from algocli.errors import DataError, UsageError
from algocli.features.imports.formats.matrix import Labels, Matrix
from algocli.features.imports.names import FIT_AS_THEY_ARE, IN_ORDER, find_rows, refuse_unnamed

Key = Literal["nsd-id", "row"]


def is_keyed_by_id(matrix: Matrix, ids: Sequence[StimulusId] | None, key: Key | None, kind: Ids) -> bool:
    """Say whether rows are found by id or by name, so that one file serves every subject.

    Raises
    ------
    UsageError
        If the wishes contradict each other, or there is no such key.
    """
    if key is not None:
        check_choice("key", key, get_args(Key))
    if key == "row" and ids is not None:
        raise UsageError("--ids says which id a row has, --key row that rows are in the order of the images: not both")
    if key is not None:
        return ids is not None or key == "nsd-id"
    return ids is not None or matrix.labels is not None or matrix.n_rows == kind.n


def locate_rows(
    subject: Subject, matrix: Matrix, ids: Sequence[StimulusId] | None, key: Key | None, first: int = 0
) -> Sequence[int]:
    """Return the row of `matrix` that belongs to each of a subject's stimuli, training first.

    Where rows belong to the training images alone there are no more than these.

    Parameters
    ----------
    ids : (n_rows,)
        The id of each row, in any order; None where rows have names, or are in the order of the images or of all ids
        that are numbers.
    key
        Which of these two orders it is, whatever rows are called; None lets names, and else the number of rows, decide.
    first
        What the first of all images is called in names that are ids, and was in what `ids` were read from.

    Raises
    ------
    DataError
        If the number of rows or their names do not fit, or an image has no row or one that was never written.
    """
    by_id = is_keyed_by_id(matrix, ids, key, subject.ids)
    rows: Sequence[int]
    if ids is not None:
        rows = _by_ids(subject, matrix, ids, first)
    elif key is None and matrix.labels is not None:
        rows = _by_names(subject, matrix, matrix.labels, first)
    elif by_id and matrix.n_rows == subject.ids.n:
        rows = [int(stimulus.id) for stimulus in subject.stimuli]
    elif not by_id and matrix.n_rows in (len(subject.stimuli), len(subject.train_stimuli)):
        rows = range(matrix.n_rows)
    else:
        raise _misfit(subject, matrix, by_id)
    matrix.refuse_holes(rows)
    return rows


def _by_ids(subject: Subject, matrix: Matrix, ids: Sequence[StimulusId], first: int) -> list[int]:
    if len(ids) != matrix.n_rows:
        raise DataError(
            f"{matrix.name} has {matrix.n_rows} rows, but {len(ids)} ids are given", hint=_hint(matrix, len(ids))
        )
    known = {str(one) for one in ids}
    is_trained_alone = known.isdisjoint(str(stimulus.id) for stimulus in subject.test_stimuli)
    has_training = known.issuperset(str(stimulus.id) for stimulus in subject.train_stimuli)
    stimuli = subject.train_stimuli if is_trained_alone and has_training else subject.stimuli
    try:
        return find_stimuli(ids, stimuli, "the list of ids", subject.ids.name)
    except DataError as error:
        are_numbers = subject.ids.n is not None
        if are_numbers and known.issuperset(str(int(stimulus.id) + 1) for stimulus in subject.train_stimuli):
            raise DataError(error.message, hint="they fit, less one: --ids-from 1") from error
        if first and are_numbers and known.issuperset(str(int(one.id) - first) for one in subject.train_stimuli):
            raise DataError(error.message, hint=FIT_AS_THEY_ARE) from error
        raise


def _by_names(subject: Subject, matrix: Matrix, labels: Labels, first: int) -> list[int]:
    if len(labels.words) != matrix.n_rows:
        raise DataError(
            f"{labels.where} has {len(labels.words):,} names for the {matrix.n_rows:,} rows of {matrix.name}; it "
            f"begins with {labels.beginning}",
            hint=_hint(matrix, len(labels.words)) or f"name the right file with --names; {IN_ORDER}",
        )
    found = find_rows(subject, subject.stimuli, labels, first)
    n_train = len(subject.train_stimuli)
    rows = [row for row in found if row is not None]
    if len(rows) < len(found) and (None in found[:n_train] or len(rows) > n_train):
        refuse_unnamed(subject, found, labels, first)
    return rows


def _misfit(subject: Subject, matrix: Matrix, by_id: bool) -> DataError:
    n_train, n_test, kind = len(subject.train_stimuli), len(subject.test_stimuli), subject.ids
    if by_id and kind.n is None:
        return DataError(
            f"{matrix.name} has {matrix.n_rows} rows, and nothing says whose: the ids of {subject.name} are words",
            hint=f"say with --ids which {kind.name} each row has",
        )
    expected = (
        f"{kind.n}, one for each {kind.name}, were expected"
        if by_id
        else f"{subject.name} has {n_train} training and {n_test} test images, {n_train + n_test} in all"
    )
    hint = f"give a row for each image, training first, or say with --ids which {kind.name} each row has"
    if matrix.n_rows == n_test and not by_id:
        hint = "these look like the test images alone: put training and test rows into one array, training first"
    expecting = (kind.n,) if by_id else (n_train + n_test, n_train, kind.n)
    hint = next((found for n_rows in expecting if n_rows and (found := _hint(matrix, n_rows))), hint)
    return DataError(f"{matrix.name} has {matrix.n_rows} rows; {expected}", hint=hint)


def _hint(matrix: Matrix, n_rows: int) -> str | None:
    """Return what to do about an array whose columns, not rows, are as many as there are images."""
    if len(matrix.shape) != 2 or matrix.shape[1] != n_rows:
        return None
    return f"it has {n_rows} columns: if these are the images, save its transpose, which has a row for each"
