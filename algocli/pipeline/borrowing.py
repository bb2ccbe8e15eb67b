"""Features in the caches of others: which runs read them there, and what whoever may not write there does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from algocli.compute.caches import filling
from algocli.compute.track import Note, unheard
from algocli.dataset.naming import SubjectId
from algocli.errors import ReadOnly
from algocli.features.store.borrowing import borrow, check_lenders
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
        hint = f"features_from={str(cache_dir)!r} reads features there; name a cache of your own with cache_dir=..."
        raise ReadOnly(error.message, hint=hint) from error
