"""Training on a cluster: the bytes of no cluster, whoever of the workers dies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import algocli
from algocli.compute.executors.crew import Crew
from algocli.compute.executors.local import LocalCluster
from algocli.compute.executors.tasks import Outcome, Task
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding import gram_tasks
from algocli.encoding.gram_tasks import BlockProducts
from algocli.errors import DataError
from algocli.features.store.factor import Factor
from algocli.pipeline.training_tasks import SubjectTraining
from tests.pipeline.left import FALLS, Falls, cache_wide_features, left, small_challenge
from tests.support.processes import unmeasured

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_challenge(tmp_path_factory.mktemp("data"))


@pytest.fixture
def cache(tmp_path: Path, challenge: Path) -> Path:
    return cache_wide_features(tmp_path / "cache", challenge, ("features.2", "features.5"))


def test_any_number_of_workers_leaves_what_no_cluster_does(tmp_path: Path, challenge: Path, cache: Path) -> None:
    subjects = Challenge(challenge).subjects()
    made, names = {}, {}
    for cluster in (None, "local:1", "local:2"):
        home = Path(shutil.copytree(cache, tmp_path / str(cluster)))
        notes, order = list[str](), list[str]()
        runs = algocli.train(
            subjects,
            layers=["features.2", "features.5"],
            each=True,
            n_components=5,
            cache_dir=home,
            cluster=cluster,
            note=notes.append,
            made=lambda run, order=order: order.append(run.name),
        )
        made[cluster], names[cluster] = left(home), [run.name for run in runs]
        assert order == names[cluster]
        assert [line for line in notes if line.startswith("subject 6: up to")]
    assert made[None] == made["local:1"] == made["local:2"]
    assert names[None] == names["local:1"] == names["local:2"]
    assert len(made[None]) > 30


class FallingBlock(Falls, BlockProducts):
    """Of a Gram matrix."""


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List what workers are given, by its name."""
    labels, run = list[str](), Crew.run

    def watched(crew: Crew, tasks: Sequence[Task], *how: Any, **more: Any) -> Any:
        labels.extend(task.label for task in tasks)
        return run(crew, tasks, *how, **more)

    monkeypatch.setattr(Crew, "run", watched)
    return labels


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "n_matrices", "n_blocks"),
    [
        # Of each subject a matrix of each layer, which has two blocks of columns; or for a fit and the refit one matrix
        # of both layers side by side.
        ({}, 4, 8),
        ({"standardised": True, "scaled": False}, 4, 16),
    ],
)
def test_large_matrices_that_lack_are_made_by_all_workers_though_one_is_killed_at_a_block(
    tmp_path: Path, challenge: Path, how: dict[str, Any], n_matrices: int, n_blocks: int,
    monkeypatch: pytest.MonkeyPatch, handed_out: list[str],
) -> None:  # fmt: skip
    cache = cache_wide_features(tmp_path / "cache", challenge, ("features.2", "features.5"), 8300)
    subjects, made, notes = Challenge(challenge).subjects(), {}, list[str]()
    monkeypatch.setenv("FALLS_IN", str(tmp_path))
    monkeypatch.setattr(gram_tasks, "BlockProducts", FallingBlock)
    how |= {"layers": ["features.2", "features.5"], "note": notes.append}
    for cluster in (None, "local:2"):
        home = Path(shutil.copytree(cache, tmp_path / str(cluster)))
        monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)
        algocli.train(subjects, n_components=5, cache_dir=home, cluster=cluster, **how)
        made[cluster] = left(home)
    assert made[None] == made["local:2"]
    (killed,) = [line for line in notes if line.endswith("it is tried again")]
    assert ", column block " in killed
    of_blocks = [label for label in handed_out if ", column block " in label]
    assert (len(of_blocks), len(handed_out)) == (n_blocks, n_blocks + n_matrices + 2)
    # Made once, they serve other models.
    handed_out.clear()
    algocli.train(subjects, n_components=4, cache_dir=home, cluster="local:2", **how)
    assert handed_out == ["subject 1", "subject 6"]
    assert left(home)["standardised"] == made[None]["standardised"]


