"""SLURM as an engine, with a queue made by hand: what is taken up, held back, tried again and given up."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from algocli.compute.executors import slurm_queue
from algocli.compute.executors.arrays import arrays_in
from algocli.compute.executors.local import WorkerDied
from algocli.compute.executors.slurm_engine import SlurmEngine
from algocli.compute.executors.tasks import Outcome, perform
from algocli.errors import EngineFault
from algocli.pipeline.extraction_tasks import Rows
from tests.compute.executors.queue_here import Queue, rows, submit_all, until

pytest.importorskip("submitit", reason="submitit is not installed: the extra slurm")


def test_what_is_submitted_together_is_one_array_and_comes_back(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, tmp_path: Path
) -> None:
    engine = engine_of()
    parts = [engine.submit(perform, rows(challenge, range(n, n + 1))) for n in range(3)]
    until(lambda: queue.arrays)
    ((array, asked),) = queue.arrays
    assert [line.label for line in array.lines] == [
        "subject 1, rows 0 to 1",
        "subject 1, rows 1 to 2",
        "subject 1, rows 2 to 3",
    ]
    assert asked["mem"] == "1669MB"
    until(lambda: array.jobs)
    for number in (2, 0, 1):
        queue.end(f"1_{number}", Outcome(number))
    assert [part.result().value for part in parts] == [0, 1, 2]
    assert [each.folder for each in arrays_in(tmp_path / "cache")] == [array.folder]


def test_one_that_ends_without_a_word_has_died_with_the_end_of_its_log(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    engine = engine_of()
    part = engine.submit(perform, rows(challenge, None))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    array = queue.arrays[0][0]
    array.log(0).write_text("first\nOut of memory\n")
    assert queue.states is not None
    queue.states["1_0"] = "OUT_OF_MEMORY"
    with pytest.raises(WorkerDied) as died:
        part.result(60)
    assert str(died.value) == f"first\nOut of memory\nSLURM says OUT_OF_MEMORY; {array.log(0)}"
    # Where it did not suffice, twice as much is asked for.
    engine.submit(perform, rows(challenge, None))
    until(lambda: len(queue.arrays) == 2)
    assert [asked["mem"] for _, asked in queue.arrays] == ["1669MB", "3338MB"]


def test_one_that_slurm_forgets_has_died(queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path) -> None:
    part = engine_of().submit(perform, rows(challenge, None))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    queue.states = {}
    with pytest.raises(WorkerDied, match="SLURM knows of it no more"):
        part.result(60)


def test_while_slurm_is_silent_nothing_is_given_up(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    notes: list[str] = []
    part = engine_of(notes).submit(perform, rows(challenge, None))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    queue.states = None
    until(lambda: "SLURM does not answer: waiting for it" in notes)
    assert not part.done()
    queue.states = {}
    queue.end("1_0", Outcome("late"))
    assert part.result(60).value == "late"
    assert notes.count("SLURM does not answer: waiting for it") == 1


def test_a_submission_is_tried_again_while_nobody_answers_and_refused_where_it_is_wrong(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    queue.refusals = ["sbatch: error: Unable to contact slurm controller (connect failure)"] * 2
    engine = engine_of(notes, source=tmp_path / "ask.toml")
    engine.submit(perform, rows(challenge, None))
    until(lambda: queue.arrays)
    assert notes[0] == "SLURM does not answer: waiting for it"
    queue.refusals = ["sbatch: error: invalid partition specified: gqu"]
    with pytest.raises(EngineFault, match="invalid partition specified: gqu") as refused:
        engine.submit(perform, rows(challenge, range(1))).result(60)
    assert refused.value.hint is not None
    assert "ask.toml" in refused.value.hint


def test_what_an_earlier_command_has_in_the_queue_is_taken_up_and_what_it_cut_otherwise_waited_for(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = engine_of()
    submit_all(first, challenge, range(2), range(2, 4))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    first.shutdown()
    assert queue.cancelled == []
    # The first part again, and what was the second cut into two, of which one is found done in the end.
    notes: list[str] = []
    monkeypatch.setattr(Rows, "known", lambda self: Outcome("found") if self.passage.rows == range(2, 3) else None)
    second = engine_of(notes)
    same, found, fresh = submit_all(second, challenge, range(2), range(2, 3), range(3, 4))
    until(lambda: notes)
    assert notes == [
        "1 of these tasks is in SLURM's queue already; 2 wait for those that an earlier command cut otherwise"
    ]
    assert len(queue.arrays) == 1
    queue.end("1_0", Outcome("taken up"))
    assert same.result(60).value == "taken up"
    time.sleep(0.5)
    assert not found.done()
    queue.end("1_1", Outcome("for nobody"))
    assert found.result(60).value == "found"
    until(lambda: len(queue.arrays) == 2 and queue.arrays[1][0].jobs)
    assert [line.label for line in queue.arrays[1][0].lines] == ["subject 1, rows 3 to 4"]
    queue.end("2_0", Outcome("new"))
    assert fresh.result(60).value == "new"


def test_other_work_waits_for_nobody(queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path) -> None:
    first = engine_of()
    first.submit(perform, rows(challenge, range(2)))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    first.shutdown()
    other = rows(challenge, range(2), memory=5)
    engine_of().submit(perform, other)
    until(lambda: len(queue.arrays) == 2)


def test_what_is_given_up_is_taken_out_of_the_queue(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    engine = engine_of()
    engine.submit(perform, rows(challenge, range(2)))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    engine.cancel()
    assert queue.cancelled == ["1_0"]


def test_a_slurm_that_does_not_answer_is_told_before_anything_is_done(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    first = engine_of()
    first.submit(perform, rows(challenge, None))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    queue.states = None
    with pytest.raises(EngineFault, match="SLURM does not answer"):
        engine_of()


SQUEUE = """
import sys
if {fails}:
    sys.exit("slurm_load_jobs error: Unable to contact slurm controller")
