"""What the tests of contracts share."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of shards are written here, and no power is cut: their order on the disk has a test of its own."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