@pytest.mark.parametrize(
    ("how", "n_matrices"),
    [
        ({}, 2),
        ({"standardised": True}, 2 * 2),
        ({"standardised": True, "scaled": False, "folds": 3}, 4),
        ({"standardised": True, "join": "components", "folds": 3, "refit": False}, 2 * 3),
        ({"standardised": True, "regression": "blend"}, 2 * 2),
    ],
)
def test_large_matrices_of_a_training_are_those_that_it_needs(
    tmp_path: Path, challenge: Path, cache: Path, how: dict[str, Any], n_matrices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[Path]] = []

    def watched(factors: Iterable[Factor], *_: Any) -> None:
        asked.append([factor.folder for factor in factors])

    monkeypatch.setattr("algocli.pipeline.training_tasks.multiply", watched)
    monkeypatch.setattr(SubjectTraining, "run", lambda *_: [])
    monkeypatch.setattr(Crew, "run", lambda _, tasks, note: ((n, Outcome([])) for n in range(len(tasks))))
    how |= {"layers": ["features.2", "features.5"], "n_components": 5, "cache_dir": cache}
    for worth in (gram_tasks.WORTH_DIVIDING, 0.0):
        monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", worth)
        with suppress(algocli.errors.AlgocliError):
            algocli.train(Challenge(challenge).subject(6), cluster="local:2", **how)
    small, large = asked
    assert (small, len(large)) == ([], n_matrices)
    algocli.train(Challenge(challenge).subject(6), **how)
    kept = {
        path.parent for name in ("gram", "standardised/*") for path in cache.glob(f"features/*/*/{name}/record.json")
    }
    assert {*large} == kept


