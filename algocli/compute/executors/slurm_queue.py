"""What SLURM says of jobs, by its own programs: squeue of those it has in mind, sacct of those it has forgotten."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable

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


def states_of(jobs: Iterable[str]) -> dict[str, str] | None:
    """Return the state of each of this user's jobs that SLURM knows of, by ids such as '12_3', in SLURM's own words.

    None where it does not answer, or is not on this machine.
    """
    wanted = set(jobs)
    if not wanted:
        return {}
    # Of all states: what has just ended is known for some minutes.
    form = ("--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T")
    said = _ask("squeue", *form)
    if said is None:
        return None
    states = {job: state for job, state in _pairs(said) if job in wanted}
    return states | _remembered(wanted - set(states))


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
