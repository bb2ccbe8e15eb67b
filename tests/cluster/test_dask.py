"""The same commands on workers of Dask: the bytes of no cluster whoever dies, and a sentence where they cannot."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import algocli
from algocli.compute.cores import n_cores
from algocli.compute.executors.running import run_tasks
from algocli.compute.executors.specs import check_cluster
from algocli.compute.executors.tasks import Outcome
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import DataError, EngineFault, UsageError, WorkerFault
from tests.cluster.dask_processes import ROOT, Scheduler, children, is_there, scheduler, wait_until
from tests.compute.executors.test_running import Deed
from tests.pipeline import test_extraction_tasks, test_training_tasks
from tests.pipeline.left import small_challenge
from tests.support.challenge import write_tiny_challenge
from tests.support.processes import unmeasured

pytest.importorskip("distributed", reason="the extra dask is not installed")

from algocli.compute.executors import dask_checks, dask_child, dask_errands
from algocli.compute.executors.local import WorkerDied

# Least squares, but for the first time in a folder, when it takes with it the process that the folder's file names:
# 'worker', the one that began its own, or a number.
FALLS = """
import os, signal
from pathlib import Path
import numpy as np


class Falls:
    def fit(self, X, y):
        whom = Path(os.environ["FALLS"])
        if whom.exists():
            said = whom.read_text()
            whom.unlink()
            os.kill(os.getppid() if said == "worker" else int(said), signal.SIGKILL)
        self.weights = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def predict(self, X):
        return X @ self.weights
