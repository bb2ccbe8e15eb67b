"""Arrays of jobs in a cache: jobs/NAME holds a list of tasks, which jobs they are, their logs, and what came of each.

They are their owner's alone: what lies there is read back, and parts of it (submitit's) are pickles.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from algocli.compute.command_lines import write_command
from algocli.compute.executors.lists import LIST, Line, digest_of, end_of, read_list, write_list
from algocli.compute.executors.logs import end_of_log
from algocli.compute.executors.slurm_queue import LIVE, RUNNING, Queue
from algocli.compute.files import read_json, write_json
from algocli.compute.kinds import NUMBER, mismatch
from algocli.compute.leftovers import real_folders
from algocli.errors import AlgocliError, DataError, writing

JOBS = "jobs"
# What submitit writes, and what tasks print.
LOGS = "logs"
ABOUT, _LOCK = "array.json", "lock"
# What the first of them holds, as far as it is read again.
_KINDS = {"jobs?": [str], "command?": [str], "began_at?": NUMBER, "settings?": {str: str}}
DAMAGED = "damaged"
_BY_HAND = "by-hand-"
# As the file for sbatch has logs named.
_LOG = re.compile(r"(\d+)_(\d+)\.log")


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
        Why it failed, waits in SLURM's queue (in SLURM's word), or cannot be read.
    log
        What it printed.
    ended_at
        Of one that was killed, when it last printed something; None where nobody knows, or it goes on.
    whole
        What tells the work that the task is a part of from all other work, whatever the words that asked for it.
    is_past
        Whether a later attempt at the same task says how it stands.
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
    whole: str = ""
    is_past: bool = False


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
        path = self.folder / ABOUT
        about = read_json(path)
        problem = mismatch(about, _KINDS)
        if problem is not None:
            raise DataError(f"{path} is damaged: {problem}")
        return about

    @property
    def jobs(self) -> Sequence[str]:
        """What SLURM calls each of them; none where they are submitted by hand."""
        return [str(job) for job in self.about.get("jobs") or ()]

    @property
    def is_by_hand(self) -> bool:
        """Whether somebody else submits them."""
        return self.folder.name.startswith(_BY_HAND)

    def job(self, index: int) -> str:
        """Return what SLURM calls one of them; nothing where nobody knows."""
        return self._submitted_as(index) or _job_in(end_of(self.folder, index)) or self._logged.get(index, "")

    def _submitted_as(self, index: int) -> str:
        return self.jobs[index] if index < len(self.jobs) else ""

    @property
    def _logged(self) -> dict[int, str]:
        """The last job at each line of a list that was submitted by hand and has a log by now, whatever came of it."""
        found: dict[int, str] = {}
        with suppress(OSError):
            named = [match for name in os.listdir(self.logs) if (match := _LOG.fullmatch(name))]
            for match in sorted(named, key=lambda match: int(match[1])):
                found[int(match[2])] = f"{match[1]}_{match[2]}"
        return found

    def log(self, index: int) -> Path:
        """Return where one of them prints what goes wrong."""
        return self._log_of(index, self.job(index))

    def _log_of(self, index: int, job: str) -> Path:
        # submitit names logs by the number of a process of the job: there is one.
        return self.logs / (f"{job}_0_log.err" if self.jobs else f"{job or index}.log")

    def last_words(self, index: int) -> str:
        """Return the end of the log of one of them."""
        return end_of_log(self.log(index))

    def rows(self, queue: Queue | None) -> list[JobRow]:
        """Say how each stands, given what SLURM says of jobs; None where it says nothing."""
        found = {} if queue is None or self.jobs else queue.of(self.folder)
        logged = {} if self.jobs else self._logged
        return [
            self._row(index, line, queue, found.get(index, ""), logged.get(index, ""))
            for index, line in enumerate(self.lines)
        ]

    def _row(self, index: int, line: Line, queue: Queue | None, found: str, logged: str) -> JobRow:
        end = end_of(self.folder, index) or {}
        recorded = str(end.get("state") or "")
        if queue is not None and queue.is_live(found) and found != end.get("job") and recorded != "done":
            # Submitted once more: what came of it before is past.
            end, recorded = {}, ""
        job = self._submitted_as(index) or _job_in(end) or found or logged
        log = self._log_of(index, job)
        state, said, ended_at = recorded, str(end.get("said") or ""), end.get("ended_at")
        if recorded not in ("done", "failed"):
            now = None if queue is None else queue.states.get(job)
            if not job:
                state = recorded or "listed"
            elif queue is None or now in LIVE:
                state = "running" if recorded or now in RUNNING else "queued"
                said = "" if queue is None or state == "running" else queue.reasons.get(job, "")
            else:
                state, said = "failed", " ".join([(now or "it ended").lower(), end_of_log(log)]).strip()
                ended_at = _last_sign(log, end.get("began_at"))
        host, began_at = str(end.get("host") or ""), end.get("began_at")
        return JobRow(self.folder, index, line.label, state, job, host, said, log, began_at, ended_at, line.whole)


def _last_sign(log: Path, began_at: float | None) -> float | None:
    """Return when a task last printed something that was ended with its job; None where it has said nothing."""
    try:
        changed = log.stat().st_mtime
    except OSError:
        return None
    return changed if began_at is not None and changed >= began_at else None


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
    name = f"{_BY_HAND}{digest_of(lines)}" if by_hand else f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
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
    write_json(array.folder / ABOUT, about)
    array.__dict__.pop("about", None)


def arrays_in(cache_dir: Path) -> list[JobArray]:
    """List the arrays in a cache that are this user's, the oldest first; others' cannot be read, and are not ours."""
    folders = [folder for folder in real_folders(cache_dir / JOBS) if is_mine(folder)]
    return [JobArray(folder) for folder in folders if (folder / ABOUT).exists()]


def readable_arrays(cache_dir: Path) -> list[JobArray]:
    """List those of them that can be read."""
    return [array for array in arrays_in(cache_dir) if fault_of(array) is None]


def fault_of(array: JobArray) -> AlgocliError | None:
    """Return why an array cannot be read; None where it can be."""
    try:
        _ = array.about, array.lines
    except AlgocliError as error:
        return error
    return None


def command_of(folder: Path) -> str:
    """Return the command line that handed an array out; nothing where that is not known."""
    with suppress(AlgocliError):
        return write_command(JobArray(folder).about.get("command") or ())
    return ""


def is_mine(folder: Path) -> bool:
    """Say whether a folder is this user's."""
    try:
        return folder.stat().st_uid == os.getuid()
    except OSError:
        return False
