"""SLURM as an Executor: submitit sends arrays and brings back results, squeue says which of their jobs have ended.

What an earlier call of the same command has in the queue is taken up, not submitted again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from algocli.compute.executors.arrays import JobArray, JobRow, keep_about, new_array, readable_arrays
from algocli.compute.executors.gathering import Gathering, Given
from algocli.compute.executors.lists import Line
from algocli.compute.executors.local import WorkerDied
from algocli.compute.executors.slurm_queue import LIVE, cancel, states_of
from algocli.compute.executors.slurm_request import lines_of, parameters_for
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.slurm_worker import work_in_job
from algocli.compute.executors.tasks import Outcome, Task, known_of, needs_of
from algocli.compute.lock import hold
from algocli.compute.track import Note
from algocli.errors import EngineFault, first_line

# Most clusters refuse an array of more than a thousand.
_LONGEST = 1000
# Seconds between questions to SLURM: the more the longer it takes, as a share of the time since the last submission.
_SOONEST, _LATEST, _SHARE = 2.0, 30.0, 0.05
# Seconds in which what a job has left behind may still be on its way through a shared file system.
_LAG = 15.0
# How often, and after how many seconds, sbatch is tried again where the controller does not answer.
_AGAIN, _REST = 60, 10.0
# As sbatch says that nobody answers.
_SILENT = ("contact slurm controller", "connect failure", "timed out", "connection refused", "communication")


@dataclass
class _Job:
    """A job that somebody waits for."""

    future: Future[Outcome]
    array: JobArray
    index: int
    name: str
    missed_since: float | None = None


class SlurmEngine(Gathering):
    """Has tasks performed by jobs."""

    def __init__(self, settings: SlurmSettings, cache_dir: Path, note: Note) -> None:
        self._settings, self._cache_dir, self._note = settings, cache_dir, note
        self._jobs: list[_Job] = []
        self._held: list[tuple[Task, Line, Future[Outcome]]] = []
        self._locks = ExitStack()
        self._asked_at = self._sent_at = time.monotonic()
        self._is_silent = False
        # How many times the memory that it promised a task is given, by its digest.
        self._times: dict[str, int] = {}
        self._earlier = _earlier(cache_dir)
        super().__init__()

    def send(self, given: Given) -> None:
        """Submit tasks, but for those that an earlier call has submitted, or parts of the same work."""
        lines = lines_of([task for task, _ in given], self._settings)
        known = {line.digest: (array, row) for array, row, line in self._earlier}
        whole = {line.whole for _, _, line in self._earlier}
        fresh, n_taken_up = list[tuple[Task, Line, Future[Outcome]]](), 0
        for (task, future), line in zip(given, lines, strict=True):
            if line.digest in known:
                # Once: if that job dies, the task is submitted anew.
                array, row = known.pop(line.digest)
                self._earlier = [each for each in self._earlier if each[1] is not row]
                # Of an array that can be read.
                assert row.index is not None
                self._jobs.append(_Job(future, array, row.index, row.job))
                self._locks.enter_context(hold(array.lock, shared=True))
                n_taken_up += 1
            elif line.whole in whole:
                self._held.append((task, line, future))
            else:
                fresh.append((task, line, future))
        if n_taken_up or self._held:
            told = f"{n_taken_up} of these tasks are in SLURM's queue already" if n_taken_up else ""
            rest = f"{len(self._held)} wait for those that an earlier command cut otherwise" if self._held else ""
            self._note("; ".join(filter(None, [told, rest])))
        self._submit(fresh)

    def look(self) -> None:
        """Bring in what has ended, and say of the others how they stand."""
        for array, jobs in groupby(self._jobs, key=lambda job: job.array):
            # Listing a folder is what makes a network's file system look again.
            there = set(os.listdir(array.logs))
            for job in jobs:
                if self._paths(job).result_pickle.name in there:
                    self._bring_in(job)
        self._jobs = [job for job in self._jobs if not job.future.done()]
        now = time.monotonic()
        pause = min(_LATEST, max(_SOONEST, _SHARE * (now - self._sent_at)))
        if (self._jobs or self._held) and now - self._asked_at >= pause:
            self._asked_at = now
            self._ask(now)

    def fail(self, error: BaseException) -> None:
        """Tell everybody who waits what is wrong."""
        for future in (*(job.future for job in self._jobs), *(future for _, _, future in self._held)):
            if not future.done():
                future.set_exception(error)

    def leave(self) -> None:
        """Leave in the queue what is in it, and say so."""
        names = self._names()
        if names:
            self._note(
                f"{len(self._jobs)} tasks stay with SLURM: the same command picks them up, algocli jobs shows them, "
                f"scancel {' '.join(names)} ends them"
            )

    def cancel(self) -> None:
        """Take everything out of the queue."""
        cancel([job.name for job in self._jobs])

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Look after nothing any more; whatever is in the queue stays there."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._locks.close()

    def _names(self) -> Sequence[str]:
        """Return the numbers of the arrays that somebody waits for."""
        return sorted({job.name.split("_")[0] for job in self._jobs}, key=int)

    def _submit(self, fresh: Sequence[tuple[Task, Line, Future[Outcome]]]) -> None:
        by_kind = sorted(fresh, key=lambda each: needs_of(each[0]).gpu)
        for _, alike in groupby(by_kind, key=lambda each: needs_of(each[0]).gpu):
            some = list(alike)
            for start in range(0, len(some), _LONGEST):
                self._submit_array(some[start : start + _LONGEST])

    def _submit_array(self, fresh: Sequence[tuple[Task, Line, Future[Outcome]]]) -> None:
        about = {"engine": "slurm", "command": sys.argv, "jobs": []}
        array = new_array(self._cache_dir, [line for _, line, _ in fresh], about)
        self._locks.enter_context(hold(array.lock, shared=True))
        times = max(self._times.get(line.digest, 1) for _, line, _ in fresh)
        asked = parameters_for([task for task, _, _ in fresh], self._settings, times)
        names = self._persist(partial(_sbatch, array, len(fresh), asked, self._settings))
        # Before anything else is done: whoever gives up takes these out of the queue.
        self._jobs += [
            _Job(future, array, index, name)
            for index, (name, (_, _, future)) in enumerate(zip(names, fresh, strict=True))
        ]
        keep_about(array, about | {"jobs": names, "began_at": time.time()})
        self._sent_at = time.monotonic()
        number, plural = names[0].split("_")[0], "s" if len(names) > 1 else ""
        self._note(f"SLURM has {len(names)} task{plural} as job {number}; logs are in {array.logs}")

    def _persist(self, submit: Callable[[], list[str]]) -> list[str]:
        """Have a submission tried again while the controller does not answer."""
        for n_tries in range(1, _AGAIN + 1):
            try:
                return submit()
            # submitit has a class for it, and Python one for a program that is not there.
            except Exception as error:
                said = " ".join(str(error).split()) or type(error).__name__
                if n_tries == _AGAIN or not any(word in said.lower() for word in _SILENT):
                    where = self._settings.source
                    hint = f"what it was asked for is in {where}" if where else "slurm:FILE.toml says what to ask for"
                    raise EngineFault(f"sbatch refuses the tasks: {said}", hint=hint) from error
                self._tell_silence()
                if self._is_over.wait(_REST):
                    raise EngineFault("nothing was submitted: SLURM did not answer") from error
        raise AssertionError

    def _ask(self, now: float) -> None:
        earlier = {row.job for _, row, _ in self._earlier}
        states = states_of({job.name for job in self._jobs} | earlier)
        if states is None:
            self._tell_silence()
            return
        self._is_silent = False
        for job in self._jobs:
            if states.get(job.name) in LIVE:
                job.missed_since = None
            elif job.missed_since is None:
                job.missed_since = now
            elif now - job.missed_since >= _lag_after(states.get(job.name)):
                self._give_up(job, states.get(job.name))
        self._jobs = [job for job in self._jobs if not job.future.done()]
        self._earlier = [each for each in self._earlier if states.get(each[1].job) in LIVE]
        self._release()

    def _release(self) -> None:
        """Submit what had to wait for others, or find it done."""
        busy = {line.whole for _, _, line in self._earlier}
        free = [each for each in self._held if each[1].whole not in busy]
        self._held = [each for each in self._held if each[1].whole in busy]
        fresh = []
        for task, line, future in free:
            known = known_of(task)
            if known is None:
                fresh.append((task, line, future))
            else:
                future.set_result(known)
        try:
            self._submit(fresh)
        except EngineFault as error:
            for _, _, future in fresh:
                if not future.done():
                    future.set_exception(error)

    def _bring_in(self, job: _Job) -> None:
        from submitit import SlurmJob

        try:
            outcome: Outcome = SlurmJob(folder=job.array.logs, job_id=job.name).result()
        # Whatever a worker could not send as an outcome, running out of memory among it.
        except Exception as error:
            said = [
                line
                for line in str(error).splitlines()
                if line.strip() and not line.startswith(("You can", "-", "or at", "  -"))
            ]
            job.future.set_exception(WorkerDied(_where(said[-1] if said else first_line(error), job)))
        else:
            job.future.set_result(outcome)

    def _give_up(self, job: _Job, state: str | None) -> None:
        if state == "OUT_OF_MEMORY":
            digest = job.array.lines[job.index].digest
            self._times[digest] = 2 * self._times.get(digest, 1)
        said = job.array.last_words(job.index)
        how = f"SLURM says {state}" if state else "SLURM knows of it no more"
        job.future.set_exception(WorkerDied("\n".join(filter(None, [said, _where(how, job)]))))

    def _tell_silence(self) -> None:
        if not self._is_silent:
            self._note("SLURM does not answer: waiting for it")
        self._is_silent = True

    @staticmethod
    def _paths(job: _Job) -> Any:
        from submitit.core.utils import JobPaths

        return JobPaths(job.array.logs, job_id=job.name, task_id=0)


def _where(how: str, job: _Job) -> str:
    return f"{how}; {job.array.log(job.index)}"


def _lag_after(state: str | None) -> float:
    """Return how long to wait for what a job has left that is no more: one that was killed has left nothing."""
    return _LAG if state in (None, "COMPLETED") else 0.0


def _earlier(cache_dir: Path) -> list[tuple[JobArray, JobRow, Line]]:
    """Return what earlier commands have in the queue.

    Raises
    ------
    EngineFault
        If SLURM does not say.
    """
    # What cannot be read is nothing to wait for.
    arrays = [array for array in readable_arrays(cache_dir) if array.jobs]
    states = states_of(job for array in arrays for job in array.jobs)
    if states is None:
        raise EngineFault("SLURM does not answer", hint="squeue says more")
    return [
        (array, row, line)
        for array in arrays
        for row, line in zip(array.rows(states), array.lines, strict=True)
        if row.state in ("queued", "running")
    ]


def _sbatch(array: JobArray, n_tasks: int, asked: dict[str, Any], settings: SlurmSettings) -> list[str]:
    """Submit an array, and return what SLURM calls each of its jobs."""
    from submitit import SlurmExecutor

    executor = SlurmExecutor(folder=array.logs, python=settings.python)
    executor.update_parameters(**asked)
    with executor.batch():
        jobs = [executor.submit(work_in_job, str(array.list_path), index) for index in range(n_tasks)]
    return [str(job.job_id) for job in jobs]
