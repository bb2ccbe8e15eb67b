"""What a real SLURM says of jobs that cannot start, of those that somebody submitted by hand, and of those that die."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import algocli
from algocli.compute.executors.standing import list_jobs
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import WorkerFault
from tests.cluster.slurm_here import Slurm
from tests.cluster.test_slurm import ROOT, run_here, states, until
from tests.support.processes import unmeasured

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _found_by_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def add(asked: str, text: str) -> None:
    with Path(asked.removeprefix("slurm:")).open("a") as stream:
        stream.write(text)


def training(challenge: Path, cache: Path, asked: str) -> list[str]:
    where = ["--data-dir", str(challenge), "--cache-dir", str(cache)]
    return [
        "train",
        "--pca",
        "5",
        "--model",
        "alexnet",
        "-l",
        "features.2",
        "--run",
        "mine",
        "--cluster",
        asked,
        *where,
    ]


def said_until(words: list[str], told: str) -> str:
    """Return what a command says until it says something, upon which it is interrupted."""
    return said_by(words, told, lambda command: command.send_signal(signal.SIGINT))[0]


def said_by(words: list[str], told: str, then: Callable[[subprocess.Popen[str]], object]) -> tuple[str, int]:
    """Return what a command says, and its exit code; something happens with each line once it has said something."""
    with subprocess.Popen(
        [sys.executable, "-m", "algocli", *words], env=unmeasured(), text=True, stderr=subprocess.PIPE
    ) as command:
        assert command.stderr is not None
        lines: list[str] = []
        for line in command.stderr:
            lines.append(line)
            if told in " ".join("".join(lines).split()):
                then(command)
    return " ".join("".join(lines).split()), command.returncode


@pytest.mark.usefixtures("interruptible")
def test_a_job_that_can_never_start_is_told_with_the_way_out_which_works(
    challenge: Path, cache: Path, asked: str, slurm: Slurm, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(asked.removeprefix("slurm:"))
    right = file.read_text()
    add(asked, "time = 600\n")
    said = said_until(training(challenge, cache, asked), "the same command asks anew")
    assert "does not start: SLURM says PartitionTimeLimit" in said
    (number,) = {row.job.split("_")[0] for row in list_jobs(cache)[0]}
    assert f"scancel {number}, and the same command asks anew" in said
    assert run_here("jobs", "--cache-dir", str(cache)) == 0
    assert "queued (PartitionTimeLimit)" in capsys.readouterr().out
    file.write_text(right)
    said = said_until(training(challenge, cache, asked), "asks anew")
    assert f"job {number} was asked for with other settings than {file} has now (time)" in said
    slurm.ask("scancel", number)
    until(lambda: not slurm.ask("squeue", "--noheader"))
    assert run_here(*training(challenge, cache, asked)) == 0
    assert [row.state for row in list_jobs(cache)[0] if not row.is_past] == ["done", "done"]


def test_what_is_submitted_by_hand_is_known_before_its_python_begins_and_not_submitted_twice(
    challenge: Path, cache: Path, asked: str, slurm: Slurm, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words, go = training(challenge, cache, asked), tmp_path / "go"
    add(asked, f"setup = ['until [ -e {go} ]; do sleep 0.2; done']\n")
    assert run_here(*words, "--print", "--json") == 0
    told = json.loads(capfd.readouterr().out)
    # As some are used to from other queues, which leaves no name of a file.
    number = slurm.ask("bash", "-c", f"sbatch < '{told['script']}'").split()[-1]
    until(lambda: states(cache) == ["running", "running"])
    assert {row.job for row in list_jobs(cache)[0]} == {f"{number}_0", f"{number}_1"}
    assert run_here(*words, "--print") == 3
    assert f"2 of these tasks are in SLURM's queue already, as job {number}" in " ".join(capfd.readouterr().err.split())
    said, code = said_by(words, "submitted by hand", lambda _: go.touch())
    assert code == 0, said
    assert f"2 wait for what was submitted by hand, job {number}" in said
    assert len(list((cache / "jobs").iterdir())) == 1
    assert states(cache) == ["done", "done"]


@pytest.mark.usefixtures("slurm")
@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        (
            "setup = ['module_of_nobody load cuda']",
            "setup failed with code 127: module_of_nobody load cuda",
            "setup in ",
        ),
        ("python = '/no/such/python'", "/no/such/python: No such file or directory", "python in "),
    ],
)
def test_what_keeps_every_job_from_its_task_is_told_with_its_place_in_the_file(
    challenge: Path, cache: Path, asked: str, text: str, told: str, hint: str
) -> None:
    add(asked, f"{text}\n")
    with pytest.raises(WorkerFault, match="its worker died 3 times") as died:
        algocli.train(Challenge(challenge).subject(1), n_components=5, cluster=asked, cache_dir=cache)
    assert told in died.value.message
    assert died.value.hint is not None
    assert died.value.hint.startswith(f"{hint}{asked.removeprefix('slurm:')}")
    assert [(row.state, row.is_past) for row in list_jobs(cache)[0]] == [
        ("failed", True),
        ("failed", True),
        ("failed", False),
    ]
