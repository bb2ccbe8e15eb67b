"""A challenge that a test may spoil."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from algocli.dataset import digests, pngs
from tests.support.challenge import write_tiny_challenge


@pytest.fixture
def spoilable(tmp_path: Path) -> Path:
    """Subject 1 alone, written for this test, with images of 16 x 16 pixels."""
    return write_tiny_challenge(tmp_path / "challenge", (1,), image_size=16)


@pytest.fixture(params=["with imagecodecs", "without"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways of decoding, where both are there."""
    if request.param == "without":
        monkeypatch.setitem(sys.modules, "imagecodecs", None)
    pngs._codecs.cache_clear()
    yield request.param
    pngs._codecs.cache_clear()


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has just written has rested: its digest is remembered."""
    really = time.time_ns
    monkeypatch.setattr(digests.time, "time_ns", lambda: really() + 3600 * 10**9)
