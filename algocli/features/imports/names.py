"""Finds the rows of a subject's images by what rows are called: names of their files, or ids in any form.

A name is taken apart once, into the image it stands for; who asks for a subject's images gets the best match of each,
and an error where two rows match as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from algocli.dataset.ids import Reference
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError
from algocli.features.imports.formats.matrix import Labels

FIT_AS_THEY_ARE = "they fit as they are: leave ids_from=... out"
IN_ORDER = "key='row' takes rows in the order of the images, whatever they are called"


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
    found = ((one, by_id.get(str(one.id)) or by_stem.get(one.path.stem.lower(), [])) for one in stimuli)
    return [_best(subject, stimulus, candidates, labels) for stimulus, candidates in found]


def refuse_unnamed(subject: Subject, found: Sequence[int | None], labels: Labels, first: int) -> None:
    """Tell which of a subject's stimuli, all of them in order, no row is called by.

    Raises
    ------
    DataError
        Always.
    """
    missing = [stimulus for stimulus, row in zip(subject.stimuli, found, strict=True) if row is None]
    if len(missing) == len(found):
        message = (
            f"none of the {len(labels.words)} names in {labels.where} is of an image of {subject.name}: "
            f"{labels.beginning}, ..."
        )
    else:
        message = (
            f"{labels.where} lacks {len(missing)} of the {len(found)} images of {subject.name}; the first is "
            f"{missing[0].path.name}"
        )
    if not first and None not in find_rows(subject, subject.train_stimuli, labels, 1):
        raise DataError(message, hint="they fit, less one: ids_from=1")
    if first and None not in find_rows(subject, subject.train_stimuli, labels, 0):
        raise DataError(message, hint=FIT_AS_THEY_ARE)
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
    is_own_name = reference.stem == stimulus.path.stem.lower()
    if reference.subject not in (None, subject.id):
        return 3
    return 2 if not is_own_name else int(reference.subject is None)
