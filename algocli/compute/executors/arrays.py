"""Arrays of jobs in a cache: jobs/NAME holds a list of tasks, which jobs they are, their logs, and what came of each.

They are their owner's alone: what lies there is read back, and parts of it (submitit's) are pickles.
"""

from __future__ import annotations

import os
import secrets
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from algocli.compute.command_lines import write_command
from algocli.compute.executors.lists import LIST, Line, digest_of, end_of, read_list, write_list
from algocli.compute.executors.logs import end_of_log
from algocli.compute.executors.slurm_queue import LIVE, RUNNING, states_of
from algocli.compute.files import n_bytes_in, read_json, write_json
from algocli.compute.kinds import NUMBER, mismatch
from algocli.compute.leftovers import Leftover, lies_in, real_folders
from algocli.errors import AlgocliError, DataError, StorageError, writing

JOBS = "jobs"
ENDED = "lists of jobs that have all ended"
# What submitit writes, and what tasks print.
LOGS = "logs"
_ABOUT, _LOCK = "array.json", "lock"
# What the first of them holds, as far as it is read again.
_KINDS = {"jobs?": [str], "command?": [str], "began_at?": NUMBER}
DAMAGED = "damaged"
# Days after which a list that somebody wrote to submit it by hand is not waited for.
_FORGOTTEN = 7 * 86400


@dataclass(frozen=True)
class JobRow:
    """One task of an array, and how it stands.

    Attributes
    ----------
    array
        The folder of the array.
    index
        Which line of its list the task is.
    state
        'listed' (to be submitted by hand), 'queued', 'running', 'done' or 'failed'; 'damaged' of a whole array that
        cannot be read, which has no `index` and no `task`.
    job
        What SLURM calls it.
    said
        Why it failed, or cannot be read.
    log
        What it printed.
    """

    array: Path
    index: int | None
    task: str
    state: str
    job: str
    host: str
    said: str
    log: Path
    began_at: float | None
    ended_at: float | None


class JobArray:
    """A folder of jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def list_path(self) -> Path:
        """The list of its tasks."""
        return self.folder / LIST

    @property
    def logs(self) -> Path:
        """The folder of what they print."""
        return self.folder / LOGS

    @property
    def lock(self) -> Path:
        """What the command holds that waits for them."""
        return self.folder / _LOCK

    @cached_property
    def lines(self) -> Sequence[Line]:
        """Its tasks."""
        return read_list(self.list_path)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Which jobs they are, and who wants them."""
        path = self.folder / _ABOUT
        about = read_json(path)
        problem = mismatch(about, _KINDS)
        if problem is not None:
            raise DataError(f"{path} is damaged: {problem}")
        return about

    @property
    def jobs(self) -> Sequence[str]:
        """What SLURM calls each of them; none where they are submitted by hand."""
        return [str(job) for job in self.about.get("jobs") or ()]

    def job(self, index: int) -> str:
        """Return what SLURM calls one of them; nothing where nobody knows."""
        return self._submitted_as(index) or _job_in(end_of(self.folder, index))

    def _submitted_as(self, index: int) -> str:
        return self.jobs[index] if index < len(self.jobs) else ""

    def log(self, index: int) -> Path:
        """Return where one of them prints what goes wrong."""
        return self._log_of(index, self.job(index))

    def _log_of(self, index: int, job: str) -> Path:
        # submitit names logs by the number of a process of the job: there is one.
        return self.logs / (f"{job}_0_log.err" if self.jobs else f"{job or index}.log")

    def last_words(self, index: int) -> str:
        """Return the end of the log of one of them."""
        return end_of_log(self.log(index))

    def rows(self, states: Mapping[str, str] | None) -> list[JobRow]:
        """Say how each stands, given what SLURM says of jobs; None where it says nothing."""
        return [self._row(index, line, states) for index, line in enumerate(self.lines)]

    def _row(self, index: int, line: Line, states: Mapping[str, str] | None) -> JobRow:
        end = end_of(self.folder, index) or {}
        job, recorded = self._submitted_as(index) or _job_in(end), str(end.get("state") or "")
        log = self._log_of(index, job)
        state, said = recorded, str(end.get("said") or "")
        if recorded not in ("done", "failed"):
            now = None if states is None else states.get(job)
            if not job:
                state = recorded or "listed"
            elif states is None or now in LIVE:
                state = "running" if recorded or now in RUNNING else "queued"
            else:
                state, said = "failed", " ".join([(now or "it ended").lower(), end_of_log(log)]).strip()
        about = {"began_at": end.get("began_at"), "ended_at": end.get("ended_at")}
        return JobRow(self.folder, index, line.label, state, job, str(end.get("host") or ""), said, log, **about)


