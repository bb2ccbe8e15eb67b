"""Linear algebra by one thread, as in the tests of encoding."""

from __future__ import annotations

from tests.encoding.conftest import _one_thread  # noqa: F401
