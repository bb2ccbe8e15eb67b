"""Says which row of an array belongs to which of a subject's images, by names, ids or their order.

A name, of an image's file or an id in any form, is taken apart once, into the image it stands for; who asks for a
subject's images gets the best match of each, and an error where two rows match as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, get_args

from algocli.compute.choices import check_choice
from algocli.dataset.ids import Ids, Reference, find_stimuli
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import Stimulus, StimulusId
from algocli.errors import DataError, UsageError
from algocli.features.imports.formats.labels import Labels
from algocli.features.imports.formats.matrix import Matrix

Key = Literal["nsd-id", "row"]
FIT_AS_THEY_ARE = "they fit as they are: leave ids_from=... out"
IN_ORDER = "key='row' takes rows in the order of the images, whatever they are called"


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
        raise UsageError(
            "ids_file=... says which id a row has, key='row' that rows are in the order of the images: not both"
        )
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
    known = {str(known_id) for known_id in ids}
    is_trained_alone = known.isdisjoint(str(stimulus.id) for stimulus in subject.test_stimuli)
    has_training = known.issuperset(str(stimulus.id) for stimulus in subject.train_stimuli)
    stimuli = subject.train_stimuli if is_trained_alone and has_training else subject.stimuli
    try:
        return find_stimuli(ids, stimuli, "the list of ids", subject.ids.name)
    except DataError as error:
        are_numbers = subject.ids.n is not None
        if are_numbers and known.issuperset(str(int(stimulus.id) + 1) for stimulus in subject.train_stimuli):
            raise DataError(error.message, hint="they fit, less one: ids_from=1") from error
        if (
            are_numbers
            and first
            and known.issuperset(str(int(stimulus.id) - first) for stimulus in subject.train_stimuli)
        ):
            raise DataError(error.message, hint=FIT_AS_THEY_ARE) from error
        raise


def _by_names(subject: Subject, matrix: Matrix, labels: Labels, first: int) -> list[int]:
    if len(labels.words) != matrix.n_rows:
        raise DataError(
            f"{labels.where} has {len(labels.words):,} names for the {matrix.n_rows:,} rows of {matrix.name}; it "
            f"begins with {labels.beginning}",
            hint=_hint(matrix, len(labels.words)) or f"name the right file with names_file=...; {IN_ORDER}",
        )
    rows_of = find_rows(subject, subject.stimuli, labels, first)
    n_train = len(subject.train_stimuli)
    rows = [row for row in rows_of if row is not None]
    if len(rows) < len(rows_of) and (None in rows_of[:n_train] or len(rows) > n_train):
        _refuse_unnamed(subject, rows_of, labels, first)
    return rows


def find_rows(subject: Subject, stimuli: Sequence[Stimulus], labels: Labels, first: int = 0) -> list[int | None]:
    """Return the row that each of some stimuli is called by; None for one that no name fits.

    Parameters
    ----------
    labels
        What each row is called; rows of other images are passed over.
    first
        What the first of all images is called, where a name is no more than its id.

    Raises
    ------
    DataError
        If two rows fit one stimulus equally well.
    """
    by_id: dict[str, list[tuple[int, Reference]]] = defaultdict(list)
    by_stem: dict[str, list[tuple[int, Reference]]] = defaultdict(list)
    for row, word in enumerate(labels.words):
        reference = subject.ids.refer(word, first)
        if reference.id is not None:
            by_id[str(reference.id)].append((row, reference))
        # Where ids are words, files may be called otherwise.
        if subject.ids.n is None:
            by_stem[reference.stem].append((row, reference))
    fitting = (
        (stimulus, by_id.get(str(stimulus.id)) or by_stem.get(stimulus.path.stem.lower(), [])) for stimulus in stimuli
    )
    return [_best(subject, stimulus, candidates, labels) for stimulus, candidates in fitting]


def _refuse_unnamed(subject: Subject, rows: Sequence[int | None], labels: Labels, first: int) -> None:
    """Tell which of a subject's stimuli, all of them in order, no row is called by.

    Raises
    ------
    DataError
        Always.
    """
    missing = [stimulus for stimulus, row in zip(subject.stimuli, rows, strict=True) if row is None]
    if len(missing) == len(rows):
        message = (
            f"none of the {len(labels.words)} names in {labels.where} is of an image of {subject.name}: "
            f"{labels.beginning}, ..."
        )
    else:
        message = (
            f"{labels.where} lacks {len(missing)} of the {len(rows)} images of {subject.name}; the first is "
            f"{missing[0].path.name}"
        )
    if not first and None not in find_rows(subject, subject.train_stimuli, labels, 1):
        raise DataError(message, hint="they fit, less one: ids_from=1")
    if first and None not in find_rows(subject, subject.train_stimuli, labels, 0):
        raise DataError(message, hint=FIT_AS_THEY_ARE)
    if 0 < len(labels.words) == len(rows) - len(missing):
        raise DataError(message, hint=f"{labels.where} is not complete: it names images of {subject.name} alone")
    raise DataError(message, hint=f"was it made for another subject? choose one with -s; {IN_ORDER}")


def _best(
    subject: Subject, stimulus: Stimulus, candidates: Sequence[tuple[int, Reference]], labels: Labels
) -> int | None:
    if not candidates:
        return None
    ranks = [_rank(subject, stimulus, reference) for _, reference in candidates]
    best = [row for (row, _), rank in zip(candidates, ranks, strict=True) if rank == min(ranks)]
    if len(best) > 1:
        first, second = best[:2]
        raise DataError(
            f"{labels.where} has more than one row for {stimulus.path.name} of {subject.name}: row {first} "
            f"({labels.words[first]}) and row {second} ({labels.words[second]})",
            hint=f"leave one of them out; {IN_ORDER}",
        )
    return best[0]


def _rank(subject: Subject, stimulus: Stimulus, reference: Reference) -> int:
    """Say how well a name of the right id fits, 0 best: two subjects' files of one image may have one name."""
    is_same_name = reference.stem == stimulus.path.stem.lower()
    if reference.subject not in (None, subject.id):
        return 3
    return 2 if not is_same_name else int(reference.subject is None)


def _misfit(subject: Subject, matrix: Matrix, by_id: bool) -> DataError:
    n_train, n_test, kind = len(subject.train_stimuli), len(subject.test_stimuli), subject.ids
    if by_id and kind.n is None:
        return DataError(
            f"{matrix.name} has {matrix.n_rows} rows, and nothing says whose: the ids of {subject.name} are words",
            hint=f"say with ids_file=... which {kind.name} each row has",
        )
    expected = (
        f"{kind.n}, one for each {kind.name}, were expected"
        if by_id
        else f"{subject.name} has {n_train} training and {n_test} test images, {n_train + n_test} in all"
    )
    hint = f"give a row for each image, training first, or say with ids_file=... which {kind.name} each row has"
    if matrix.n_rows == n_test and not by_id:
        hint = "these look like the test images alone: put training and test rows into one array, training first"
    expecting = (kind.n,) if by_id else (n_train + n_test, n_train, kind.n)
    hint = next((transposed for n_rows in expecting if n_rows and (transposed := _hint(matrix, n_rows))), hint)
    return DataError(f"{matrix.name} has {matrix.n_rows} rows; {expected}", hint=hint)


def _hint(matrix: Matrix, n_rows: int) -> str | None:
    """Return what to do about an array whose columns, not rows, are as many as there are images."""
    if len(matrix.shape) != 2 or matrix.shape[1] != n_rows:
        return None
    return f"it has {n_rows} columns: if these are the images, save its transpose, which has a row for each"
