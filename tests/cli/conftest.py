"""What the commands' tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.challenge import write_tiny_challenge


@pytest.fixture(autouse=True)
def _no_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how wide the screen is that the tests run on: tables would take its form."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one subject's folder of a few small images; modules that need another have their own."""
    folder = tmp_path_factory.mktemp("data") / "challenge"
    return write_tiny_challenge(folder, (1,), n_train=25, n_test=2, image_size=16, known_test=False)
