"""Images that are the same, whatever their files and ids: twice in one subject, or in several subjects.

Two images are the same if their pixels are, as 8-bit RGB and upright; and in two subjects also if their ids are, where
ids number the images of one collection. Words are names that each subject's files may have for themselves.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.threads import in_threads
from algocli.compute.track import Track, silent
from algocli.dataset.digests import recall_words
from algocli.dataset.naming import SubjectId
from algocli.dataset.pixels import read_image
from algocli.dataset.pngs import first_row
from algocli.dataset.protocol import Subject
from algocli.errors import DataError

# Names of memories, counted up when images are read otherwise: what was known before is then forgotten.
_BEGINNINGS, _PIXELS = "beginnings 1", "pixels 1"
_LOOKING = "looking for images that are the same"
_N_THREADS = 2


@dataclass(frozen=True)
class Sharing:
    """Which images of a subject other subjects saw, for training or for the test.

    Attributes
    ----------
    rows : (n_stimuli,)
        Whether another subject saw it, in the order of the subject's stimuli.
    n_by_id
        How many of them have an id that another subject's image has; the others have its pixels alone.
    others
        The subjects whose images are known.
    """

    rows: NDArray[np.bool_]
    n_by_id: int
    others: tuple[SubjectId, ...]


def find_copies(paths: Sequence[Path], cache_dir: Path | None = None, *, track: Track = silent) -> NDArray[np.int64]:
    """Find images that have the same pixels.

    The beginning of each is looked at, and those that begin alike are decoded. An image that cannot be read is like no
    other.

    Parameters
    ----------
    cache_dir
        Where what was seen is remembered, until a file changes; None looks anew.

    Returns
    -------
    (n_images,)
        The place of the first image with the same pixels; an image's own, where none before it has them.

    Raises
    ------
    DataError
        If a file is missing.
    StorageError
        If `cache_dir` cannot be written.
    """
    beginnings = _words(paths, _beginning, cache_dir, _BEGINNINGS, track)
    counts = Counter(beginnings)
    alike = [place for place, beginning in enumerate(beginnings) if beginning and counts[beginning] > 1]
    pixels = _words([paths[place] for place in alike], _pixels, cache_dir, _PIXELS, track)
    first: dict[str, int] = {}
    first_same = np.arange(len(paths))
    for place, digest in zip(alike, pixels, strict=True):
        first_same[place] = first.setdefault(digest, place) if digest else place
    return first_same


def find_shared(
    subject: Subject, others: Sequence[Subject], cache_dir: Path | None = None, *, track: Track = silent
) -> Sharing:
    """Find a subject's images that others saw as well, in whichever split.

    Parameters
    ----------
    cache_dir
        As `find_copies` has it.

    Raises
    ------
    DataError
        If an image of any of them is missing.
    StorageError
        If `cache_dir` cannot be written.
    """
    numbered = [other for other in others if other.ids.n is not None and other.ids.n == subject.ids.n]
    ids = {str(image.id) for other in numbered for image in other.stimuli}
    shared = np.array([str(image.id) in ids for image in subject.stimuli], dtype=bool)
    n_by_id = int(shared.sum())
    rest = np.flatnonzero(~shared)
    mine = [subject.stimuli[row].path for row in rest]
    theirs = [image.path for other in others for image in other.stimuli]
    beginnings = _words([*mine, *theirs], _beginning, cache_dir, _BEGINNINGS, track)
    likely = ({*beginnings[: len(mine)]} & {*beginnings[len(mine) :]}) - {""}
    places = [place for place, beginning in enumerate(beginnings) if beginning in likely]
    pixels = _words([(*mine, *theirs)[place] for place in places], _pixels, cache_dir, _PIXELS, track)
    known = {digest for place, digest in zip(places, pixels, strict=True) if place >= len(mine)} - {""}
    for place, digest in zip(places, pixels, strict=True):
        if place < len(mine):
            shared[rest[place]] = digest in known
    return Sharing(shared, n_by_id, tuple(other.id for other in others))


def _words(
    paths: Sequence[Path], word_of: Callable[[Path], str | None], cache_dir: Path | None, part: str, track: Track
) -> list[str]:
    """Return a word of every image, an empty one where it cannot be read."""
    if cache_dir is not None:
        return recall_words(paths, cache_dir, word_of, part=part, label=_LOOKING, track=track)
    if not paths:
        return []
    words = in_threads(word_of, paths, n_threads=_N_THREADS, batch=16)
    return [word or "" for word in track(words, total=len(paths), label=_LOOKING, unit="files")]


def _beginning(path: Path) -> str | None:
    """Return a digest of an image's size and first row, which differ between most images that do."""
    beginning = first_row(path)
    if beginning is None:
        try:
            image = read_image(path)
        except DataError:
            return None
        beginning = image.size, image.crop((0, 0, image.width, 1)).tobytes()
    size, row = beginning
    return _digest(size, row)


def _pixels(path: Path) -> str | None:
    """Return a digest of an image's size and pixels."""
    try:
        image = read_image(path)
    except DataError:
        return None
    return _digest(image.size, image.tobytes())


def _digest(size: tuple[int, int], samples: bytes) -> str:
    return hashlib.sha256(b"%d %d\n" % size + samples).hexdigest()
