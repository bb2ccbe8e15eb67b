"""Tasks in processes of this machine: what comes back of them, and what one that dies costs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from algocli.compute.budget import available_memory
from algocli.compute.cores import n_bound, n_cores
from algocli.compute.executors.crew import crew_of
from algocli.compute.executors.running import run_tasks
from algocli.compute.executors.specs import check_cluster
from algocli.compute.executors.tasks import Outcome
from algocli.errors import DataError, StorageError, UsageError, WorkerFault


@dataclass(frozen=True)
class Deed:
    """Counts that it was begun, in a file of its own, and does something."""

    folder: Path
    name: str
    what: str = "nothing"

    @property
    def label(self) -> str:
        return self.name

    def run(self, note: Callable[[str], None]) -> Any:
        with (self.folder / self.name).open("a") as stream:
            stream.write(".")
        note(f"{self.name} speaks")
        return getattr(self, f"_{self.what}")()

    def n_begun(self) -> int:
        return len((self.folder / self.name).read_text())

    def _nothing(self) -> str:
        time.sleep(0.3)
        return self.name.upper()

    def _refuses(self) -> None:
        raise DataError("there is a hole in it", hint="a patch")

    def _full(self) -> None:
        raise StorageError("the disk is full")

    def _stumbles(self) -> None:
        raise ZeroDivisionError("by nothing")

    def _dies_once(self) -> str:
        if self.n_begun() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return "alive"

    def _dies(self) -> None:
        print("what I wanted to say", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def _machine(self) -> tuple[int, int, set[int]]:
        np.zeros(1) @ np.zeros(1)
        return n_cores(), available_memory(), {pool["num_threads"] for pool in threadpool_info()}


def done(tasks: list[Deed], n_workers: int = 2) -> tuple[list[Outcome], list[str]]:
    """Return what came of tasks, in their order, and what was noted."""
    notes: list[str] = []
    with check_cluster(f"local:{n_workers}").open(Path("cache"), notes.append) as engine:
        outcomes = dict(run_tasks(engine, tasks, notes.append))
    return [outcomes[number] for number in range(len(tasks))], notes


def _calls(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    raise ZeroDivisionError


def test_every_worker_of_this_machine_gets_ready_while_the_command_does_and_what_fails_then_is_not_told(
    tmp_path: Path,
) -> None:
    with crew_of(check_cluster("local:2"), tmp_path, pytest.fail) as crew:
        crew.prepare(_calls, tmp_path)
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        assert [outcome.value for _, outcome in crew.run([Deed(tmp_path, "a")], lambda _: None)] == ["A"]
    assert os.getpid() not in {int(path.name) for path in tmp_path.iterdir() if path.name.isdecimal()}
    # Other engines have what waits, and no processes of this command's own.
    with crew_of(check_cluster("dask:tcp://nobody:1"), tmp_path, pytest.fail) as crew:
        crew.prepare(_calls, tmp_path)


def test_a_dead_worker_costs_its_own_task_which_is_tried_again(tmp_path: Path) -> None:
    tasks = [Deed(tmp_path, f"task-{n}", "dies_once" if n == 1 else "nothing") for n in range(5)]
    outcomes, notes = done(tasks)
    assert [outcome.value for outcome in outcomes] == ["TASK-0", "alive", "TASK-2", "TASK-3", "TASK-4"]
    assert [task.n_begun() for task in tasks] == [1, 2, 1, 1, 1]
    died = "task-1: its worker died (it was killed, or memory did not suffice); it is tried again"
    assert sorted(notes) == sorted([*(f"task-{n} speaks" for n in range(5)), died])


def test_one_that_dies_again_and_again_is_named_with_its_last_words_and_the_rest_is_done(tmp_path: Path) -> None:
    tasks = [Deed(tmp_path, "bad", "dies"), Deed(tmp_path, "hollow", "refuses"), Deed(tmp_path, "good")]
    (bad, hollow, good), _ = done(tasks)
    assert isinstance(bad.error, WorkerFault)
    assert bad.error.message == "bad: its worker died 3 times; its last words: what I wanted to say"
    # What a task says of itself it would say again.
    assert (type(hollow.error), hollow.error.hint, good.value) == (DataError, "a patch", "GOOD")
    assert [task.n_begun() for task in tasks] == [3, 1, 1]


def test_a_bug_keeps_its_traceback_and_is_told_when_the_rest_is_done(tmp_path: Path) -> None:
    tasks = [Deed(tmp_path, "bad", "stumbles"), Deed(tmp_path, "good")]
    with pytest.raises(RuntimeError, match=r"bad:\nTraceback(.|\n)*ZeroDivisionError: by nothing"):
        done(tasks, 1)
    assert [task.n_begun() for task in tasks] == [1, 1]


def test_where_the_disk_takes_no_more_nothing_goes_on(tmp_path: Path) -> None:
    tasks = [Deed(tmp_path, "first", "full"), *(Deed(tmp_path, f"later-{n}") for n in range(20))]
    with pytest.raises(StorageError, match="the disk is full"):
        done(tasks, 1)
    assert len(list(tmp_path.iterdir())) < 10


def test_workers_divide_cores_and_memory_and_multiply_as_the_command_does(tmp_path: Path) -> None:
    # Another number of threads would give other last digits.
    here = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    free = available_memory()
    (outcome,), _ = done([Deed(tmp_path, "only", "machine")])
    cores, memory, threads = outcome.value
    assert cores == max(1, n_cores() // 2) <= n_bound()
    assert memory < 0.7 * free
    assert here == threads


@pytest.mark.parametrize("word", ["local", "local:", "local:0", "local:two", "locally:2", "sge", "local:99999", ""])
def test_what_is_no_cluster_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="cluster="):
        check_cluster(word)


def test_what_cannot_be_sent_is_refused_before_anything_begins(tmp_path: Path) -> None:
    class Here(Deed):
        """Known in this function alone."""

    with pytest.raises(UsageError, match="second cannot be sent to a worker"):
        done([Deed(tmp_path, "first"), Here(tmp_path, "second")])
    assert list(tmp_path.iterdir()) == []
