"""What the tests of runs share with those of encoding: a subject to train on, and one thread for linear algebra."""

from __future__ import annotations

from tests.encoding.conftest import _one_thread, shared, world  # noqa: F401
