"""How tasks stand that were handed out several times, or to nobody, and which lists may be cleared away."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from algocli.cli import app
from algocli.compute.executors import job_leftovers
from algocli.compute.executors.arrays import JobArray, arrays_in, keep_about, new_array
from algocli.compute.executors.lists import end_of, line_of, work
from algocli.compute.executors.slurm_engine import SlurmEngine
from algocli.compute.executors.slurm_queue import Queue as Said
from algocli.compute.executors.standing import list_jobs
from algocli.compute.executors.tasks import perform
from algocli.compute.files import write_json
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.gram_tasks import Products
from algocli.errors import EngineFault
from tests.compute.executors.queue_here import Queue, rows
from tests.features.by_hand import cache_features, list_stores


@pytest.fixture
def tasks(challenge: Path, tmp_path: Path) -> list[Products]:
    """Products of both subjects, which nobody has computed."""
    for subject in Challenge(challenge).subjects():
        numbers = np.random.default_rng(subject.number).standard_normal((6, 30)).astype(np.float32)
        cache_features(tmp_path / "cache", subject, numbers)
    return [Products((store.folder,), "cpu") for store in list_stores(tmp_path / "cache")]


def written(cache: Path, tasks: list[Products], *, by_hand: bool = False, began_at: float | None = None) -> JobArray:
    array = new_array(cache, [line_of(task, threads=1) for task in tasks], {"jobs": []}, by_hand=by_hand)
    if began_at is not None:
        keep_about(array, dict(array.about) | {"began_at": began_at})
    return array


def submitted(cache: Path, tasks: list[Products], number: int, began_at: float) -> JobArray:
    array = written(cache, tasks, began_at=began_at)
    jobs = [f"{number}_{index}" for index in range(len(tasks))]
    keep_about(array, dict(array.about) | {"jobs": jobs})
    return array


def cleared(cache: Path) -> list[Path]:
    return [left.path for left in job_leftovers.find_job_leftovers(cache)]


def shown(cache: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit):
        app(["jobs", "--cache-dir", str(cache), *words])
    return capsys.readouterr().out


@pytest.fixture
def quiet(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """A SLURM that knows of nothing, for whoever clears away, too."""
    monkeypatch.setattr(job_leftovers, "ask_queue", queue.ask)
    return queue


def test_a_list_that_sbatch_refuses_is_not_kept(
    queue: Queue, engine_of: Callable[..., SlurmEngine], challenge: Path, tmp_path: Path
) -> None:
    pytest.importorskip("submitit", reason="submitit is not installed: the extra slurm")
    queue.refusals = ["sbatch: error: invalid partition specified: gqu"]
    with pytest.raises(EngineFault):
        engine_of().submit(perform, rows(challenge, None)).result(60)
    assert arrays_in(tmp_path / "cache") == []
    assert list((tmp_path / "cache" / "jobs").iterdir()) == []


@pytest.mark.usefixtures("quiet")
def test_a_task_that_was_tried_again_counts_once_by_its_last_attempt(
    tasks: list[Products], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, now = tmp_path / "cache", time.time()
    first, second = submitted(cache, tasks, 7, now - 20), submitted(cache, tasks[:1], 8, now - 10)
    first.log(0).write_text("Killed\n")
    work(first.list_path, 1)
    work(second.list_path, 0)
    rows_now = {(row.array, row.index): row for row in list_jobs(cache)[0]}
    assert [rows_now[first.folder, index].is_past for index in (0, 1)] == [True, False]
    assert [rows_now[first.folder, 0].state, rows_now[second.folder, 0].state] == ["failed", "done"]
    out = shown(cache, capsys)
    assert "failed" not in out
    assert out.count("1 done") == 2
    # It is not forgotten, nor what it said.
    out = shown(cache, capsys, "--all")
    assert "1 handed out again since" in out
    assert "failed, handed out again" in out
    assert str(first.log(0)) in out.replace("\n", "")


@pytest.mark.usefixtures("quiet")
def test_a_list_of_tasks_that_others_have_done_since_is_past(tasks: list[Products], tmp_path: Path) -> None:
    cache, now = tmp_path / "cache", time.time()
    listed, other = written(cache, tasks, by_hand=True, began_at=now - 5), submitted(cache, tasks, 7, now - 10)
    assert {row.is_past for row in list_jobs(cache)[0] if row.array == listed.folder} == {False}
    for index in range(len(tasks)):
        work(other.list_path, index)
    assert {row.is_past for row in list_jobs(cache)[0] if row.array == listed.folder} == {True}
    # What was done before it was written, and is to be done once more, is not.
    keep_about(listed, dict(listed.about) | {"began_at": time.time() + 5})
    assert {row.is_past for row in list_jobs(cache)[0] if row.array == listed.folder} == {False}


@pytest.mark.usefixtures("quiet")
def test_a_list_that_nobody_submitted_goes_when_all_its_tasks_are_done(tasks: list[Products], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    array = written(cache, tasks, by_hand=True)
    assert cleared(cache) == []
    tasks[0].run(print)
    assert cleared(cache) == []
    tasks[1].run(print)
    assert cleared(cache) == [array.folder]
    (left,) = job_leftovers.find_job_leftovers(cache)
    assert left.delete()
    assert arrays_in(cache) == []


def test_a_list_that_is_in_the_queue_stays_though_its_tasks_are_done_or_it_is_old(
    tasks: list[Products], tmp_path: Path, quiet: Queue
) -> None:
    cache = tmp_path / "cache"
    array = written(cache, tasks, by_hand=True, began_at=0.0)
    assert cleared(cache) == [array.folder]
    quiet.states = {"7_0": "PENDING", "7_1": "PENDING"}
    quiet.sent = dict.fromkeys(quiet.states, f"(null)|{array.folder}/array.sbatch")
    assert cleared(cache) == []
    for task in tasks:
        task.run(print)
    assert cleared(cache) == []


def test_what_a_command_was_killed_over_before_it_was_submitted_goes_where_slurm_says_so(
    tasks: list[Products], tmp_path: Path, quiet: Queue
) -> None:
    array = written(tmp_path / "cache", tasks)
    assert cleared(tmp_path / "cache") == [array.folder]
    quiet.states = None
    assert cleared(tmp_path / "cache") == []


def test_a_task_of_data_that_are_gone_is_not_done(tasks: list[Products], tmp_path: Path, quiet: Queue) -> None:
    array = written(tmp_path / "cache", tasks, by_hand=True)
    for task in tasks:
        task.run(print)
    first, second = array.list_path.read_text().splitlines()
    array.list_path.write_text("\n".join([json.dumps(json.loads(first) | {"version": "0.0.0"}), second]) + "\n")
    assert cleared(tmp_path / "cache") == []


def test_the_time_of_one_that_was_killed_ends_with_its_last_sign_of_life(
    tasks: list[Products], tmp_path: Path, quiet: Queue, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, began_at = tmp_path / "cache", time.time() - 1000
    array = submitted(cache, tasks, 7, began_at)
    work(array.list_path, 0)
    told = dict(end_of(array.folder, 0) or {}) | {"state": "running", "began_at": began_at, "job": "7_0"}
    del told["ended_at"]
    for index in (0, 1):
        write_json(array.folder / "ends" / f"{index}.json", told | {"job": f"7_{index}"})
    quiet.states = {"7_0": "RUNNING", "7_1": "RUNNING"}
    assert [row.ended_at for row in array.rows(quiet.ask())] == [None, None]
    # One has said something since it began, and of the other nobody knows.
    array.log(0).write_text("Killed\n")
    os.utime(array.log(0), (began_at + 125, began_at + 125))
    quiet.states = {}
    first, second = array.rows(Said())
    assert (first.state, second.state) == ("failed", "failed")
    assert first.ended_at == pytest.approx(began_at + 125)
    assert second.ended_at is None
    lines = [line for line in shown(cache, capsys).splitlines() if "failed" in line and "7_" in line]
    assert ["2 min" in line for line in lines] == [True, False]
