"""What the commands' tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget how wide the screen is that the tests run on: tables would take its form."""
    monkeypatch.delenv("COLUMNS", raising=False)
