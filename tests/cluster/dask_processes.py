"""A scheduler of Dask and its workers as processes of a test's own, on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import unmeasured

ROOT = Path(__file__).parents[2]
# So long, in seconds, something that is bound to come is waited for.
_PATIENCE = 900.0


class Scheduler:
    """A scheduler and those who work for it; all are gone at the end of a `with` block."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder, self.environ = folder, environ
        self.workers: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self.process = self._begin("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        wait_until(self.file.exists)

    @property
    def word(self) -> str:
        """What names it as a cluster."""
        return f"dask:{self.file}"

    def begin_workers(self, n: int, *words: str, **environ: str) -> None:
        """Begin workers, each one process, and wait for them."""
        mine, where = ["--no-nanny", "--nthreads", "1"], ["--local-directory", str(self.folder)]
        self.workers += [self._begin("dask_worker", *mine, *where, *words, **environ) for _ in range(n)]
        wait_until(lambda: len(self.state()["workers"]) >= n)

    def state(self) -> Mapping[str, Any]:
        """Return what the scheduler says of itself."""
        from distributed import Client

        with Client(scheduler_file=str(self.file), set_as_default=False, timeout="20s") as client:
            state: Mapping[str, Any] = client.scheduler_info()
            return state

    def end(self) -> None:
        """End all of it."""
        for process in (*self.workers, self.process):
            process.kill()
            process.wait()

    def _begin(self, what: str, *words: str, **environ: str) -> subprocess.Popen[bytes]:
        paths = {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder)}
        # A port of a page that shows what is going on would be another's, too.
        more = ["--no-dashboard", "--scheduler-file", str(self.file)]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{what}", *more, *words],
                # Nothing of the package lies here, nor what a test reads by a name that is relative.
                cwd=self.folder,
                env=unmeasured() | paths | self.environ | environ,
                stdout=log,
                stderr=log,
            )


@contextmanager
def scheduler(folder: Path, n_workers: int, **environ: str) -> Iterator[Scheduler]:
    """Have a scheduler and workers for a `with` block."""
    folder.mkdir(parents=True, exist_ok=True)
    there = Scheduler(folder, **environ)
    try:
        there.begin_workers(n_workers)
        yield there
    finally:
        there.end()


def children(pid: int) -> list[int]:
    """Return the processes that one has begun, and that are there."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def is_there(pid: int) -> bool:
    """Say whether a process is there, and no mere memory of one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def wait_until(holds: Any) -> None:
    """Wait for what is bound to come."""
    deadline = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.05)


def my_children() -> list[int]:
    """Return the processes of this one."""
    return children(os.getpid())
