"""Memory that a network's step frees, kept for the next step.

The C library gives what is large back to the kernel as soon as it is free, and asks for it anew a moment later: each
page is then cleared and mapped once more. Of a ResNet-50 that was a third of all processor time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

# Its numbers of what is asked for, from malloc.h: what is smaller than the second stays in the process, what is free
# beyond the first at its end is given back; and all threads share one heap, as what has been freed in one of their own
# would serve no other, nor what is large.
_SETTINGS = {-1: 2**30, -3: 2**30, -8: 1}
# Who set these knows better.
_ASKED_FOR = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Have this process keep what it frees, where its C library is glibc; say whether it does.

    Threads that are running already go on as they were: it is to be called before there are any.

    Examples
    --------
    >>> keep_freed_memory() in (True, False)
    True
    """
    set_one = getattr(_library(), "mallopt", None)
    if set_one is None or any(variable in os.environ for variable in _ASKED_FOR):
        return False
    done = [set_one(*setting) == 1 for setting in _SETTINGS.items()]
    return all(done)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep it for a `with` block, and give all that is free back to the kernel once that ends."""
    kept = keep_freed_memory()
    try:
        yield
    finally:
        if kept:
            _library().malloc_trim(0)


@lru_cache(maxsize=1)
def _library() -> Any:
    import ctypes

    return ctypes.CDLL(None) if sys.platform == "linux" else None
