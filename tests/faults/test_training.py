"""A training that is killed, meets a full disk or runs beside another: what is done is right."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from algocli.runs.run import Run, find_run
from tests.faults.conftest import Jobs, extract
from tests.features.by_hand import digest_tree

# What an undisturbed training changes on the disk, from the Gram matrix to the mark of the latest run.
MOMENTS = 96


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


def assert_done_or_not(cache: Path) -> None:
    """See that a run which counts as done is whole."""
    run = Run(cache / "runs" / "mine")
    if run.has(1):
        share = run.subject(1)
        for hemisphere in ("left", "right"):
            assert share.correlation(hemisphere).shape == (share.test_predictions(hemisphere).shape[1],)


def killed_and_repeated(jobs: Jobs, challenge: Path, cache: Path, number: int) -> bool:
    """Kill a training before its change of that number and repeat it; say whether it came so far."""
    (ended,) = jobs.run(train(challenge, cache, at=number, happens="kill"))
    assert ended.code in (0, -signal.SIGKILL), ended.said
    assert_done_or_not(cache)
    (repeated,) = jobs.run(train(challenge, cache))
    assert repeated.code == 0, repeated.said
    assert find_run(cache).name == "mine"
    return ended.code != 0


@pytest.mark.parametrize("number", range(1, MOMENTS, 13))
def test_killed_before_a_change_to_the_disk_it_ends_with_the_same_arrays(
    jobs: Jobs, challenge: Path, cache: Path, whole: str, number: int
) -> None:
    killed_and_repeated(jobs, challenge, cache, number)
    assert digest_of_arrays(cache) == whole


@pytest.mark.slow
def test_killed_before_any_change_to_the_disk_it_ends_with_the_same_arrays(
    jobs: Jobs, challenge: Path, extracted: Path, whole: str, tmp_path: Path
) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        shutil.copytree(extracted, tmp_path / str(number))
        killed = killed_and_repeated(jobs, challenge, tmp_path / str(number), number)
        assert digest_of_arrays(tmp_path / str(number)) == whole
    assert MOMENTS - 20 < number < MOMENTS + 20


@pytest.mark.parametrize("number", range(5, MOMENTS, 13))
def test_a_full_disk_is_one_sentence(jobs: Jobs, challenge: Path, cache: Path, whole: str, number: int) -> None:
    (ended,) = jobs.run(train(challenge, cache, at=number, happens="full"))
    if ended.code != 0:
        assert ended.code == 3, ended.said
        assert "the disk is full" in ended.said
        assert "Traceback" not in ended.said
    assert_done_or_not(cache)
    (ended,) = jobs.run(train(challenge, cache))
    assert ended.code == 0, ended.said
    assert digest_of_arrays(cache) == whole


def test_two_trainings_of_one_run_are_one(jobs: Jobs, challenge: Path, cache: Path, whole: str) -> None:
    ended = jobs.run(*(train(challenge, cache) for _ in range(3)))
    assert [one.code for one in ended] == [0, 0, 0], "\n".join(one.said for one in ended)
    assert sum("is done already" in one.said for one in ended) == 2
    assert digest_of_arrays(cache) == whole


def test_trainings_of_several_runs_share_what_they_derive(jobs: Jobs, challenge: Path, cache: Path, whole: str) -> None:
    sizes = {"mine": 5, "larger": 9, "largest": 15, "smaller": 2}
    for _ in range(3):
        shutil.rmtree(cache / "runs", ignore_errors=True)
        for folder in (cache / "features").rglob("gram"):
            shutil.rmtree(folder)
        ended = jobs.run(*(train(challenge, cache, run=name, pca=pca) for name, pca in sizes.items()))
        assert [one.code for one in ended] == [0, 0, 0, 0], "\n".join(one.said for one in ended)
        assert digest_of_arrays(cache) == whole
