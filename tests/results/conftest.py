"""A run that fits the tiny challenge."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.runs.run import Run
from tests.results.by_hand import write_run


@pytest.fixture
def challenge(tiny_challenge: Path) -> Challenge:
    return Challenge(tiny_challenge)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Subjects 1 and 6. Shared: to be read only."""
    return write_run(tmp_path_factory.mktemp("cache"))
