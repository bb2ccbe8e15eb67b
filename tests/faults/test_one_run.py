"""Several trainings of one run at once: it is one run, of one kind of settings, and nothing of it is lost."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.errors import AlgocliError
from algocli.runs.aside import left_behind
from algocli.runs.run import Run
from tests.faults.conftest import Ended, Jobs, extract
from tests.support.challenge import write_tiny_challenge

SUBJECTS = tuple(range(1, 9))


@pytest.fixture(scope="module")
def eight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eight") / "challenge"
    return write_tiny_challenge(folder, SUBJECTS, n_train=25, n_test=2, image_size=16, known_test=False)


@pytest.fixture(scope="module")
def extracted(jobs: Jobs, eight: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("extracted") / "cache"
    (ended,) = jobs.run(extract(eight, cache))
    assert ended.code == 0, ended.said
    return cache


@pytest.fixture
def cache(extracted: Path, tmp_path: Path) -> Path:
    shutil.copytree(extracted, tmp_path / "cache")
    return tmp_path / "cache"


def train(data: Path, cache: Path, *words: str, pca: int = 5, **options: Any) -> dict[str, Any]:
    """Return the job of training the run 'mine'."""
    arguments = ["train", "--data-dir", str(data), "--cache-dir", str(cache), "-l", "edges", "--model", "stand-in"]
    return {"arguments": [*arguments, "--pca", str(pca), "--run", "mine", *words], "cache": str(cache), **options}


def array(data: Path, cache: Path, *words: str, pca: int = 5) -> list[dict[str, Any]]:
    """Return a job a subject."""
    return [train(data, cache, "-s", str(number), *words, pca=pca) for number in SUBJECTS]


def said(ended: Sequence[Ended]) -> str:
    return "\n".join(f"{one.code}: {one.said}" for one in ended)


def assert_of_one_kind(run: Run, subjects: Sequence[int]) -> None:
    """See that a run holds these subjects, whole, all trained with what its manifest says."""
    assert run.subjects == tuple(subjects)
    for number in subjects:
        subject_run = run.subject(number)
        assert subject_run.may_have(run.settings)
        assert len({subject_run.record["settings"]["n_components"], run.settings.n_components}) == 1
        for side in subject_run.sides:
            shapes = {subject_run.correlation(side).shape[0], subject_run.test_predictions(side).shape[1]}
            assert len(shapes) == 1
    assert left_behind(run.folder.parent) == []


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_four_trainings_with_different_settings_end_in_one_run(
    jobs: Jobs, eight: Path, cache: Path, force: tuple[str, ...]
) -> None:
    for _ in range(2):
        shutil.rmtree(cache / "runs", ignore_errors=True)
        sizes = (3, 5, 7, 9)
        ended = jobs.run(*(train(eight, cache, "-s", "1", *force, pca=pca) for pca in sizes))
        assert {one.code for one in ended} <= {0, 2}, said(ended)
        assert 0 in {one.code for one in ended}
        assert "Traceback" not in said(ended)
        run = Run(cache / "runs/mine")
        assert_of_one_kind(run, [1])
        # Whoever was refused has not been told that it is done.
        done = {pca for pca, one in zip(sizes, ended, strict=True) if one.code == 0}
        assert run.settings.n_components in done
        assert force or len(done) == 1


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_an_array_over_the_subjects_of_a_run_loses_none(
    jobs: Jobs, eight: Path, cache: Path, words: tuple[str, ...]
) -> None:
    for _ in range(2):
        ended = jobs.run(*array(eight, cache, *words))
        assert [one.code for one in ended] == [0] * 8, said(ended)
        assert_of_one_kind(Run(cache / "runs/mine"), SUBJECTS)


def test_an_array_with_other_settings_replaces_the_run_and_loses_none(jobs: Jobs, eight: Path, cache: Path) -> None:
    run = Run(cache / "runs/mine")
    for pca in (4, 8):
        ended = jobs.run(*array(eight, cache, "--force", pca=pca))
        assert [one.code for one in ended] == [0] * 8, said(ended)
        assert_of_one_kind(run, SUBJECTS)
        assert run.settings.n_components == pca
    ended = jobs.run(*array(eight, cache, pca=3))
    assert [one.code for one in ended] == [2] * 8
    assert_of_one_kind(run, SUBJECTS)


def test_killed_anywhere_a_training_that_replaces_a_run_leaves_the_old_one_or_the_new_one(
    jobs: Jobs, eight: Path, cache: Path, tmp_path: Path
) -> None:
    (ended,) = jobs.run(train(eight, cache, "-s", "1,2"))
    assert ended.code == 0, ended.said
    outcomes = set()
    for number in range(1, 75, 12):
        spoilt = tmp_path / str(number)
        shutil.copytree(cache, spoilt)
        job = train(eight, spoilt, "-s", "1", "--force", pca=9, at=number, happens="kill")
        (ended,) = jobs.run(job)
        assert ended.code in (0, -signal.SIGKILL), ended.said
        run = Run(spoilt / "runs/mine")
        outcomes.add((run.settings.n_components, run.subjects))
        for subject in run.subjects:
            assert run.subject(subject).may_have(run.settings)
        (ended,) = jobs.run(train(eight, spoilt, "-s", "1", "--force", pca=9))
        assert ended.code == 0, ended.said
        assert_of_one_kind(run, [1])
    assert outcomes <= {(5, (1, 2)), (9, (1,))}
    assert (5, (1, 2)) in outcomes


def test_whoever_reads_a_run_that_is_replaced_sees_one_or_the_other(jobs: Jobs, eight: Path, cache: Path) -> None:
    (ended,) = jobs.run(train(eight, cache, "-s", "1"))
    first = np.array(Run(cache / "runs/mine").subject(1).correlation("left"))
    shutil.copytree(cache, cache.with_name("other"))
    (ended,) = jobs.run(train(eight, cache.with_name("other"), "-s", "1", "--force", pca=9))
    assert ended.code == 0, ended.said
    other = np.array(Run(cache.with_name("other") / "runs/mine").subject(1).correlation("left"))
    report = ["report", "--run", "mine", "--data-dir", str(eight), "--cache-dir", str(cache), "--json"]
    for pca in (9, 5, 9, 5):
        job = train(eight, cache, "-s", "1", "--force", pca=pca)
        ended = jobs.run(job, *({"arguments": report, "cache": str(cache)} for _ in range(4)))
        assert ended[0].code == 0, said(ended)
        for one in ended[1:]:
            medians = [float(np.median(r)) for r in (first, other)]
            assert one.code == 0 and any(f'"median_r": {median!r}' in one.said for median in medians), said(ended)  # noqa: PT018
    with pytest.raises(AlgocliError):
        Run(cache / "runs/mine").subject(2)
