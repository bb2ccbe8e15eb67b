"""What is freed stays in the process for the next step, where the C library can be told so, and goes in the end."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

ON_GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told what to keep")
# Counts the pages that the kernel maps while 100 MB are taken, filled and freed for a second time, and those resident.
STEPS = """
import resource, sys
import numpy as np
from algocli.compute.freed_memory import freed_memory_kept, keep_freed_memory
def step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(25_000_000, np.float32)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
def resident():
    return int(open("/proc/self/statm").read().split()[1])
if "early" in sys.argv:
    keep_freed_memory()
begin = resident()
if "kept" in sys.argv:
    with freed_memory_kept():
        step()
        print(step())
else:
    step()
    print(step())
print(resident() - begin)
"""


def pages(*words: str, **environment: str) -> tuple[int, int]:
    """Return the pages mapped in the second step, and those more than before that are left in the end."""
    # Large pages would make few of many.
    env = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0", **environment}
    ended = subprocess.run(
        [sys.executable, "-c", STEPS, *words], capture_output=True, text=True, check=True, env=env, timeout=120
    )
    mapped, left = map(int, ended.stdout.split())
    return mapped, left


@ON_GLIBC
def test_a_step_maps_no_memory_that_the_one_before_has_freed() -> None:
    assert pages()[0] > 20_000
    assert pages("kept")[0] < 200
    assert pages("early")[0] < 200


@ON_GLIBC
def test_what_is_free_goes_back_once_the_work_is_done() -> None:
    assert pages("early")[1] > 20_000
    assert pages("early", "kept")[1] < 2_000


@ON_GLIBC
def test_whoever_has_told_the_c_library_otherwise_is_not_overruled() -> None:
    assert pages("kept", MALLOC_MMAP_THRESHOLD_="65536")[0] > 20_000


def test_where_nothing_can_be_told_work_goes_on_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    from algocli.compute import freed_memory

    freed_memory.keep_freed_memory.cache_clear()
    monkeypatch.setattr(freed_memory, "_library", lambda: None)
    try:
        assert not freed_memory.keep_freed_memory()
        with freed_memory.freed_memory_kept():
            done = True
        assert done
    finally:
        freed_memory.keep_freed_memory.cache_clear()
