"""What every test may ask for."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import typed

if os.environ.get("ALGOCLI_TEST_TYPES", "1") != "0":
    typed.hold()

from tests.browser import browser  # noqa: F401
from tests.support.challenge import write_tiny_challenge


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
