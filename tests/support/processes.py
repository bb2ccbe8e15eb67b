"""Processes of a test's own."""

from __future__ import annotations

import os


def unmeasured() -> dict[str, str]:
    """Return the environment without what has a process tell how much of the package it ran.

    One that may write no large file, or is killed, would leave half of that, which spoils the count of all.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