def _job_in(end: Mapping[str, Any] | None) -> str:
    """Return the job that a record of a line's end names."""
    return str((end or {}).get("job") or "")


def new_array(cache_dir: Path, lines: Sequence[Line], about: Mapping[str, Any], *, by_hand: bool = False) -> JobArray:
    """Make a folder for some tasks, and write their list; the same tasks have one folder where nobody submits them yet.

    Raises
    ------
    StorageError
        If the cache cannot be written.
    """
    name = f"by-hand-{digest_of(lines)}" if by_hand else f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    folder = cache_dir.absolute() / JOBS / name
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Whatever the umask allows others.
        folder.mkdir(mode=stat.S_IRWXU, exist_ok=by_hand)
        (folder / LOGS).mkdir(exist_ok=by_hand)
    array = JobArray(folder)
    write_list(array.list_path, lines)
    keep_about(array, {**about, "began_at": time.time()})
    return array


def keep_about(array: JobArray, about: Mapping[str, Any]) -> None:
    """Keep which jobs the tasks of an array are."""
    write_json(array.folder / _ABOUT, about)
    array.__dict__.pop("about", None)


def arrays_in(cache_dir: Path) -> list[JobArray]:
    """List the arrays in a cache that are this user's, the oldest first; others' cannot be read, and are not ours."""
    folders = [folder for folder in real_folders(cache_dir / JOBS) if _is_mine(folder)]
    return [JobArray(folder) for folder in folders if (folder / _ABOUT).exists()]


def readable_arrays(cache_dir: Path) -> list[JobArray]:
    """List those of them that can be read."""
    return [array for array in arrays_in(cache_dir) if _fault_of(array) is None]


def list_jobs(cache_dir: Path) -> tuple[list[JobRow], bool]:
    """Say how all tasks in a cache stand that were handed out, and whether SLURM has said its part.

    An array that cannot be read is a row by itself, and hides no other.
    """
    arrays = {array.folder: _fault_of(array) for array in arrays_in(cache_dir)}
    whole = [JobArray(folder) for folder, fault in arrays.items() if fault is None]
    states = states_of({array.job(index) for array in whole for index in range(len(array.lines))} - {""})
    rows = {array.folder: array.rows(states) for array in whole}
    rows |= {folder: [_damaged(folder, fault)] for folder, fault in arrays.items() if fault is not None}
    return [row for folder in arrays for row in rows[folder]], states is not None


def _fault_of(array: JobArray) -> AlgocliError | None:
    """Return why an array cannot be read; None where it can be."""
    try:
        _ = array.about, array.lines
    except AlgocliError as error:
        return error
    return None


def _damaged(folder: Path, fault: AlgocliError) -> JobRow:
    return JobRow(folder, None, "", DAMAGED, "", "", fault.message, folder / LOGS, None, None)


def command_of(folder: Path) -> str:
    """Return the command line that handed an array out; nothing where that is not known."""
    with suppress(AlgocliError):
        return write_command(JobArray(folder).about.get("command") or ())
    return ""


def find_job_leftovers(cache_dir: Path) -> Iterable[Leftover]:
    """Yield the arrays in a cache of which nobody expects anything more."""
    for folder in real_folders(cache_dir / JOBS):
        if _is_mine(folder) and lies_in(cache_dir, folder) and _is_over(JobArray(folder)):
            still = partial(_is_still_over, folder)
            yield Leftover(folder, ENDED, n_bytes_in(folder), still, lambda folder=folder: [folder / _LOCK], _ABOUT)  # type: ignore[misc]


def _is_mine(folder: Path) -> bool:
    try:
        return folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def _is_still_over(folder: Path) -> bool:
    return folder.exists() and _is_over(JobArray(folder))


def _is_over(array: JobArray) -> bool:
    """Say whether all that was handed out has ended; what SLURM says nothing of has not."""
    try:
        jobs = [array.job(index) for index in range(len(array.lines))]
        states = states_of(job for job in jobs if job)
        rows = array.rows(states)
        age = time.time() - float(array.about.get("began_at") or 0)
    except StorageError:
        raise
    except (AlgocliError, TypeError, ValueError):
        # Half made by a command that was killed, or damaged: whoever makes one holds the cache.
        return True
    # Of what is submitted by hand, or worked on without SLURM, nobody else can tell.
    left = [row for row in rows if row.state in ("queued", "running", "listed") and (row.job or age < _FORGOTTEN)]
    return not left
