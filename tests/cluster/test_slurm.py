"""Training on a real SLURM: the bytes of no cluster, whoever dies, and whatever becomes of the command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import algocli
from algocli.cli import app
from algocli.compute.executors.standing import list_jobs
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import WorkerFault
from tests.cluster.slurm_here import Slurm
from tests.pipeline.test_training_tasks import FALLS, left
from tests.support.processes import unmeasured

ROOT = Path(__file__).parents[2]
# Waits for a file, beside which it says that it has begun; where another says so, it takes its process with it.
WAITS = """
import os, signal, sys, time
from pathlib import Path
import numpy as np


class Waits:
    def fit(self, X, y):
        here = Path(os.environ["WAITS_IN"])
        (here / f"{os.getpid()}.begun").touch()
        while not (here / "go").exists():
            time.sleep(0.05)
        if (here / "die").exists() and X.shape[0] == int((here / "die").read_text()):
            print("what I wanted to say", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        self.weights = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def predict(self, X):
        return X @ self.weights
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of regressions that every job finds."""
    (tmp_path / "falls.py").write_text(FALLS)
    (tmp_path / "waits.py").write_text(WAITS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.setenv("FALLS_IN", str(tmp_path / "fallen"))
    monkeypatch.setenv("WAITS_IN", str(tmp_path / "waiting"))
    (tmp_path / "waiting").mkdir()
    return tmp_path


def until(happens: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


def states(cache: Path) -> list[str]:
    return sorted(row.state for row in list_jobs(cache)[0])


@pytest.mark.usefixtures("slurm")
def test_a_worker_that_is_killed_costs_its_own_task_and_changes_no_byte(
    tmp_path: Path, challenge: Path, cache: Path, modules: Path, asked: str
) -> None:
    made, notes = {}, list[str]()
    for cluster in (None, asked):
        home = Path(shutil.copytree(cache, tmp_path / ("slurm" if cluster else "here")))
        how = {"regression": "python:falls:Falls", "n_components": 5, "cluster": cluster, "cache_dir": home}
        algocli.train(Challenge(challenge).subjects(), **how, note=notes.append)
        made[cluster] = left(home)
        # Nobody has fallen yet, and the next one who can will.
        (modules / "fallen").mkdir(exist_ok=True)
    assert (modules / "fallen" / "fallen").exists()
    (died,) = [line for line in notes if line.endswith("it is tried again")]
    assert "its worker died (SLURM says FAILED; " in died
    assert not [line for line in notes if "last digits" in line]
    assert made[None] == made[asked]
    assert states(home) == ["done", "done", "failed"]
    # What is done is not handed out again.
    n_arrays = len(list((home / "jobs").iterdir()))
    algocli.train(Challenge(challenge).subjects(), **how, note=notes.append)
    assert len(list((home / "jobs").iterdir())) == n_arrays
    assert made[asked] == left(home)


def test_one_that_dies_three_times_is_named_with_the_end_of_its_log_and_the_rest_is_done(
    challenge: Path, cache: Path, modules: Path, asked: str, slurm: Slurm, capfd: pytest.CaptureFixture[str]
) -> None:
    waiting = modules / "waiting"
    (waiting / "go").touch()
    # Subject 1 has as many images as subject 6, but for those that it holds out.
    spoilt = Path(shutil.copytree(challenge, modules / "spoilt"))
    (waiting / "die").write_text("54")
    with pytest.raises(WorkerFault, match=r"(?s)subject 1: its worker died 3 times; its last words: .*I wanted to say"):
        algocli.train(
            Challenge(spoilt).subject(1), regression="python:waits:Waits", n_components=5, cluster=asked,
            cache_dir=cache, name="some",
        )  # fmt: skip
    rows, is_told = list_jobs(cache)
    assert is_told
    assert [row.state for row in rows] == ["failed"] * 3
    assert all("what I wanted to say" in row.log.read_text() for row in rows)
    capfd.readouterr()
    assert run_here("jobs", "--cache-dir", str(cache)) == 0
    shown = capfd.readouterr().out
    # Of all attempts the last counts; --all shows the others.
    assert shown.count("1 failed") == 1
    assert run_here("jobs", "--all", "--cache-dir", str(cache)) == 0
    shown = capfd.readouterr().out
    assert all(str(row.log) in shown for row in rows)
    assert shown.count("1 handed out again since") == 2
    assert run_here("cache", "gc", "--yes", "--cache-dir", str(cache)) == 0
    assert list((cache / "jobs").iterdir()) == []
    assert slurm.ask("squeue", "--noheader") == ""


@pytest.mark.usefixtures("interruptible")
def test_a_command_that_is_interrupted_leaves_its_jobs_and_the_same_command_picks_them_up(
    challenge: Path, cache: Path, modules: Path, asked: str, slurm: Slurm
) -> None:
    words = [sys.executable, "-m", "algocli", "train", "--regression", "python:waits:Waits", "--pca", "5"]
    words += ["--data-dir", str(challenge), "--cache-dir", str(cache), "--cluster", asked, "--run", "kept"]
    how = {"cwd": modules, "env": unmeasured(), "text": True, "stderr": subprocess.PIPE}
    waiting = modules / "waiting"
    with subprocess.Popen(words, **how) as command:
        until(lambda: len(list(waiting.glob("*.begun"))) == 2 or command.poll() is not None)
        command.send_signal(signal.SIGINT)
        said = command.communicate()[1]
    assert command.returncode == 130, said
    assert "2 tasks stay with SLURM: the same command picks them up" in said
    assert states(cache) == ["running", "running"]
    # It has both in its queue: nothing is submitted, and nothing begins again.
    with subprocess.Popen(words, **how) as command:
        lines: list[str] = []
        until(lambda: lines.append(command.stderr.readline()) or "queue already" in lines[-1] or not lines[-1])
        (waiting / "go").touch()
        said = "".join(lines) + command.communicate()[1]
    assert command.returncode == 0, said
    assert "2 of these tasks are in SLURM's queue already" in said
    assert len(list(waiting.glob("*.begun"))) == 2
    assert algocli.Run(cache / "runs" / "kept").subjects == (1, 6)
    assert states(cache) == ["done", "done"]
    # A job sends its result a moment before it ends.
    until(lambda: not slurm.ask("squeue", "--noheader"))


def test_what_is_printed_and_submitted_by_hand_is_what_the_command_would_have_done(
    tmp_path: Path, challenge: Path, cache: Path, asked: str, slurm: Slurm, capfd: pytest.CaptureFixture[str]
) -> None:
    home = Path(shutil.copytree(cache, tmp_path / "here"))
    words = ["train", "--pca", "5", "-l", "features.2", "--model", "alexnet", "--run", "mine", "--quiet"]
    words += ["--data-dir", str(challenge)]
    assert run_here(*words, "--cache-dir", str(home)) == 0
    words += ["--cache-dir", str(cache), "--cluster", asked]
    capfd.readouterr()
    assert run_here(*words, "--print", "--json") == 0
    told = json.loads(capfd.readouterr().out)
    assert told["n_tasks"] == len(Path(told["tasks"]).read_text().splitlines()) == 2
    assert states(cache) == ["listed", "listed"]
    number = slurm.ask(*told["command"].split()).split()[-1]
    until(lambda: not slurm.ask("squeue", "--noheader", f"--jobs={number}"))
    assert states(cache) == ["done", "done"]
    assert {row.job for row in list_jobs(cache)[0]} == {f"{number}_0", f"{number}_1"}
    # Nothing is left to hand out.
    assert run_here(*words, "--print") == 0
    assert left(cache) == left(home)


def run_here(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        app(list(words))
    return int(end.value.code or 0)
