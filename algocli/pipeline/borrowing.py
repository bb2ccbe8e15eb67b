"""Features that lie elsewhere: at a cache's own address, or in caches of others, which are read and never written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from algocli.compute.cache_places import address_of_cache, check_cache, name_of_cache
from algocli.compute.caches import filling
from algocli.compute.track import Note, unheard
from algocli.dataset.naming import SubjectId
from algocli.errors import ReadOnly
from algocli.features.store.borrowing import adopt, borrow, check_lenders
from algocli.pipeline.arguments import Paths
from algocli.runs.run import Run


def borrow_for(
    runs: Sequence[Run], features_from: Paths | None, subjects: Sequence[SubjectId] | None = None, note: Note = unheard
) -> None:
    """Let the caches of some runs read what the runs were trained on in others; of all their subjects, or of some.

    Raises
    ------
    UsageError
        If one of the others holds no features.
    DataError, StorageError
        If what describes them is damaged, or the cache of a run cannot be written.
    """
    lenders = check_lenders(features_from)
    for run in runs if lenders else ():
        with filling(run.cache_dir, note):
            borrow(run.cache_dir, lenders, run.settings.features, run.subjects if subjects is None else subjects)


def open_cache(cache_dir: object, note: Note = unheard) -> Path:
    """Return the folder of a cache, which may be named by an address: then it knows the features that lie there.

    Raises
    ------
    UsageError
        If it is neither.
    DiskFault
        If a server does not answer.
    StorageError
        If the folder cannot be written.
    """
    folder = check_cache(cache_dir)
    address = address_of_cache(folder)
    if address is not None:
        note(f"features and Gram matrices lie in {address}; runs, and all else of this cache, in {folder}")
        adopt(folder, note)
    return folder


@contextmanager
def filling_cache(cache_dir: Path, note: Note) -> Iterator[None]:
    """Fill a cache within a `with` block, as `filling` does; of one that may only be read, say how it serves.

    Raises
    ------
    ReadOnly
        If something was to be written, and may not be.
    StorageError
        If the cache cannot be written otherwise.
    """
    try:
        with filling(cache_dir, note):
            yield
    except ReadOnly as error:
        theirs = f"features_from={name_of_cache(cache_dir)!r} reads features there"
        hint = f"{theirs}; name a cache of your own with cache_dir=..."
        raise ReadOnly(error.message, hint=hint) from error