print("12_0|RUNNING|None|(null)|/x/a.sh\\n12_1|PENDING|Priority|a|b|/x/a.sh\\n12_[2-9]|PENDING\\n13|COMPLETED\\nwords")
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts programs into the place of SLURM's."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(**texts: str) -> None:
        for name, text in texts.items():
            (tmp_path / name).write_text(f"#!{sys.executable}\n{text}")
            (tmp_path / name).chmod(0o755)

    return put


def test_states_are_those_of_squeue_and_of_what_it_has_forgotten_those_of_sacct(programs: Callable[..., None]) -> None:
    assert slurm_queue.ask_queue(["12_0"]) is None
    programs(squeue=SQUEUE.format(fails=False))
    there = {"12_0": "RUNNING", "12_1": "PENDING", "13": "COMPLETED"}
    queue = slurm_queue.ask_queue(["12_0", "12_1", "13", "9_4"])
    assert queue is not None
    assert (queue.states, queue.reasons) == (there, {"12_1": "Priority"})
    programs(sacct="print('9_4|CANCELLED by 1000\\n9_4.batch|CANCELLED\\n9_5|FAILED\\n')")
    queue = slurm_queue.ask_queue(["12_0", "9_4"])
    assert queue is not None
    assert queue.states == {**there, "9_4": "CANCELLED"}
    programs(squeue=SQUEUE.format(fails=True))
    assert slurm_queue.ask_queue(["12_0"]) is None


def test_a_program_that_hangs_is_not_waited_for(programs: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_queue, "_PATIENCE", 0.2)
    programs(squeue="import time\ntime.sleep(60)")
    assert slurm_queue.ask_queue(["12_0"]) is None


WORKER = """
import os, signal, sys, threading, time
from algocli.compute.executors import slurm_worker
def work(path, index):
    os.kill(os.getpid(), signal.SIGUSR2)
    try:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        time.sleep(60)
    except Exception:
        print("taken for a mistake")
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        print("cleared up")
slurm_worker.work = work
slurm_worker.work_in_job("nowhere", 0)
"""


def test_a_job_that_is_told_to_end_clears_up_and_ends() -> None:
    done = subprocess.run([sys.executable, "-c", WORKER], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (143, "cleared up", "")
