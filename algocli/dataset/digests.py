"""Digests of images and what reading them takes, remembered: a second run does not open ten thousand files again."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from algocli.compute.opening import open_file
from algocli.compute.track import Track, silent
from algocli.dataset.conversions import Conversion
from algocli.dataset.memories import FileDigests, lasting_stamp, memory_of, recall_all
from algocli.dataset.pixels import find_conversions
from algocli.dataset.pngs import LARGEST_IMAGE
from algocli.dataset.protocol import Subject
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError, NoPixels, reading

# Names the memory of conversions. Counted up when the rules change: what was found before is then forgotten.
_CONVERSIONS = "conversions 1"
_PLAIN = "plain"


def stimuli_digest(stimuli: Sequence[Stimulus], cache_dir: Path, *, track: Track = silent) -> str:
    """Digest an ordered set of stimuli: the split, id and content of each.

    Where an image's pixels depend on how it is converted, that counts as its content too: features that another version
    has of it, converted otherwise, are of another image. Plain images have the digest of their files alone.

    Raises
    ------
    DataError
        If an image is missing or cannot be read.
    StorageError
        If `cache_dir` cannot be written.
    """
    paths = [stimulus.path for stimulus in stimuli]
    contents = digest_files(paths, cache_dir, most=LARGEST_IMAGE, track=track)
    lines = (
        f"{' '.join((s.split, str(s.id), content, *(kind for kind in kinds if kind.decides_about_pixels)))}\n"
        for s, content, kinds in zip(stimuli, contents, list_conversions(paths, cache_dir, track=track), strict=True)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def list_conversions(paths: Sequence[Path], cache_dir: Path, *, track: Track = silent) -> list[tuple[Conversion, ...]]:
    """Return what reading each image takes, in the order of `paths`, looking only at what has changed since last time.

    Raises
    ------
    DataError
        If a file is missing. One that `see` refuses by name is `Conversion.REFUSED`; of a broken one nothing is said.
    StorageError
        If `cache_dir` cannot be written.
    """
    words = recall_all(paths, cache_dir, _list_kinds, "looking at images", track, part=_CONVERSIONS)
    return [tuple(Conversion(word) for word in some.split("+") if word != _PLAIN) for some in words]


def digest_files(
    paths: Sequence[Path], cache_dir: Path, *, most: int | None = None, track: Track = silent
) -> list[str]:
    """Return the sha256 of every file, in the order of `paths`, reading only what has changed since last time.

    Parameters
    ----------
    most
        The bytes that each takes at most.

    Raises
    ------
    DataError
        If a file is missing, no regular file, larger, or cannot be read.
    StorageError
        If `cache_dir` cannot be written.
    """
    read = _read if most is None else partial(_read, most=most)
    return recall_all(paths, cache_dir, read, "digesting files", track)


def digest_other_files(subject: Subject, cache_dir: Path | None = None) -> dict[str, str]:
    """Digest what of a subject's data is read beside images and training responses, by the paths below its folder.

    What cannot be read is left to whoever needs it; a kind of dataset may name no such files. Nothing is remembered
    without a `cache_dir`.
    """
    files: Sequence[Path] = getattr(subject, "other_files", ())
    digests = {}
    if cache_dir is not None:
        with suppress(DataError):
            digests = dict(zip(files, digest_files(files, cache_dir), strict=True))
    if not digests:
        # One may not be readable, or what was found not be remembered: all others are vouched for nevertheless.
        for path in files:
            with suppress(DataError):
                digests[path] = _read(path)[1]
    return {path.relative_to(subject.folder).as_posix(): digest for path, digest in digests.items()}


def recall_words(
    paths: Sequence[Path],
    cache_dir: Path,
    word_of: Callable[[Path], str | None],
    *,
    part: str,
    label: str,
    track: Track,
) -> list[str]:
    """Return what `word_of` says of every file, in the order of `paths`, asking it again only where one has changed.

    `part` says what it reads, and names its memory. None is not remembered, and returned as an empty word.

    Raises
    ------
    DataError
        If a file is missing.
    StorageError
        If `cache_dir` cannot be written.
    """
    return recall_all(paths, cache_dir, partial(_stamped, word_of), label, track, part=part)


def digest_part(path: Path, part: str, cache_dir: Path, compute: Callable[[], str]) -> str:
    """Return what `compute` says of a part of a file, asking it again only when the file has changed.

    `part` says which part that is, and names its memory.

    Raises
    ------
    DataError
        If the file is missing.
    StorageError
        If `cache_dir` cannot be written.
    """
    memory = FileDigests(memory_of(path.parent, cache_dir, part))
    known = memory.recall(path)
    if known is not None:
        return known
    started, status = time.time_ns(), os.stat(path)
    digest = compute()
    memory.remember(path, lasting_stamp(status, started), digest)
    memory.save(path.parent)
    return digest


def _read(path: Path, most: int | None = None) -> tuple[str | None, str]:
    """Return a file's stamp, if it is sure to stand for the content, and its digest."""
    with reading(path), open_file(path, most) as stream:
        started = time.time_ns()
        # Taken before the content: a file that changes meanwhile will not have this stamp again.
        status = os.fstat(stream.fileno())
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return lasting_stamp(status, started), digest


def _list_kinds(path: Path) -> tuple[str | None, str]:
    """Return an image's stamp, if it is sure to stand for the content, and the kinds of its conversion."""
    started, status = time.time_ns(), os.stat(path)
    try:
        kinds = find_conversions(path)
    # Neither is remembered: another version of the decoder may know more.
    except NoPixels:
        return None, Conversion.REFUSED
    # No image, or a broken one: whoever reads it will hear, and has nothing that could be out of date.
    except DataError:
        return None, _PLAIN
    return lasting_stamp(status, started), "+".join(kinds) or _PLAIN


def _stamped(word_of: Callable[[Path], str | None], path: Path) -> tuple[str | None, str]:
    """Return an image's stamp, if it is sure to stand for the content, and what is said of it."""
    started, status = time.time_ns(), os.stat(path)
    word = word_of(path)
    return (None, "") if word is None else (lasting_stamp(status, started), word)
