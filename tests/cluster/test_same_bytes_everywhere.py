"""From images to the leaderboard's zip on every engine: all that is left has the bytes of no cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import algocli
from algocli.compute.executors.standing import list_jobs
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding import gram_tasks
from tests.cluster.dask_processes import ROOT, scheduler
from tests.pipeline import left as trained
from tests.pipeline import test_extraction_tasks as extracted
from tests.support.challenge import write_tiny_challenge

pytestmark = pytest.mark.slow
MODULE = "everywhere"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a challenge of two subjects, and a network."""
    folder = tmp_path_factory.mktemp("home")
    write_tiny_challenge(folder / "challenge", n_train=600, n_test=6, image_size=16)
    (folder / f"{MODULE}.py").write_text(extracted.NETWORK)
    return folder


@pytest.fixture(autouse=True)
def found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers find the network, and matrices are divided however small they are."""
    monkeypatch.syspath_prepend(home)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(home), str(ROOT)]))
    monkeypatch.setattr(gram_tasks, "WORTH_DIVIDING", 0.0)


def made(home: Path, cache: Path, cluster: str | None) -> tuple[list[str], dict[str, object], bytes]:
    """Go all the way, and return what is left: of stores and their matrices, of runs, and the zip."""
    subjects, where = Challenge(home / "challenge").subjects(), {"cache_dir": cache, "cluster": cluster}
    how: dict[str, Any] = {"weights": "random", "device": "cpu"}
    features = algocli.extract(subjects, f"python:{MODULE}:network", ["0", "1"], **how, **where)
    run = algocli.train(subjects, features=list(features), n_components=20, **where)
    algocli.submit(run, cache / "submission.zip", partial=True)
    return extracted.left(cache), trained.left(cache), (cache / "submission.zip").read_bytes()


@pytest.fixture(scope="module")
def here(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], dict[str, object], bytes]]:
    """What no cluster leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(home)
        yield made(home, tmp_path_factory.mktemp("here"), None)


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_on_this_machine(n_workers: int, home: Path, tmp_path: Path, here: object) -> None:
    assert made(home, tmp_path / "cache", f"local:{n_workers}") == here


def test_on_dask(home: Path, tmp_path: Path, here: object) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    with scheduler(tmp_path / "dask", 2) as there:
        assert made(home, tmp_path / "cache", there.word) == here


@pytest.mark.usefixtures("slurm")
def test_on_slurm(home: Path, tmp_path: Path, asked: str, here: object) -> None:
    assert made(home, tmp_path / "cache", asked) == here
    assert {row.state for row in list_jobs(tmp_path / "cache")[0]} == {"done"}
