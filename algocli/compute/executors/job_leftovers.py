"""Arrays of jobs in a cache that may be cleared away."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from contextlib import chdir, suppress
from functools import partial
from pathlib import Path

from algocli.compute.executors.arrays import ABOUT, JOBS, JobArray, JobRow, is_mine
from algocli.compute.executors.lists import made
from algocli.compute.executors.slurm_queue import Queue, ask_queue
from algocli.compute.executors.tasks import known_of
from algocli.compute.files import n_bytes_in
from algocli.compute.leftovers import Leftover, lies_in, real_folders
from algocli.errors import AlgocliError, StorageError

ENDED = "lists of jobs that have all ended"
# Days after which a list that somebody wrote to submit it by hand is not waited for.
_FORGOTTEN = 7 * 86400


def find_job_leftovers(cache_dir: Path) -> Iterable[Leftover]:
    """Yield the arrays in a cache of which nobody expects anything more.

    That is where all tasks have ended, and where what nobody has submitted is done, was written to be submitted by hand
    a week ago or more, or was to be submitted by a command that was killed before.
    """
    for folder in real_folders(cache_dir / JOBS):
        if is_mine(folder) and lies_in(cache_dir, folder):
            array = JobArray(folder)
            done = frozenset(index for index in _listed(array) if _is_done(array, index))
            if _is_over(array, done):
                still = partial(_is_still_over, folder, done)
                yield Leftover(folder, ENDED, n_bytes_in(folder), still, partial(_locks, folder), ABOUT)


def _locks(folder: Path) -> list[Path]:
    return [JobArray(folder).lock]


def _is_still_over(folder: Path, done: Collection[int]) -> bool:
    return folder.exists() and _is_over(JobArray(folder), done)


def _listed(array: JobArray) -> list[int]:
    """Return the lines of which nothing came, as far as the array says."""
    with suppress(AlgocliError):
        return [index for index, row in enumerate(array.rows(Queue())) if row.state == "listed"]
    return []


def _is_done(array: JobArray, index: int) -> bool:
    """Say whether a task is done, whoever did it."""
    line = array.lines[index]
    try:
        # Relative paths are those of whoever wrote the list.
        with chdir(line.folder):
            return known_of(made(array.list_path, line)) is not None
    # Of a task that is of another version, or of data that are gone, nobody knows.
    except Exception:
        return False


def _is_over(array: JobArray, done: Collection[int]) -> bool:
    """Say whether all that was handed out has ended, or is done; what SLURM says nothing of has not."""
    try:
        queue = ask_queue({array.job(index) for index in range(len(array.lines))} - {""})
        rows = array.rows(queue)
        age = time.time() - float(array.about.get("began_at") or 0)
    except StorageError:
        raise
    except (AlgocliError, TypeError, ValueError):
        # Half made by a command that was killed, or damaged: whoever makes one holds the cache.
        return True
    # What was to be submitted by a command that is gone, SLURM would have by now, or nobody ever will.
    patience = _FORGOTTEN if array.is_by_hand or queue is None else 0
    return not any(_is_expected(row, done, age < patience) for row in rows)


def _is_expected(row: JobRow, done: Collection[int], is_young: bool) -> bool:
    if row.state not in ("queued", "running", "listed"):
        return False
    # Of what is submitted by hand, or worked on without SLURM, nobody else can tell.
    return bool(row.job) or (is_young and not (row.state == "listed" and row.index in done))
