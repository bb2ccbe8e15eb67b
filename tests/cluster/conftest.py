"""A SLURM of the tests' own, started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from algocli.dataset.challenge.subjects import Challenge
from tests.cluster.slurm_here import Slurm, slurm_in, why_not
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(scope="session")
def _slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    pytest.importorskip("submitit", reason="submitit is not installed: the extra slurm")
    try:
        started = slurm_in(tmp_path_factory.mktemp("slurm"))
        with started as slurm:
            yield slurm
    except (OSError, TimeoutError) as error:
        pytest.skip(f"SLURM cannot be started here: {error}")


@pytest.fixture
def slurm(_slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Slurm:
    """One with two slots, which every program finds that a test starts."""
    for word, value in _slurm.environment.items():
        monkeypatch.setenv(word, value)
    return _slurm


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_challenge(tmp_path_factory.mktemp("data") / "challenge", n_train=60, n_test=6, image_size=16)


@pytest.fixture
def cache(tmp_path: Path, challenge: Path) -> Path:
    """One that holds features of both subjects, wide enough for last digits to hang on how many threads multiply."""
    for subject in Challenge(challenge).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((66, 3000)).astype(np.float32)
        cache_features(tmp_path / "cache", subject, rows, layer="features.2", weights="pretrained")
    return tmp_path / "cache"


@pytest.fixture
def asked(tmp_path: Path) -> str:
    """A cluster of small jobs that multiply as this process does."""
    threads = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
    (tmp_path / "slurm.toml").write_text(f"cpus_per_task = 1\nthreads = {threads}\n")
    return f"slurm:{tmp_path / 'slurm.toml'}"
