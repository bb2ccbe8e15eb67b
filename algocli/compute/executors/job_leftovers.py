"""Arrays of jobs in a cache that may be cleared away."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from algocli.compute.executors.arrays import ABOUT, JOBS, JobArray, is_mine
from algocli.compute.executors.slurm_queue import ask_queue
from algocli.compute.files import n_bytes_in
from algocli.compute.leftovers import Leftover, lies_in, real_folders
from algocli.errors import AlgocliError, StorageError

ENDED = "lists of jobs that have all ended"
# Days after which a list that somebody wrote to submit it by hand is not waited for.
_FORGOTTEN = 7 * 86400


def find_job_leftovers(cache_dir: Path) -> Iterable[Leftover]:
    """Yield the arrays in a cache of which nobody expects anything more."""
    for folder in real_folders(cache_dir / JOBS):
        if is_mine(folder) and lies_in(cache_dir, folder) and _is_over(JobArray(folder)):
            still = partial(_is_still_over, folder)
            yield Leftover(folder, ENDED, n_bytes_in(folder), still, partial(_locks, folder), ABOUT)


def _locks(folder: Path) -> list[Path]:
    return [JobArray(folder).lock]


def _is_still_over(folder: Path) -> bool:
    return folder.exists() and _is_over(JobArray(folder))


def _is_over(array: JobArray) -> bool:
    """Say whether all that was handed out has ended; what SLURM says nothing of has not."""
    try:
        jobs = [array.job(index) for index in range(len(array.lines))]
        queue = ask_queue(job for job in jobs if job)
        rows = array.rows(queue)
        age = time.time() - float(array.about.get("began_at") or 0)
    except StorageError:
        raise
    except (AlgocliError, TypeError, ValueError):
        # Half made by a command that was killed, or damaged: whoever makes one holds the cache.
        return True
    # Of what is submitted by hand, or worked on without SLURM, nobody else can tell.
    left = [row for row in rows if row.state in ("queued", "running", "listed") and (row.job or age < _FORGOTTEN)]
    return not left