"""


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_challenge(tmp_path_factory.mktemp("data"))


cache = test_training_tasks.cache


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """A scheduler and two workers that nobody kills."""
    with scheduler(tmp_path_factory.mktemp("dask"), 2) as there:
        yield there


def done(word: str, tasks: list[Deed], cache_dir: Path) -> tuple[list[Outcome], list[str]]:
    """Return what came of tasks, in their order, and what was noted."""
    notes: list[str] = []
    with check_cluster(word).open(cache_dir, notes.append) as engine:
        outcomes = dict(run_tasks(engine, tasks, notes.append))
    return [outcomes[number] for number in range(len(tasks))], notes


def test_what_a_task_costs_is_its_own_process_and_what_it_says_is_kept(two: Scheduler, tmp_path: Path) -> None:
    tasks = [Deed(tmp_path, "once", "dies_once"), Deed(tmp_path, "bad", "dies"), Deed(tmp_path, "hollow", "refuses")]
    (once, bad, hollow, good), notes = done(two.word, [*tasks, Deed(tmp_path, "good")], tmp_path)
    assert (once.value, good.value) == ("alive", "GOOD")
    assert isinstance(bad.error, WorkerFault)
    assert bad.error.message == "bad: its worker died 3 times; its last words: what I wanted to say"
    assert (type(hollow.error), hollow.error.hint) == (DataError, "a patch")
    assert [task.n_begun() for task in tasks] == [2, 3, 1]
    assert "once: its worker died (it was killed, or memory did not suffice); it is tried again" in notes
    assert [worker.poll() for worker in two.workers] == [None, None]
    # Of what the engine kept in the cache nothing is left, nor of the processes.
    assert list(tmp_path.glob(".shared-*")) == []
    assert [children(worker.pid) for worker in two.workers] == [[], []]


def test_tasks_find_as_many_threads_as_the_command_and_their_share_of_the_machine(
    two: Scheduler, tmp_path: Path
) -> None:
    from threadpoolctl import threadpool_info

    here = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    assert check_cluster(two.word).n_workers == 2
    (outcome,), _ = done(two.word, [Deed(tmp_path, "only", "machine")], tmp_path)
    cores, _, threads = outcome.value
    assert (cores, threads) == (max(1, n_cores() // 2), here)


def test_one_that_takes_worker_after_worker_with_it_is_given_up(tmp_path: Path) -> None:
    # The scheduler itself would try it four times, and never tell.
    with scheduler(tmp_path / "dask", 4) as there:
        tasks = [Murder(tmp_path, "murder", "worker"), Deed(tmp_path, "good")]
        (murder, good), _ = done(there.word, tasks, tmp_path)
        assert len([worker for worker in there.workers if worker.poll() is None]) == 1
    assert isinstance(murder.error, WorkerFault)
    assert murder.error.message == "murder: its worker died 3 times"
    assert (tasks[0].n_begun(), good.value) == (3, "GOOD")


class Murder(Deed):
    """Kills the worker that began its process, every time."""

    def _worker(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        # It goes with its worker.
        threading.Event().wait(60)


def test_runs_are_those_of_no_cluster_though_a_worker_is_killed_and_then_the_scheduler(
    tmp_path: Path, challenge: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not the module of other tests, which this process may have imported. Tasks find it where the command does.
    (tmp_path / "falls_with.py").write_text(FALLS)
    monkeypatch.syspath_prepend(tmp_path)
    falls = {"FALLS": str(tmp_path / "falls")}
    monkeypatch.setenv("FALLS", falls["FALLS"])
    subjects = Challenge(challenge).subjects()
    how: dict[str, Any] = {"regression": "python:falls_with:Falls", "n_components": 5}

    def train(cluster: str | None, home: Path) -> list[str]:
        notes, layers = list[str](), ["features.2", "features.5"]
        algocli.train(subjects, **how, layers=layers, each=True, cluster=cluster, cache_dir=home, note=notes.append)
        return [line for line in notes if "died" in line]

    homes = {name: Path(shutil.copytree(cache, tmp_path / name)) for name in ("none", "local", "worker", "scheduler")}
    train(None, homes["none"])
    train("local:2", homes["local"])
    with scheduler(tmp_path / "dask", 2, **falls) as there:
        (tmp_path / "falls").write_text("worker")
        (told,) = train(there.word, homes["worker"])
        assert told.endswith(": its worker died; it was tried again")
        assert sorted(str(worker.poll()) for worker in there.workers) == ["-9", "None"]
        (tmp_path / "falls").write_text(str(there.process.pid))
        with pytest.raises(EngineFault, match=r"the scheduler at tcp://\S+ is gone") as gone:
            train(there.word, homes["scheduler"])
        assert gone.value.hint == "the same command goes on where it ended"
        assert there.process.wait() == -signal.SIGKILL
    with scheduler(tmp_path / "anew", 1, **falls) as there:
        train(there.word, homes["scheduler"])
    made = {name: test_training_tasks.left(home) for name, home in homes.items()}
    assert made["none"] == made["local"] == made["worker"] == made["scheduler"]
    assert len(made["none"]) > 30


@pytest.mark.slow
def test_stores_and_products_are_those_of_no_cluster_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_tiny_challenge(tmp_path / "challenge", n_train=600, n_test=6, image_size=16)
    (tmp_path / "small.py").write_text(test_extraction_tasks.NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    made = {}
    with scheduler(tmp_path / "dask", 2) as there:

        def kill_one() -> None:
            wait_until(lambda: list((tmp_path / "dask-cache").glob("features/*/*/done/*.json")))
            there.workers[0].kill()

        for name, cluster in (("none", None), ("local", "local:2"), ("dask", there.word)):
            if cluster == there.word:
                threading.Thread(target=kill_one, daemon=True).start()
            how = {"weights": "random", "device": "cpu", "cluster": cluster, "cache_dir": tmp_path / f"{name}-cache"}
            algocli.extract(Challenge(images).subjects(), "python:small:network", ["0", "1"], **how)
            made[name] = test_extraction_tasks.left(tmp_path / f"{name}-cache")
        assert there.workers[0].poll() == -signal.SIGKILL
        assert there.workers[1].poll() is None
    assert made["none"] == made["local"] == made["dask"]
    assert len(made["none"]) == 4


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_takes_back_what_waits_and_ends_what_is_done(
    two: Scheduler, tmp_path: Path, challenge: Path, cache: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, time, pathlib\n"
        "def slow():\n"
        f"    pathlib.Path({str(tmp_path)!r}, str(os.getpid()) + '.worker').touch()\n"
        "    time.sleep(600)\n"
    )
    words = ["train", "--regression", "python:slow:slow", "--pca", "5", "--each", "--cluster", two.word]
    where = ["--data-dir", str(challenge), "--cache-dir", str(cache)]
    command = subprocess.Popen(
        [sys.executable, "-m", "algocli", *words, *where],
        cwd=tmp_path,
        env=unmeasured() | {"PYTHONPATH": str(ROOT)},
        text=True,
        stderr=subprocess.PIPE,
    )
    with command:
        wait_until(lambda: len(list(tmp_path.glob("*.worker"))) == 2 or command.poll() is not None)
        command.send_signal(signal.SIGINT)
        said = command.communicate()[1]
    at_it = [int(path.stem) for path in tmp_path.glob("*.worker")]
    assert (command.returncode, len(at_it)) == (130, 2), said
    assert "Traceback" not in said
    wait_until(lambda: not any(map(is_there, at_it)))
    wait_until(lambda: not any(each["metrics"]["task_counts"] for each in two.state()["workers"].values()))
    # Two more were waiting, and are not begun now.
    assert len(list(tmp_path.glob("*.worker"))) == 2
    assert [worker.poll() for worker in two.workers] == [None, None]
    assert list(cache.glob(".shared-*")) == []


def test_what_a_worker_gets_to_do_after_the_end_of_a_command_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / dask_errands.MARK).touch()
    around = dask_child.Surroundings(str(tmp_path), (), (), 1)
    errands = dask_errands.Errands(tmp_path, around, {}, dask_errands.versions())
    dask_errands.end(errands)
    with pytest.raises(WorkerDied, match="the command has ended"):
        dask_errands.carry_out(errands, "name", "a task", pickle.dumps((print, (), {})))


def test_a_scheduler_that_is_not_there_is_told_in_one_sentence(tmp_path: Path, challenge: Path, cache: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    # Nobody listens there.
    words = ["train", "--pca", "5", "--data-dir", str(challenge), "--cache-dir", str(cache)]
    command = [sys.executable, "-m", "algocli", *words, "--cluster", f"dask:{address}"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
    lines = ended.stderr.strip().splitlines()
    assert ended.returncode == 3
    assert len(lines) == 2, ended.stderr
    assert lines[0].startswith(f"error: no scheduler of Dask answers at {address}: ")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "no file with a scheduler's address lies there"),
        ("{}", "no file with a scheduler's address lies there"),
        ("words", "no file with a scheduler's address lies there"),
    ],
)
def test_a_file_that_names_no_scheduler_is_refused(tmp_path: Path, content: str | None, told: str) -> None:
    if content is not None:
        (tmp_path / "scheduler.json").write_text(content)
    with pytest.raises(UsageError, match=told):
        done(f"dask:{tmp_path / 'scheduler.json'}", [Deed(tmp_path, "only")], tmp_path)


def test_no_address_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(UsageError, match="cluster='dask:': the address of a scheduler was expected"):
        check_cluster("dask:")


def test_without_the_package_it_is_said_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="needs the package distributed") as told:
        done("dask:tcp://127.0.0.1:8786", [Deed(tmp_path, "only")], tmp_path)
    assert "[dask]" in str(told.value.hint)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise ModuleNotFoundError('not here')", r"the worker tcp://\S+ cannot import algocli \(not here\)"),
        ("__version__ = '0.0.9'", rf"has algocli 0.0.9; this command has {algocli.__version__}"),
    ],
)
def test_a_worker_without_this_package_or_with_another_version_is_named(tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "other" / "algocli").mkdir(parents=True)
    (tmp_path / "other" / "algocli" / "__init__.py").write_text(source)
    with (
        scheduler(tmp_path / "dask", 1, PYTHONPATH=str(tmp_path / "other")) as there,
        pytest.raises(EngineFault, match=told),
    ):
        done(there.word, [Deed(tmp_path, "only")], tmp_path)
    assert not (tmp_path / "only").exists()


def answering(**otherwise: Any) -> dask_checks.Ask:
    """Answer as two workers would, the second of which is otherwise."""

    def ask(function: Any, *args: str) -> dict[str, Any]:
        answer = function(*args)
        if isinstance(answer, str):
            return {"tcp://one": answer, "tcp://two": answer}
        return {"tcp://one": answer, "tcp://two": replace(answer, **otherwise)}

    return ask


def test_another_version_of_what_decides_about_a_number_is_refused(tmp_path: Path) -> None:
    here = dask_errands.tell().versions
    (tmp_path / "seen").touch()

    def check(versions: dict[str, str]) -> None:
        dask_checks.check_workers(answering(versions=versions), tmp_path, tmp_path / "seen", str(tmp_path))

    check(dict(here))
    with pytest.raises(EngineFault, match=f"tcp://two has numpy 1.0; this command has {here['numpy']}"):
        check({**here, "numpy": "1.0"})
    with pytest.raises(EngineFault, match="tcp://two lacks scipy; this command has"):
        check({name: version for name, version in here.items() if name != "scipy"})


def test_a_cache_that_a_worker_does_not_see_is_told_before_anything_is_handed_out(tmp_path: Path) -> None:
    mark = tmp_path / "seen"
    mark.touch()
    dask_checks.check_workers(answering(), tmp_path, mark, str(tmp_path))
    here = str(tmp_path.parent)
    for place, told in ((str(mark), f"the cache {tmp_path}"), (here, f"the current folder {here}")):
        with pytest.raises(EngineFault, match=f"the worker tcp://two does not see {told}"):
            dask_checks.check_workers(answering(unseen=(place,)), tmp_path, mark, here)
    # What is not there is seen by nobody.
    assert dask_errands.tell(str(mark), "/no/such/folder").unseen == ("/no/such/folder",)


def test_that_no_worker_is_left_is_told_once_and_again_when_it_happens_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_checks, "LOOKS", 0.001)
    numbers, notes, seen = iter([2, 0, 0, 1, 0, 0]), list[str](), threading.Event()

    def n_workers() -> int:
        number = next(numbers, None)
        if number is None:
            seen.set()
            raise OSError("the scheduler is gone")
        return number

    with dask_checks.missing_none(n_workers, notes.append):
        assert seen.wait(60)
    assert notes == ["no worker is left: waiting for others"] * 2


def test_a_scheduler_without_workers_is_waited_for(tmp_path: Path) -> None:
    with scheduler(tmp_path / "dask", 0) as there:
        beginning = threading.Timer(1.0, there.begin_workers, [1])
        beginning.start()
        (outcome,), notes = done(there.word, [Deed(tmp_path, "only")], tmp_path)
        beginning.join()
    assert outcome.value == "ONLY"
    assert [note for note in notes if "has no workers yet: waiting for one" in note]
