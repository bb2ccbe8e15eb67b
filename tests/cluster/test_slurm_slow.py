"""Extraction on a real SLURM, and what takes it a while: a cancelled job, a limit of time, a controller that dies."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import algocli
from algocli.compute.executors.standing import list_jobs
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import WorkerFault
from tests.cluster.slurm_here import Slurm
from tests.cluster.test_slurm import ROOT, until
from tests.pipeline.test_extraction_tasks import NETWORK, left
from tests.support.challenge import write_tiny_challenge

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_challenge(tmp_path_factory.mktemp("data") / "challenge", n_train=600, n_test=6, image_size=16)


def test_features_by_slurm_have_the_bytes_of_no_cluster_though_a_job_is_cancelled_and_the_controller_killed(
    many: Path, tmp_path: Path, asked: str, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    how = {"weights": "random", "device": "cpu"}
    notes: list[str] = []
    algocli.extract(Challenge(many).subject(1), "python:small:network", ["0", "1"], **how, cache_dir=tmp_path / "here")

    def disturb() -> None:
        until(lambda: slurm.ask("squeue", "--noheader", "--states=RUNNING"))
        (job, *_) = slurm.ask("squeue", "--noheader", "--array", "--states=RUNNING", "--format=%i").split()
        slurm.ask("scancel", job)
        until(lambda: any("SLURM says CANCELLED" in line and line.endswith("it is tried again") for line in notes))
        slurm.kill_controller()
        # Long enough for the command to ask, and to have no answer.
        until(lambda: "SLURM does not answer: waiting for it" in notes)
        slurm.begin_controller()
        while not is_over.wait(1):
            slurm.resume()

    is_over = threading.Event()
    trouble = threading.Thread(target=disturb)
    trouble.start()
    try:
        features = algocli.extract(
            Challenge(many).subject(1), "python:small:network", ["0", "1"], **how, cache_dir=tmp_path / "there",
            cluster=asked, note=notes.append,
        )  # fmt: skip
    finally:
        is_over.set()
        trouble.join()
    assert all(store.complete for store in features.stores)
    assert len([line for line in notes if line.endswith("it is tried again")]) == 1
    assert left(tmp_path / "there") == left(tmp_path / "here")
    # A controller that is killed may forget what it did last, and have a job anew that was cancelled.
    assert {row.state for row in list_jobs(tmp_path / "there")[0]} <= {"done", "failed"}


def test_a_limit_of_time_costs_its_own_task_which_is_named(
    challenge: Path, cache: Path, tmp_path: Path, asked: str, slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text("import time\n\n\ndef slow():\n    time.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.syspath_prepend(tmp_path)
    # SLURM's limits are of whole minutes.
    with (tmp_path / "slurm.toml").open("a") as stream:
        stream.write("time = 1\n")
    told = r"(?s)subject 1: its worker died 3 times.*DUE TO TIME LIMIT.*SLURM says TIMEOUT"
    with pytest.raises(WorkerFault, match=told) as died:
        algocli.train(
            Challenge(challenge).subject(1), regression="python:slow:slow", n_components=5, cluster=asked,
            cache_dir=cache,
        )  # fmt: skip
    assert died.value.hint == f"time in {tmp_path / 'slurm.toml'} says how long a task may take"
    assert [row.state for row in list_jobs(cache)[0]] == ["failed"] * 3
    assert slurm.ask("squeue", "--noheader") == ""
