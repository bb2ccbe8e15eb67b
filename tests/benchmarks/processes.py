"""Runs a program as a user would, as a process of its own, and measures its wall time and its peak memory.

Peak memory is what the system counted as resident, pages of memory-mapped files among it: an upper bound.
On Linux a process inherits the peak of the one that started it, so whoever measures must stay small: nothing
that imports numpy may be imported before the last process has run.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Linux counts in kibibytes, macOS in bytes.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Finished:
    """A process that has ended well."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    stdout: str


def peak_bytes() -> int:
    """Return the most memory that this process has had so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT


def run(words: Sequence[str], log: Path) -> Finished:
    """Run `python WORDS...` from the root of the repository.

    Parameters
    ----------
    log
        Where its stdout goes; stderr stays ours, so that progress and errors are seen.

    Raises
    ------
    SystemExit
        If it fails.
    """
    with log.open("wb") as stdout:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *words], stdout=stdout, cwd=ROOT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - began
    # wait4 has taken what Popen would wait for.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"python {' '.join(words)} ended with {process.returncode}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Finished(seconds, cpu_seconds, usage.ru_maxrss * _MAXRSS_UNIT, log.read_text())


def one_a_core() -> ProcessPoolExecutor:
    """Return a pool with a process for every core, each of which works with one thread."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    return ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
