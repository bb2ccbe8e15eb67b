"""What SLURM says of jobs, by its own programs: squeue of those it has in mind, sacct of those it has forgotten."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What a job is in that has not ended.
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
RUNNING = frozenset(
    {"RUNNING", "COMPLETING", "CONFIGURING", "STAGE_OUT", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING"}
)
LIVE = WAITING | RUNNING
# Seconds after which a program of SLURM's is not waited for.
_PATIENCE = 60.0
# As many jobs are named to one program: a command line has an end.
_AT_ONCE = 200
_ARRAY_JOB = re.compile(r"\d+(_\d+)?")
# Why jobs wait that others in front of them keep from starting, or the user's own wish: time brings them in.
_ORDINARY = frozenset(
    {"", "None", "Priority", "Resources", "Dependency", "JobArrayTaskLimit", "BeginTime", "Cleaning", "Prolog",
     "Licenses", "Reservation"}
)  # fmt: skip
# Limits on how many jobs there are at a time, which end as jobs do.
_OF_JOBS = re.compile(r"Jobs\w*Limit$|MaxJobs")


@dataclass(frozen=True)
class Queue:
    """What SLURM says of a user's jobs.

    Attributes
    ----------
    states
        The state of each, by ids such as '12_3', in SLURM's own words.
    reasons
        Why those wait that wait.
    sent
        What sbatch was given for each, and its comment.
    """

    states: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, str] = field(default_factory=dict)

    def is_live(self, job: str) -> bool:
        """Say whether a job has not ended."""
        return self.states.get(job) in LIVE

    def of(self, folder: Path) -> dict[int, str]:
        """Return the job at each line of a list in a folder, by what sbatch was given: one that runs before others."""
        homes = tuple(f"{home}{os.sep}" for home in {str(folder), os.path.realpath(folder)})
        jobs = [job for job, sent in self.sent.items() if any(word.startswith(homes) for word in sent.split("|"))]
        found: dict[int, str] = {}
        for job in sorted(jobs, key=lambda job: self._rank(job)):
            _, of_array, index = job.partition("_")
            if of_array:
                found[int(index)] = job
        return found

    def _rank(self, job: str) -> tuple[bool, bool, int]:
        state = self.states.get(job)
        return state in LIVE, state in RUNNING, int(job.split("_")[0])


def ask_queue(jobs: Iterable[str]) -> Queue | None:
    """Return what SLURM says of this user's jobs, some of which may have ended.

    None where it does not answer, or is not on this machine.
    """
    # Of all states: what has just ended is known for some minutes.
    form = ("--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%r|%k|%o")
    said = _ask("squeue", *form)
    if said is None:
        return None
    rows = [(job, *rest.split("|", 2)) for job, rest in _pairs(said)]
    states = {row[0]: row[1].strip() for row in rows}
    reasons = {row[0]: row[2].strip() for row in rows if len(row) > 2 and row[1].strip() in WAITING}
    sent = {row[0]: row[3] for row in rows if len(row) > 3}
    return Queue({**states, **_remembered(set(jobs) - set(states))}, reasons, sent)


def is_stuck(reason: str) -> bool:
    """Say whether a job that waits for a reason may wait forever: what it asks for is not to be had, or is held back.

    Examples
    --------
    >>> from algocli.compute.executors.slurm_queue import is_stuck
    >>> is_stuck("PartitionTimeLimit"), is_stuck("Priority")
    (True, False)
    """
    # 'ReqNodeNotAvail, UnavailableNodes:n1' says more than its name.
    name = reason.split(",")[0].strip()
    return name not in _ORDINARY and not _OF_JOBS.search(name)


def cancel(jobs: Collection[str]) -> None:
    """Cancel jobs, or parts of arrays; those that have ended are no matter."""
    some = sorted(jobs)
    for start in range(0, len(some), _AT_ONCE):
        _ask("scancel", *some[start : start + _AT_ONCE])


def _remembered(jobs: Collection[str]) -> dict[str, str]:
    """Return how jobs ended that the controller has forgotten, where a data base keeps it."""
    if not jobs:
        return {}
    arrays = ",".join(sorted({job.split("_")[0] for job in jobs})[:_AT_ONCE])
    said = _ask("sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State", f"--jobs={arrays}")
    # 'CANCELLED by 1000' says who.
    return {job: state.split()[0] for job, state in _pairs(said or "") if job in jobs and state}


def _pairs(said: str) -> list[tuple[str, str]]:
    split = [line.strip().partition("|") for line in said.splitlines()]
    return [(job, state.strip()) for job, bar, state in split if bar and _ARRAY_JOB.fullmatch(job)]


def _ask(program: str, *words: str) -> str | None:
    path = shutil.which(program)
    if path is None:
        return None
    try:
        # The words are ours, and ids that SLURM has given.
        done = subprocess.run(  # noqa: S603
            [path, *words], capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
