"""A training that runs beside another: what is done is right."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import Jobs, extract
from tests.features.by_hand import digest_tree


@pytest.fixture(scope="module")
def extracted(jobs: Jobs, challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("extracted") / "cache"
    (ended,) = jobs.run(extract(challenge, cache))
    assert ended.code == 0, ended.said
    return cache


@pytest.fixture
def cache(extracted: Path, tmp_path: Path) -> Path:
    shutil.copytree(extracted, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def whole(jobs: Jobs, challenge: Path, extracted: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    cache = tmp_path_factory.mktemp("whole") / "cache"
    shutil.copytree(extracted, cache)
    (ended,) = jobs.run(train(challenge, cache))
    assert ended.code == 0, ended.said
    return digest_of_arrays(cache)


def train(challenge: Path, cache: Path, *words: str, run: str = "mine", pca: int = 5, **options: Any) -> dict[str, Any]:
    """Return the job of training a run."""
    arguments = ["train", "--data-dir", str(challenge), "--cache-dir", str(cache), "-l", "edges", "--model", "stand-in"]
    return {"arguments": [*arguments, "--pca", str(pca), "--run", run, *words], "cache": str(cache), **options}


def digest_of_arrays(cache: Path, run: str = "mine") -> str:
    """Digest a run's arrays; its record holds times."""
    arrays = cache / "arrays"
    arrays.mkdir()
    for path in (cache / "runs" / run / "subj01").glob("*.npy"):
        shutil.copy(path, arrays)
    digest = digest_tree(arrays)
    shutil.rmtree(arrays)
    return digest


def test_two_trainings_of_one_run_are_one(jobs: Jobs, challenge: Path, cache: Path, whole: str) -> None:
    ended = jobs.run(*(train(challenge, cache) for _ in range(3)))
    assert [one.code for one in ended] == [0, 0, 0], "\n".join(one.said for one in ended)
    assert sum("is done already" in one.said for one in ended) == 2
    assert digest_of_arrays(cache) == whole


def test_trainings_of_several_runs_share_what_they_derive(jobs: Jobs, challenge: Path, cache: Path, whole: str) -> None:
    sizes = {"mine": 5, "larger": 9, "largest": 15, "smaller": 2}
    for _ in range(2):
        shutil.rmtree(cache / "runs", ignore_errors=True)
        for folder in (cache / "features").rglob("gram"):
            shutil.rmtree(folder)
        ended = jobs.run(*(train(challenge, cache, run=name, pca=pca) for name, pca in sizes.items()))
        assert [one.code for one in ended] == [0, 0, 0, 0], "\n".join(one.said for one in ended)
        assert digest_of_arrays(cache) == whole
