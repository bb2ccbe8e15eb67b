"""Notes images that are the same: under two NSD ids, and with several subjects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from algocli.compute.remarks import list_some
from algocli.compute.track import Track
from algocli.dataset.conversions import count_images
from algocli.dataset.copies import find_copies
from algocli.dataset.naming import name_of
from algocli.dataset.sides import SPLITS
from algocli.dataset.stimuli import Stimulus

Seen = Mapping[int, Sequence[Stimulus]]


def list_sameness(seen: Seen, track: Track) -> dict[int, list[str]]:
    """Say which images of some subjects are the same, by the subject.

    Parameters
    ----------
    seen
        The images of each subject; those of several have an NSD id in common, and are looked at once.
    """
    first_with: dict[int, tuple[int, Stimulus]] = {}
    for number, stimuli in seen.items():
        for image in stimuli:
            first_with.setdefault(image.nsd_id, (number, image))
    pairs = list(first_with.values())
    first = find_copies([image.path for _, image in pairs], track=track)
    # NSD ids that show the same, each with the first of them.
    same = {pairs[row][1].nsd_id: pairs[first[row]] for row in np.flatnonzero(first < np.arange(len(pairs))).tolist()}
    return {
        number: [*_within(stimuli, same), *_between(number, stimuli, same), *_shared(number, seen)]
        for number, stimuli in seen.items()
    }


def _within(stimuli: Sequence[Stimulus], same: Mapping[int, tuple[int, Stimulus]]) -> Iterator[str]:
    """Yield a line on images that a subject has twice."""
    groups: dict[int, list[Stimulus]] = defaultdict(list)
    for image in stimuli:
        groups[same[image.nsd_id][1].nsd_id if image.nsd_id in same else image.nsd_id].append(image)
    twice = [group for group in groups.values() if len({image.nsd_id for image in group}) > 1]
    if twice:
        n = sum(map(len, twice)) - len(twice)
        have = "has" if n == 1 else "have"
        names = list_some([" = ".join(image.path.name for image in group) for group in twice])
        yield f"{count_images(n)} {have} the pixels of another of this subject under another NSD id ({names})"


def _between(number: int, stimuli: Sequence[Stimulus], same: Mapping[int, tuple[int, Stimulus]]) -> Iterator[str]:
    """Yield a line on images that another subject has under another id."""
    elsewhere = [image for image in stimuli if image.nsd_id in same and same[image.nsd_id][0] != number]
    if elsewhere:
        have = "has" if len(elsewhere) == 1 else "have"
        names = list_some([f"{image.path.name} = {_full_name(*same[image.nsd_id])}" for image in elsewhere])
        yield f"{count_images(len(elsewhere))} {have} the pixels of another subject's under another NSD id ({names})"


def _shared(number: int, seen: Seen) -> Iterator[str]:
    """Yield a line on images that other subjects saw, by their NSD ids."""
    others = {image.nsd_id for other, stimuli in seen.items() if other != number for image in stimuli}
    counts = []
    for split, word in zip(SPLITS, ("training", "test"), strict=True):
        ids = {image.nsd_id for image in seen[number] if image.split == split}
        counts.append(f"{len(ids & others)} of {len(ids)} {word} images")
    if others & {image.nsd_id for image in seen[number]}:
        yield f"{' and '.join(counts)} were seen by other subjects too, by their NSD ids"


def _full_name(number: int, stimulus: Stimulus) -> str:
    return f"{name_of(number)}/{stimulus.path.name}"
