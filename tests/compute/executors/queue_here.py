"""A queue made by hand that stands for SLURM's, and tasks for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algocli.compute.executors import slurm_queue
from algocli.compute.executors.arrays import JobArray
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.tasks import Needs, Outcome, perform
from algocli.dataset.challenge.subjects import Challenge
from algocli.features.passage import Passage
from algocli.pipeline.extraction_tasks import Order, Rows


@dataclass
class Queue:
    """What SLURM would say of jobs, and what it was asked for."""

    states: dict[str, str] | None = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    arrays: list[tuple[JobArray, dict[str, Any]]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def sbatch(self, array: JobArray, n_tasks: int, asked: dict[str, Any], settings: SlurmSettings) -> list[str]:
        if self.refusals:
            raise RuntimeError(self.refusals.pop(0))
        self.arrays.append((array, asked))
        names = [f"{len(self.arrays)}_{index}" for index in range(n_tasks)]
        assert self.states is not None
        self.states |= dict.fromkeys(names, "PENDING")
        return names

    def ask(self, _: object = ()) -> slurm_queue.Queue | None:
        return None if self.states is None else slurm_queue.Queue(self.states, self.reasons, self.sent)

    def end(self, job: str, outcome: Outcome) -> None:
        """Leave what a job sends back, as submitit does."""
        import cloudpickle

        array, _ = self.arrays[int(job.split("_")[0]) - 1]
        (array.logs / f"{job}_0_result.pkl").write_bytes(cloudpickle.dumps(("success", outcome)))
        assert self.states is not None
        self.states[job] = "COMPLETED"


def rows(challenge: Path, part: range | None, memory: int = 10**9) -> Rows:
    """Rows of which nothing is to be known before they are passed."""
    order = Order("alexnet", ("features.2",), (), "cpu", False)
    passage = Passage(rows=part)
    return Rows(Challenge(challenge).subject(1), order, passage, Path("cache"), None, (), Needs(memory))


def submit_all(engine: Executor, challenge: Path, *parts: range) -> list[Future[Outcome]]:
    """Submit the tasks of some rows as one array: whatever takes time is done before, and none comes late."""
    tasks = [rows(challenge, part) for part in parts]
    return [engine.submit(perform, task) for task in tasks]


def until(happens: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)