def test_where_all_is_done_no_worker_is_called(challenge: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, six = Challenge(challenge).subjects()
    how: dict[str, Any] = {"n_components": 5, "cache_dir": cache, "cluster": "local:2", "name": "some"}
    algocli.train([one, six], **how)
    made = left(cache)
    called: list[LocalCluster] = []

    def never(cluster: LocalCluster, *_how: object) -> AbstractContextManager[Executor]:
        called.append(cluster)
        raise AssertionError

    monkeypatch.setattr(LocalCluster, "open", never)
    notes: list[str] = []
    algocli.train([one, six], **how, note=notes.append)
    assert [line for line in notes if line.endswith("run some is done already")] == [
        "subject 1: run some is done already",
        "subject 6: run some is done already",
    ]
    assert (called, left(cache)) == ([], made)
    # What is damaged, and what is to be done anew, is handed out.
    array = cache / "runs" / "some" / "subj06" / "left_correlation.npy"
    array.write_bytes(array.read_bytes()[:-1])
    for more in ({}, {"force": True}):
        with pytest.raises(AssertionError):
            algocli.train([one, six], **how, **more)
    assert len(called) == 2


def test_a_worker_killed_in_the_middle_of_a_fit_changes_nothing(
    tmp_path: Path, challenge: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "falls.py").write_text(FALLS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("FALLS_IN", str(tmp_path / "fallen"))
    made, notes = {}, list[str]()
    for cluster in (None, "local:2"):
        home = Path(shutil.copytree(cache, tmp_path / str(cluster)))
        how = {"regression": "python:falls:Falls", "n_components": 5, "cluster": cluster, "cache_dir": home}
        algocli.train(Challenge(challenge).subjects(), **how, note=notes.append)
        made[cluster] = left(home)
        # Nobody has fallen yet, and the next one who can will.
        (tmp_path / "fallen").mkdir(exist_ok=True)
    assert (tmp_path / "fallen" / "fallen").exists()
    assert len([line for line in notes if line.endswith("it is tried again")]) == 1
    assert made[None] == made["local:2"]


def test_what_one_subject_lacks_is_told_when_the_others_are_done(challenge: Path, cache: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(challenge, tmp_path / "spoilt"))
    np.save(spoilt / "subj01/training_split/training_fmri/lh_training_fmri.npy", np.zeros((60, 31), np.float32))
    shown = dict[str, int]()

    def track(items: Iterable[Any], *, total: int, label: str, unit: str = "") -> Iterator[Any]:
        for item in items:
            shown[label] = shown.get(label, 0) + 1
            yield item

    how: dict[str, Any] = {"n_components": 5, "cache_dir": cache, "cluster": "local:2", "name": "some", "track": track}
    with pytest.raises(DataError, match=r"1 of 2 subjects could not be trained; the rest is done:\n  subject 1: .*lh_"):
        algocli.train(Challenge(spoilt).subjects(), **how)
    # The bar counts those that are trained.
    assert shown["training"] == 1
    assert algocli.Run(cache / "runs" / "some").subjects == (6,)


def test_without_a_cluster_nothing_of_how_to_have_one_is_loaded(challenge: Path, cache: Path) -> None:
    words = {
        "train": ["--pca", "5"],
        "report": ["--significance", "--permutations", "5", "--intervals", "--resamples", "5", "-s", "1"],
        "curve": ["--sizes", "10,30", "--repeats", "1", "--resamples", "5", "-s", "1"],
        "similarity": ["--permutations", "5", "--roi", "floc-faces", "-s", "1"],
    }
    where = ["--data-dir", str(challenge), "--cache-dir", str(cache), "--quiet"]
    code = (
        "import sys\n"
        "from algocli.cli import app\n"
        f"for words in {[[name, *said, *where] for name, said in words.items()]!r}:\n"
        "    try:\n        app(words)\n    except SystemExit as end:\n        assert not end.code\n"
        "told = [name for name in sys.modules if name.startswith('algocli.')]\n"
        "told = [name for name in told if 'executors' in name or name.endswith('_tasks')]\n"
        "told += [name for name in sys.modules if name.startswith(('submitit', 'dask', 'distributed'))]\n"
        "print(told, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr.strip().splitlines()[-1:]) == (0, ["[]"]), done.stderr


@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_script_without_a_guard_is_told_so(n_workers: int, tmp_path: Path, challenge: Path, cache: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import algocli\n"
        f"subjects = algocli.Challenge({str(challenge)!r}).subjects()\n"
        f"algocli.train(subjects, n_components=5, cache_dir={str(cache)!r}, cluster='local:{n_workers}')\n"
    )
    words, paths = [sys.executable, "script.py"], {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=os.environ | paths, check=False)
    assert done.returncode == 1
    told = done.stderr.strip().splitlines()
    assert "stands below `if __name__ == '__main__':`" in done.stderr
    # Once, and nothing of what workers have met.
    assert sum(line.startswith("Traceback") for line in told) <= 2, done.stderr


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_workers_go_when_the_command_does(
    number: signal.Signals, code: int, tmp_path: Path, challenge: Path, cache: Path
) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, time, pathlib\n"
        "def slow():\n"
        "    pathlib.Path(str(os.getpid()) + '.worker').touch()\n"
        "    time.sleep(600)\n"
    )
    words = ["train", "--regression", "python:slow:slow", "--pca", "5", "--cluster", "local:2"]
    where = ["--data-dir", str(challenge), "--cache-dir", str(cache)]
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    command = subprocess.Popen(
        [sys.executable, "-m", "algocli", *words, *where],
        cwd=tmp_path,
        env=unmeasured() | {"PYTHONPATH": paths, "TMPDIR": str(tmp_path)},
        text=True,
        stderr=subprocess.PIPE,
    )
    with command:
        while len(list(tmp_path.glob("*.worker"))) < 2 and command.poll() is None:
            time.sleep(0.05)
        workers = [int(path.stem) for path in tmp_path.glob("*.worker")]
        command.send_signal(number)
        said = command.communicate()[1]
    assert (command.returncode, len(workers)) == (code, 2), said
    assert "Traceback" not in said
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [worker for worker in workers if Path(f"/proc/{worker}").exists()] == []
    assert list(tmp_path.glob("algocli-workers-*")) == []
