"""SLURM as an Executor: submitit sends arrays and brings back results, squeue says which of their jobs have ended.

What an earlier call of the same command has in the queue is taken up, not submitted again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from algocli.compute.executors.arrays import ABOUT, JobArray, JobRow, keep_about, new_array
from algocli.compute.executors.gathering import Gathering, Given
from algocli.compute.executors.lists import Line
from algocli.compute.executors.slurm_deaths import JobDied, lacking_python, remedy_for
from algocli.compute.executors.slurm_queue import RUNNING, Queue, ask_queue, cancel, is_stuck
from algocli.compute.executors.slurm_request import lines_of, parameters_for
from algocli.compute.executors.slurm_sending import persist, sbatch
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.standing import in_queue, other_settings
from algocli.compute.executors.tasks import Outcome, Task, known_of, needs_of
from algocli.compute.leftovers import delete_folder
from algocli.compute.lock import hold
from algocli.compute.track import Note
from algocli.errors import EngineFault, first_line

# Most clusters refuse an array of more than a thousand.
_LONGEST = 1000
# Seconds between questions to SLURM: the more the longer it takes, as a share of the time since the last submission.
_SOONEST, _LATEST, _SHARE = 2.0, 30.0, 0.05
# Seconds in which what a job has left behind may still be on its way through a shared file system.
_LAG = 15.0


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
        self._told: set[str] = set()
        self._earlier = in_queue(cache_dir)
        super().__init__()

    def send(self, given: Given) -> None:
        """Submit tasks, but for those that an earlier call has submitted, or parts of the same work."""
        lines = lines_of([task for task, _ in given], self._settings)
        # What is submitted by hand sends nothing back: what came of it, records say.
        known = {line.digest: (array, row) for array, row, line in self._earlier if not array.is_by_hand}
        whole = {line.whole for _, _, line in self._earlier}
        fresh, n_taken_up, n_held_before = list[tuple[Task, Line, Future[Outcome]]](), 0, len(self._held)
        waited_for = {line.whole for line in lines}
        others = [(array, row) for array, row, line in self._earlier if line.whole in waited_for]
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
        self._tell_earlier(n_taken_up, len(self._held) - n_held_before, others)
        self._submit(fresh)

    def _tell_earlier(self, n_taken_up: int, n_held: int, others: Sequence[tuple[JobArray, JobRow]]) -> None:
        """Say what is in the queue already, and what was asked otherwise there."""
        if not n_taken_up and not n_held:
            return
        parts = (
            [f"{n_taken_up} of these tasks {'are' if n_taken_up > 1 else 'is'} in SLURM's queue already"]
            if n_taken_up
            else []
        )
        by_hand = sorted({_number(row.job) for array, row in others if array.is_by_hand})
        if n_held:
            whom = "those that an earlier command cut otherwise"
            if by_hand:
                whom = f"what was submitted by hand, job {' and '.join(by_hand)}"
            parts.append(f"{n_held} wait{'' if n_held > 1 else 's'} for {whom}")
        self._note("; ".join(parts))
        for line in other_settings(others, self._settings):
            if line not in self._told:
                self._told.add(line)
                self._note(line)
        if program := lacking_python(self._settings):
            self._note(f"{self._settings.source}: python = {program!r} is not on this machine; is it on the nodes?")

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
        names, n_left = self._names(), len(self._jobs)
        them = "them" if n_left > 1 else "it"
        if names:
            self._note(
                f"{n_left} task{'s stay' if n_left > 1 else ' stays'} with SLURM: the same command picks {them} up, "
                f"algocli jobs shows {them}, scancel {' '.join(names)} ends {them}"
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
        return sorted({_number(job.name) for job in self._jobs}, key=int)

    def _submit(self, fresh: Sequence[tuple[Task, Line, Future[Outcome]]]) -> None:
        by_kind = sorted(fresh, key=lambda each: needs_of(each[0]).gpu)
        for _, alike in groupby(by_kind, key=lambda each: needs_of(each[0]).gpu):
            some = list(alike)
            for start in range(0, len(some), _LONGEST):
                self._submit_array(some[start : start + _LONGEST])

    def _submit_array(self, fresh: Sequence[tuple[Task, Line, Future[Outcome]]]) -> None:
        about = {"engine": "slurm", "command": sys.argv, "jobs": [], "settings": self._settings.as_words}
        array = new_array(self._cache_dir, [line for _, line, _ in fresh], about)
        times = max(self._times.get(line.digest, 1) for _, line, _ in fresh)
        asked = parameters_for([task for task, _, _ in fresh], self._settings, times)
        with ExitStack() as held:
            held.enter_context(hold(array.lock, shared=True))
            try:
                submit = partial(sbatch, array, len(fresh), asked, self._settings)
                names = persist(submit, self._settings, self._is_over, self._tell_silence)
            except EngineFault:
                # Nobody will ever submit it.
                delete_folder(array.folder, ABOUT)
                raise
            self._locks.push(held.pop_all())
        # Before anything else is done: whoever gives up takes these out of the queue.
        self._jobs += [
            _Job(future, array, index, name)
            for index, (name, (_, _, future)) in enumerate(zip(names, fresh, strict=True))
        ]
        keep_about(array, about | {"jobs": names, "began_at": time.time()})
        self._sent_at = time.monotonic()
        plural = "s" if len(names) > 1 else ""
        self._note(f"SLURM has {len(names)} task{plural} as job {_number(names[0])}; logs are in {array.logs}")

    def _ask(self, now: float) -> None:
        earlier = {row.job for _, row, _ in self._earlier}
        queue = ask_queue({job.name for job in self._jobs} | earlier)
        if queue is None:
            self._tell_silence()
            return
        self._is_silent = False
        held = {line.whole for _, line, _ in self._held}
        waited_for = {job.name for job in self._jobs} | {
            row.job for _, row, line in self._earlier if line.whole in held
        }
        self._tell_stuck(queue, waited_for)
        for job in self._jobs:
            if queue.is_live(job.name):
                job.missed_since = None
            elif job.missed_since is None:
                job.missed_since = now
            elif now - job.missed_since >= _lag_after(queue.states.get(job.name)):
                self._give_up(job, queue.states.get(job.name))
        self._jobs = [job for job in self._jobs if not job.future.done()]
        self._earlier = [each for each in self._earlier if queue.is_live(each[1].job)]
        self._release()

    def _tell_stuck(self, queue: Queue, waited_for: Collection[str]) -> None:
        """Say once of each array that it waits for what may never come."""
        # Where one of an array runs, the others wait for a limit that it will make room below.
        begun = {_number(job) for job in waited_for if queue.states.get(job) in RUNNING}
        stuck = {(_number(job), queue.reasons.get(job, "")) for job in waited_for}
        for number, reason in sorted(stuck):
            told = f"{number} {reason}"
            if number not in begun and is_stuck(reason) and told not in self._told:
                self._told.add(told)
                mend = f"mend {self._settings.source}, " if self._settings.source else ""
                self._note(
                    f"job {number} does not start: SLURM says {reason}, which waiting alone will hardly change; "
                    f"Ctrl-C, {mend}scancel {number}, and the same command asks anew"
                )

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
            self._bury(job, _where(said[-1] if said else first_line(error), job), None)
        else:
            job.future.set_result(outcome)

    def _give_up(self, job: _Job, state: str | None) -> None:
        if state == "OUT_OF_MEMORY":
            digest = job.array.lines[job.index].digest
            self._times[digest] = 2 * self._times.get(digest, 1)
        said = job.array.last_words(job.index)
        how = f"SLURM says {state}" if state else "SLURM knows of it no more"
        self._bury(job, "\n".join(filter(None, [said, _where(how, job)])), state)

    def _bury(self, job: _Job, said: str, state: str | None) -> None:
        job.future.set_exception(JobDied(said, hint=remedy_for(said, state, self._settings)))

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


def _number(job: str) -> str:
    """Return the number of the array that a job is of."""
    return job.split("_")[0]
