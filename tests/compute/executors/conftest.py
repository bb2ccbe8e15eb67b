"""SLURM as an engine, with a queue made by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from algocli.compute.executors import slurm_engine, slurm_sending, standing
from algocli.compute.executors.slurm_engine import SlurmEngine
from algocli.compute.executors.slurm_settings import SlurmSettings
from tests.compute.executors.queue_here import Queue
from tests.support.challenge import write_tiny_challenge


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    made = Queue()
    monkeypatch.setattr(slurm_engine, "sbatch", made.sbatch)
    monkeypatch.setattr(slurm_engine, "ask_queue", made.ask)
    monkeypatch.setattr(standing, "ask_queue", made.ask)
    monkeypatch.setattr(slurm_engine, "cancel", made.cancelled.extend)
    monkeypatch.setattr(slurm_sending, "_REST", 0.1)
    for name in ("_SOONEST", "_LATEST", "_LAG"):
        monkeypatch.setattr(slurm_engine, name, 0.1)
    return made


@pytest.fixture
def engine_of(tmp_path: Path) -> Iterator[Callable[[], SlurmEngine]]:
    """Makes engines, which are gone when the test is."""
    made: list[SlurmEngine] = []

    def make(notes: list[str] | None = None, **settings: Any) -> SlurmEngine:
        made.append(
            SlurmEngine(SlurmSettings(**settings), tmp_path / "cache", (list[str]() if notes is None else notes).append)
        )
        return made[-1]

    yield make
    for engine in made:
        engine.shutdown()


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_challenge(tmp_path_factory.mktemp("data") / "challenge", n_train=4, n_test=2, image_size=16)
