"""What is told of jobs that wait: why SLURM does not start them, what they were asked for, and who submitted them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from algocli.cli import app
from algocli.compute.executors.arrays import JobArray, arrays_in
from algocli.compute.executors.by_hand import SCRIPT, Writer
from algocli.compute.executors.slurm_engine import SlurmEngine
from algocli.compute.executors.slurm_queue import is_stuck
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.standing import list_jobs
from algocli.compute.executors.tasks import Outcome, perform
from algocli.errors import ByHand, EngineFault
from algocli.pipeline.extraction_tasks import Rows
from tests.compute.executors.queue_here import Queue, rows, submit_all, until

pytest.importorskip("submitit", reason="submitit is not installed: the extra slurm")


@pytest.mark.parametrize(
    "reason",
    [
        *(
            "PartitionTimeLimit",
            "PartitionConfig",
            "BadConstraints",
            "AssocGrpCpuLimit",
            "QOSMaxWallDurationPerJobLimit",
        ),
        *("ReqNodeNotAvail, UnavailableNodes:n1", "JobHeldUser", "launch failed requeued held"),
    ],
)
def test_why_a_job_may_wait_for_ever_is_known_by_its_name(reason: str) -> None:
    assert is_stuck(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "",
        "None",
        "Priority",
        "Resources",
        "Dependency",
        "JobArrayTaskLimit",
        "QOSMaxJobsPerUserLimit",
        "AssocMaxJobsLimit",
    ],
)
def test_an_ordinary_wait_is_none_of_these(reason: str) -> None:
    assert not is_stuck(reason)


def test_a_job_that_cannot_start_is_told_once_with_the_way_out(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, tmp_path: Path
) -> None:
    notes: list[str] = []
    engine = engine_of(notes, source=tmp_path / "ask.toml")
    submit_all(engine, challenge, range(2), range(2, 4))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    queue.reasons = {"1_0": "Priority", "1_1": "Priority"}
    time.sleep(0.5)
    assert not [line for line in notes if "does not start" in line]
    queue.reasons = dict.fromkeys(("1_0", "1_1"), "PartitionTimeLimit")
    until(lambda: [line for line in notes if "does not start" in line])
    time.sleep(1)
    (told,) = [line for line in notes if "does not start" in line]
    assert told.startswith("job 1 does not start: SLURM says PartitionTimeLimit")
    assert f"Ctrl-C, mend {tmp_path / 'ask.toml'}, scancel 1, and the same command asks anew" in told


def test_what_waits_while_another_of_its_array_runs_is_not_told(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    notes: list[str] = []
    engine = engine_of(notes)
    submit_all(engine, challenge, range(2), range(2, 4))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    assert queue.states is not None
    queue.states["1_0"] = "RUNNING"
    queue.reasons = {"1_1": "AssocGrpCpuLimit"}
    time.sleep(1)
    assert not [line for line in notes if "does not start" in line]


def test_jobs_says_why_each_waits(
    queue: Queue,
    engine_of: Callable[..., SlurmEngine],
    challenge: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine_of().submit(perform, rows(challenge, None))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    queue.reasons = {"1_0": "PartitionTimeLimit"}
    assert run_here("jobs", "--cache-dir", str(tmp_path / "cache")) == 0
    assert "queued (PartitionTimeLimit)" in capsys.readouterr().out
    ((row,), _) = list_jobs(tmp_path / "cache")
    assert (row.state, row.said) == ("queued", "PartitionTimeLimit")


def test_a_job_that_was_asked_for_otherwise_is_told_once(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, tmp_path: Path
) -> None:
    first = engine_of(parameters={"time": 9000, "partition": "a"})
    submit_all(first, challenge, range(2), range(2, 4))
    until(lambda: queue.arrays and queue.arrays[0][0].jobs)
    first.shutdown()
    for parameters, told in (({"time": 9000, "partition": "a"}, 0), ({"time": 10, "partition": "a"}, 1)):
        notes: list[str] = []
        engine = engine_of(notes, parameters=parameters, source=tmp_path / "ask.toml")
        submit_all(engine, challenge, range(2), range(2, 4))
        until(notes.copy)
        time.sleep(0.2)
        engine.shutdown()
        otherwise = [line for line in notes if "other settings" in line]
        assert len(otherwise) == told
    assert otherwise == [
        f"job 1 was asked for with other settings than {tmp_path / 'ask.toml'} has now (time): scancel 1 first, and "
        "the same command asks anew"
    ]


def test_a_python_that_is_not_here_is_told_where_nothing_is_submitted(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path
) -> None:
    for python in (None, "/no/such/python -X dev"):
        notes: list[str] = []
        engine = engine_of(notes, python=python)
        engine.submit(perform, rows(challenge, None))
        until(notes.copy)
        time.sleep(0.2)
        engine.shutdown()
    assert [line for line in notes if "'/no/such/python' is not on this machine" in line]


@pytest.fixture
def by_hand(queue: Queue, tmp_path: Path, challenge: Path) -> JobArray:
    """Two parts of an extraction, submitted by hand as job 7, of which no Python has begun."""
    with pytest.raises(ByHand):
        write(tmp_path, [rows(challenge, range(2)), rows(challenge, range(2, 4))])
    (array,) = arrays_in(tmp_path / "cache")
    queue.states = {"7_0": "RUNNING", "7_1": "PENDING"}
    queue.reasons = {"7_1": "Resources"}
    queue.sent = dict.fromkeys(queue.states, f"(null)|{array.folder / SCRIPT}")
    return array


def write(tmp_path: Path, tasks: list[Rows], notes: list[str] | None = None) -> None:
    writer = Writer(SlurmSettings(), tmp_path / "cache", (list[str]() if notes is None else notes).append)
    try:
        parts = [writer.submit(perform, task) for task in tasks]
        parts[0].result(60)
    finally:
        writer.shutdown()


@pytest.mark.parametrize("sent", ["(null)|{0}/array.sbatch", "{0}/array.sbatch|(null)", "a|b|{0}/array.sbatch x"])
def test_what_was_submitted_by_hand_is_known_before_its_python_begins(
    queue: Queue, by_hand: JobArray, tmp_path: Path, sent: str
) -> None:
    assert queue.states is not None
    queue.sent = dict.fromkeys(queue.states, sent.format(by_hand.folder))
    told = [(row.state, row.job) for row in list_jobs(tmp_path / "cache")[0]]
    assert told == [("running", "7_0"), ("queued", "7_1")]
    # Of another folder whose name begins alike it is none.
    queue.sent = dict.fromkeys(queue.states, sent.format(f"{by_hand.folder}x"))
    assert {row.state for row in list_jobs(tmp_path / "cache")[0]} == {"listed"}


def test_a_link_on_the_way_to_a_list_hides_no_job(queue: Queue, by_hand: JobArray, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    assert [row.state for row in list_jobs(tmp_path / "link")[0]] == ["running", "queued"]


def test_the_same_command_waits_for_what_was_submitted_by_hand_and_submits_what_is_not_done(
    queue: Queue,
    by_hand: JobArray,
    engine_of: Callable[..., SlurmEngine],
    challenge: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    notes: list[str] = []
    monkeypatch.setattr(Rows, "known", lambda self: Outcome("found") if self.passage.rows == range(2) else None)
    engine = engine_of(notes)
    parts = submit_all(engine, challenge, range(2), range(2, 4))
    until(lambda: notes)
    assert notes == ["2 wait for what was submitted by hand, job 7"]
    time.sleep(0.5)
    assert not queue.arrays
    queue.states = {"7_0": "COMPLETED", "7_1": "FAILED"}
    assert parts[0].result(60).value == "found"
    until(lambda: queue.arrays)
    assert len(queue.arrays[0][0].lines) == 1


def test_what_is_in_the_queue_is_not_written_down_again(
    queue: Queue, by_hand: JobArray, tmp_path: Path, challenge: Path
) -> None:
    with pytest.raises(EngineFault, match="2 of these tasks are in SLURM's queue already, as job 7"):
        write(tmp_path, [rows(challenge, range(2)), rows(challenge, range(2, 4))])
    notes: list[str] = []
    other = replace(rows(challenge, range(2)), cache_dir=Path("other"))
    with pytest.raises(ByHand) as written:
        write(tmp_path, [rows(challenge, range(2)), other], notes)
    assert written.value.n_tasks == 1
    assert notes == ["1 of these tasks is in SLURM's queue already, as job 7"]
    assert len(arrays_in(tmp_path / "cache")) == 2


def test_one_submitted_by_hand_that_ends_before_its_python_begins_has_failed_with_the_end_of_its_log(
    queue: Queue, by_hand: JobArray, tmp_path: Path
) -> None:
    (by_hand.logs / "7_0.log").write_text("module: command not found\n")
    # As SLURM forgets what has ended.
    queue.states, queue.sent = {}, {}
    rows_now = list_jobs(tmp_path / "cache")[0]
    assert [(row.state, row.job) for row in rows_now] == [("failed", "7_0"), ("listed", "")]
    assert rows_now[0].said == "it ended module: command not found"
    # Submitted once more, it waits.
    queue.states = {"8_0": "PENDING"}
    queue.sent = {"8_0": f"(null)|{by_hand.folder / SCRIPT}"}
    assert [(row.state, row.job) for row in list_jobs(tmp_path / "cache")[0]] == [("queued", "8_0"), ("listed", "")]


def run_here(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        app(list(words))
    return int(end.value.code or 0)
