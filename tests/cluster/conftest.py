"""A SLURM of the tests' own, started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from tests.cluster.slurm_here import Slurm, slurm_in, why_not
from tests.pipeline.left import cache_wide_features, small_challenge


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
    return small_challenge(tmp_path_factory.mktemp("data"))


@pytest.fixture
def cache(tmp_path: Path, challenge: Path) -> Path:
    """One that holds features of both subjects, wide enough for last digits to hang on how many threads multiply."""
    return cache_wide_features(tmp_path / "cache", challenge, ("features.2",))


@pytest.fixture
def asked(tmp_path: Path) -> str:
    """A cluster of small jobs that multiply as this process does."""
    threads = max(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
    (tmp_path / "slurm.toml").write_text(f"cpus_per_task = 1\nthreads = {threads}\n")
    return f"slurm:{tmp_path / 'slurm.toml'}"
