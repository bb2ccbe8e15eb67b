"""Code of others, run within this program: what it prints goes where notes go, and never among results."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TextIO

_lock = Lock()
# For each block that is open, the stdout that it met: the first is put back when the last one is left, since blocks of
# several threads end in any order.
_met: list[TextIO] = []


@contextmanager
def printing_aside() -> Iterator[None]:
    """Send what is printed within a `with` block, or a function so decorated, to stderr."""
    with _lock:
        _met.append(sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _lock:
            last = _met.pop()
            if not _met:
                sys.stdout = last
