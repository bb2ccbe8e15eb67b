"""Finds the rows of a subject's images by what rows are called: file names of the challenge, or NSD ids in any form.

A name is taken apart once, into the image it stands for; who asks for a subject's images gets the best match of each,
and an error where two rows match as well.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from algocli.dataset.challenge.layout import IMAGE_NAME
from algocli.dataset.challenge.subjects import Subject
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError
from algocli.features.imports.formats.matrix import Labels

_SUFFIX = re.compile(r"\.(png|jpe?g|bmp|gif|tiff?|webp|npy|npz|pt|pth|txt|mat)$", re.IGNORECASE)
_FOLDER = re.compile(r"subj(?:ect)?[-_]?0?([1-8])(?![0-9])", re.IGNORECASE)
# The 1,000 images that all subjects saw, as NSD gives them out one by one: the only file names of NSD's own, and they
# count its images from 1, where its tables count from 0.
_SHARED = re.compile(r"shared[0-9]{4}_nsd([0-9]{5})", re.IGNORECASE)
_NSD = re.compile(r"(?<![a-z])nsd(?:[-_ ]?id)?[-_ ]?([0-9]{1,5})(?![0-9])", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,6}")
_SHOWN = 3
IN_ORDER = "key='row' takes rows in the order of the images, whatever they are called"


@dataclass(frozen=True)
class _Reference:
    """What a name stands for: a stem such as train-0001_nsd-00013, an NSD id, and whose folder it was in."""

    stem: str
    nsd_id: int | None
    subject: int | None


def find_rows(subject: Subject, stimuli: Sequence[Stimulus], labels: Labels, first: int = 0) -> list[int | None]:
    """Return the row that each of some stimuli is called by; None for one that no name fits.

    Parameters
    ----------
    labels
        What each row is called; rows of other images are passed over.
    first
        What the first of NSD's images is called, where a name is no more than its id.

    Raises
    ------
    DataError
        If two rows fit one stimulus equally well.
    """
    by_id: dict[int, list[tuple[int, _Reference]]] = defaultdict(list)
    for row, word in enumerate(labels.words):
        reference = _refer(word, first)
        if reference.nsd_id is not None:
            by_id[reference.nsd_id].append((row, reference))
    return [_best(subject, stimulus, by_id.get(stimulus.nsd_id, []), labels) for stimulus in stimuli]


def refuse_unnamed(subject: Subject, found: Sequence[int | None], labels: Labels, first: int) -> None:
    """Tell which of a subject's stimuli, all of them in order, no row is called by.

    Raises
    ------
    DataError
        Always.
    """
    missing = [stimulus for stimulus, row in zip(subject.stimuli, found, strict=True) if row is None]
    if len(missing) == len(found):
        begin = ", ".join(labels.words[:_SHOWN])
        message = (
            f"none of the {len(labels.words)} names in {labels.where} is of an image of {subject.name}: {begin}, ..."
        )
    else:
        message = (
            f"{labels.where} lacks {len(missing)} of the {len(found)} images of {subject.name}; the first is "
            f"{missing[0].path.name}"
        )
    if not first and None not in find_rows(subject, subject.train_stimuli, labels, 1):
        raise DataError(message, hint="they fit, less one: ids_from=1")
    raise DataError(message, hint=f"was it made for another subject? choose one with -s; {IN_ORDER}")


def _refer(word: str, first: int) -> _Reference:
    """Take a name apart."""
    path = word.strip().strip("\"'").replace("\\", "/")
    folder, _, name = path.rpartition("/")
    stem = _SUFFIX.sub("", name)
    owners = _FOLDER.findall(folder)
    return _Reference(stem.lower(), _nsd_id(stem, first), int(owners[-1]) if owners else None)


def _nsd_id(stem: str, first: int) -> int | None:
    challenges = IMAGE_NAME.fullmatch(f"{stem.lower()}.png")
    if challenges:
        return int(challenges[3])
    shared = _SHARED.search(stem)
    if shared:
        return int(shared[1]) - 1
    within = _NSD.findall(stem)
    if within:
        return int(within[-1]) - first
    return int(stem) - first if _NUMBER.fullmatch(stem) else None


def _best(
    subject: Subject, stimulus: Stimulus, candidates: Sequence[tuple[int, _Reference]], labels: Labels
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


def _rank(subject: Subject, stimulus: Stimulus, reference: _Reference) -> int:
    """Say how well a name of the right NSD id fits, 0 best: two subjects' files of one image may have one name."""
    is_own_name = reference.stem == stimulus.path.stem.lower()
    if reference.subject not in (None, subject.number):
        return 3
    return 2 if not is_own_name else int(reference.subject is None)
