"""A subject to train on; and one thread for linear algebra.

The matrices are small, and two pools of threads on few cores stall each other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from algocli.dataset.challenge.subjects import Challenge
from tests.encoding.by_hand import World, make_world
from tests.features.by_hand import cache_features


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("model"))


@pytest.fixture
def world(tmp_path: Path, shared: World) -> World:
    """A world of the test's own, to be spoilt."""
    shutil.copytree(shared.subject.layout.folder.parent, tmp_path / "challenge")
    subject = Challenge(tmp_path / "challenge").subject(1)
    name = cache_features(tmp_path / "cache", subject, shared.features)
    return World(subject, tmp_path / "cache", shared.features, name)
