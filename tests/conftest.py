"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import typed

if os.environ.get("ALGOCLI_TEST_TYPES", "1") != "0":
    typed.hold()

from tests.browser import browser  # noqa: F401
from tests.support.challenge import write_tiny_challenge
from tests.support.objects import Objects, make_bucket, serving_objects

# How long an example takes says nothing on a busy machine.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def tiny_challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Subjects 1 and 6 with full-size images, test responses and noise ceilings. Shared: to be read only."""
    return write_tiny_challenge(tmp_path_factory.mktemp("tiny") / "challenge")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Have SIGINT do what it does in a fresh process, here and in those begun here; it may have been left ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def _objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    for needed in ("s3fs", "moto"):
        pytest.importorskip(needed, reason=f"{needed} is not installed: the extra dev")
    with serving_objects(tmp_path_factory.mktemp("objects")) as objects, pytest.MonkeyPatch.context() as patch:
        for word, value in objects.environment.items():
            patch.setenv(word, value)
        make_bucket()
        yield objects


@pytest.fixture
def objects(_objects: Objects, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """A server that speaks S3, one for all tests, which every program finds that a test starts."""
    for word, value in _objects.environment.items():
        monkeypatch.setenv(word, value)
    return _objects
