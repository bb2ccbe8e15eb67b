"""A challenge that a test may spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.challenge import write_tiny_challenge


@pytest.fixture
def spoilable(tmp_path: Path) -> Path:
    """Subject 1 alone, written for this test, with images of 16 x 16 pixels."""
    return write_tiny_challenge(tmp_path / "challenge", (1,), image_size=16)
