"""What SLURM is asked for: what the file says, what tasks promise where it says nothing, and nothing unknown."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from algocli.cli import app
from algocli.cli.parsing import parse_cluster
from algocli.compute.executors.arrays import JobArray
from algocli.compute.executors.by_hand import script_of
from algocli.compute.executors.gathering import Gathering, Given
from algocli.compute.executors.running import run_tasks
from algocli.compute.executors.slurm import SlurmCluster
from algocli.compute.executors.slurm_keys import OF_SUBMITIT, OURS
from algocli.compute.executors.slurm_request import parameters_for, tell_threads
from algocli.compute.executors.slurm_sending import sbatch
from algocli.compute.executors.slurm_settings import SlurmSettings, read_settings
from algocli.compute.executors.specs import check_cluster
from algocli.compute.executors.tasks import Needs, Outcome, perform
from algocli.errors import ByHand, DataError, EngineFault, UsageError
from tests.support.challenge import write_tiny_challenge


@dataclass(frozen=True)
class Doing:
    """Takes what it says."""

    needs: Needs = field(default_factory=Needs)
    is_known: bool = False
    label: str = "something"

    def known(self) -> Outcome | None:
        return Outcome("known") if self.is_known else None

    def run(self, note: Callable[[str], None]) -> str:
        return "done"


def file(tmp_path: Path, text: str) -> str:
    (tmp_path / "ask.toml").write_text(text)
    return str(tmp_path / "ask.toml")


def test_a_file_says_what_is_asked_for(tmp_path: Path) -> None:
    cluster = check_cluster(
        "slurm:"
        + file(
            tmp_path,
            'partition = "gpu"\ntime = "04:00:00"\nmem_gb = 1.5\ngres = "gpu:1"\nworkers = 40\nthreads = 8\n'
            'setup = ["module load python"]\n[additional_parameters]\nlicenses = "some"\n',
        )
    )
    assert isinstance(cluster, SlurmCluster)
    assert (cluster.n_workers, cluster.settings.threads) == (40, 8)
    asked = parameters_for([Doing(Needs(memory=10**12, minutes=5, gpu=True))], cluster.settings)
    # Whatever a task promises.
    assert (asked["mem"], asked["time"], asked["gres"], asked.get("gpus_per_node")) == (
        "1536MB",
        "04:00:00",
        "gpu:1",
        None,
    )
    assert "module load python" in asked["setup"]
    assert "export OPENBLAS_NUM_THREADS=8" in asked["setup"]
    assert (asked["array_parallelism"], asked["cpus_per_task"]) == (40, 8)
    assert asked["additional_parameters"] == {"licenses": "some"}


def test_where_it_says_nothing_the_most_is_asked_for_that_a_task_promises() -> None:
    tasks = [Doing(Needs(memory=10**9, minutes=3)), Doing(Needs(memory=4 * 10**9, gpu=True)), Doing()]
    asked = parameters_for(tasks, SlurmSettings())
    assert asked["mem"] == "5246MB"
    assert (asked["time"], asked["gpus_per_node"]) == (3, 1)
    # Nobody knows: the partition's own limits hold.
    asked = parameters_for([Doing()], SlurmSettings())
    assert (asked["time"], asked.get("mem"), asked.get("gpus_per_node")) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('partitoin = "gpu"', r"'partitoin' \(did you mean partition\?\)"),
        ("workers = 0", "workers = 0: 1 or more"),
        ("workers = true", "workers = True: a whole number was expected"),
        ('workers = "4"', "workers = '4': a whole number was expected"),
        ("partition = 4", "partition = 4: words in quotes was expected"),
        ('setup = "module load python"', "setup = .*: a list was expected"),
        ("setup = [1]", "a list of words in quotes was expected"),
        ('setup = ["a\\nb"]', "one line was expected"),
        ('mem = "1GB"\nmem_gb = 1', "both mem and mem_gb"),
        ("workers = 1\narray_parallelism = 2", "says workers twice"),
        ("partition = ", "is no TOML"),
        ('mem = "lots"', "mem = 'lots' is no amount of memory"),
        ('mem_per_cpu = "4 apples"', "mem_per_cpu = '4 apples' is no amount"),
        ('time = "an hour"', "time = 'an hour' is no span of time"),
    ],
)
def test_what_is_not_known_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_settings(file(tmp_path, text))


@pytest.mark.parametrize("text", ['mem = "16GB"', 'mem = "1500"', 'mem = "2g"', 'mem = "0"', "mem_gb = 1.5"])
def test_memory_is_said_as_sbatch_takes_it(tmp_path: Path, text: str) -> None:
    assert "mem" in read_settings(file(tmp_path, text)).parameters


@pytest.mark.parametrize("time", ["90", "90:00", "1:30:00", "1-12", "1-12:30", "1-12:30:00", "UNLIMITED"])
def test_time_is_said_as_sbatch_takes_it(tmp_path: Path, time: str) -> None:
    assert read_settings(file(tmp_path, f'time = "{time}"')).parameters["time"] == time


def test_an_unknown_key_is_told_with_all_that_there_are_and_so_does_the_help_of_jobs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError) as refused:
        read_settings(file(tmp_path, "cores = 4"))
    assert refused.value.hint is not None
    with pytest.raises(SystemExit):
        app(["jobs", "--help"])
    help_of_jobs = capsys.readouterr().out
    for key in {**OF_SUBMITIT, **OURS}:
        assert re.search(rf"\b{key}\b", refused.value.hint)
        assert re.search(rf"\b{key}\b", help_of_jobs)
    assert 'time: limit of each task, in minutes, or "HH:MM:SS"; the partition\'s' in refused.value.hint.splitlines()


@pytest.mark.parametrize(
    ("words", "told"),
    [(["--print"], "--cluster slurm:ask.toml --print: ask.toml"), ([], "--cluster slurm:ask.toml: ask.toml")],
)
def test_a_mistake_in_the_file_is_told_in_the_words_that_were_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    write_tiny_challenge(tmp_path / "algonauts_2023_challenge_data", (1,), n_train=4, n_test=2, image_size=16)
    file(tmp_path, "cores = 4")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        app(["train", "--cluster", "slurm:ask.toml", *words])
    said = capsys.readouterr().err
    assert told in " ".join(said.split())
    assert "sbatch:" not in said


def test_what_sbatch_says_is_raised_and_not_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("submitit")
    for name in ("sbatch", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'sbatch: error: no such partition' >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "logs").mkdir()
    asked = parameters_for([Doing()], SlurmSettings())
    with pytest.raises(Exception, match="no such partition"):
        sbatch(JobArray(tmp_path), 1, asked, SlurmSettings())
    print("heard", file=sys.stderr)
    assert capsys.readouterr().err == "heard\n"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.toml"):
        check_cluster(f"slurm:{tmp_path / 'nowhere.toml'}")


def test_all_that_is_taken_is_what_submitit_takes() -> None:
    submitit = pytest.importorskip("submitit")
    assert set(OF_SUBMITIT) <= submitit.SlurmExecutor._valid_parameters()
    assert (
        set(parameters_for([Doing(Needs(1, 1, True))], SlurmSettings())) <= submitit.SlurmExecutor._valid_parameters()
    )


def test_other_threads_than_here_are_told() -> None:
    notes: list[str] = []
    tell_threads(SlurmSettings(), notes.append)
    assert notes == []
    tell_threads(SlurmSettings(threads=97), notes.append)
    tell_threads(SlurmSettings({"cpus_per_task": 96}), notes.append)
    assert [line.split(",")[0] for line in notes] == [
        "jobs multiply with 97 threads",
        "jobs multiply with 96 threads",
    ]


def test_without_slurm_it_is_said_that_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="no sbatch is found"), check_cluster("slurm").open(tmp_path, print):
        pass


def test_a_file_for_sbatch_asks_for_the_same_and_runs_a_line(tmp_path: Path) -> None:
    settings = SlurmSettings({"partition": "a b", "exclusive": True, "teardown": ["sync"]}, workers=3, threads=2)
    array = JobArray(tmp_path / "with space")
    lines = script_of(
        array, 9, parameters_for([Doing(Needs(memory=10**9))], settings), "singularity exec x python"
    ).splitlines()
    assert lines[0] == "#!/bin/bash"
    options = {line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH")}
    assert {"partition='a b'", "exclusive", "array=0-8%3", "mem=1669MB", "cpus-per-task=2"} <= options
    assert f"output={shlex.quote(str(array.logs / '%A_%a.log'))}" in options
    assert f"singularity exec x python -u -m algocli work {shlex.quote(str(array.list_path))}" in lines
    assert lines[-1] == "sync"


@pytest.mark.parametrize("word", [None, "local:2", "dask:x", ""])
def test_only_slurms_tasks_are_submitted_by_hand(word: str | None) -> None:
    assert parse_cluster(word, by_hand=False) == word
    with pytest.raises(UsageError, match="--print writes what SLURM takes"):
        parse_cluster(word, by_hand=True)


def test_what_is_to_be_submitted_by_hand_is_named_like_the_cluster() -> None:
    assert parse_cluster("slurm", by_hand=True) == "sbatch"
    assert parse_cluster("slurm:x.toml", by_hand=True) == "sbatch:x.toml"


class Batches(Gathering):
    """Does what it is given at once, and keeps how it came."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.sizes: list[int] = []
        self._error = error
        super().__init__()

    def send(self, given: Given) -> None:
        self.sizes.append(len(given))
        if self._error is not None:
            raise self._error
        for task, future in given:
            future.set_result(perform(task))


def done(engine: Executor, tasks: list[Any]) -> list[Any]:
    try:
        outcomes = dict(run_tasks(engine, tasks, print))
    finally:
        engine.shutdown()
    return [outcomes[number].value for number in range(len(tasks))]


def test_tasks_are_handed_on_together_and_those_that_are_done_not_at_all() -> None:
    engine = Batches()
    assert done(engine, [Doing(), Doing(is_known=True), Doing()]) == ["done", "known", "done"]
    assert engine.sizes == [2]


@pytest.mark.parametrize(
    "error", [EngineFault("sbatch refuses the tasks: no such partition"), ByHand(Path("tasks.jsonl"), Path("x"), 2)]
)
def test_what_concerns_all_tasks_ends_the_command(error: Exception) -> None:
    engine = Batches(error)
    with pytest.raises(type(error)):
        done(engine, [Doing(), Doing()])
    assert engine.sizes == [2]


def test_nothing_but_tasks_is_taken() -> None:
    engine = Batches()
    with pytest.raises(TypeError, match="only tasks"):
        engine.submit(print, 1)
    waiting: Future[Outcome] = engine.submit(perform, Doing())
    assert waiting.result().value == "done"
    engine.shutdown()
