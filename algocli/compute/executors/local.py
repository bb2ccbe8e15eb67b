"""Processes of this machine, each with a task at a time: one that dies takes its own task with it, and no other.

Each multiplies with as many threads as the command itself would: with fewer, a product would have other last digits.
Everything else that is spread over cores is divided among the workers, and so is memory.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from algocli.compute.cores import DIVIDING
from algocli.compute.executors.logs import end_of_log
from algocli.compute.track import Note
from algocli.errors import UsageError

T = TypeVar("T")
# More processes than any machine has cores.
_MOST = 4096
# A worker imports what a user's script is made of, and would run it.
_BELOW = "in a script, what asks for workers stands below `if __name__ == '__main__':`"
# What a process of multiprocessing is asked for while it imports that, by that package itself.
_IMPORTS_MAIN = "_inheriting"
# stdout and stderr, whatever became of Python's own.
_STREAMS = (1, 2)
# How often, in seconds, a worker looks whether there is still somebody that it works for.
_LOOKS = 1.0


@dataclass(frozen=True)
class LocalCluster:
    """Processes of this machine.

    Attributes
    ----------
    n_workers
        How many there are.
    """

    n_workers: int

    def open(self, cache_dir: Path, note: Note) -> AbstractContextManager[LocalEngine]:
        """Have them for a `with` block; whatever ends it, they are gone at its end.

        Raises
        ------
        UsageError
            If this is a worker itself.
        """
        return local_engine(self.n_workers)


def parse_local(which: str) -> LocalCluster:
    """Return the processes whose number stands behind the colon.

    Raises
    ------
    UsageError
        If it is none.
    SystemExit
        Of a worker that runs the script which has asked for it: it has no more to say than the command has.
    """
    if getattr(multiprocessing.current_process(), _IMPORTS_MAIN, False):
        raise SystemExit(1)
    if not (which.isdecimal() and 1 <= int(which[:9]) <= _MOST):
        raise UsageError(f"a number of processes, 1 to {_MOST}, was expected")
    return LocalCluster(int(which))


class WorkerDied(Exception):
    """A worker ended before its task did; the message has the end of what it said."""


@contextmanager
def local_engine(n_workers: int) -> Iterator[LocalEngine]:
    """Have some processes for a `with` block; whatever ends it, they are gone at its end.

    Raises
    ------
    UsageError
        If this is a worker itself.
    """
    if multiprocessing.parent_process() is not None:
        raise UsageError(
            "a worker was asked to have workers of its own",
            hint=_BELOW,
        )
    with TemporaryDirectory(prefix="algocli-workers-") as folder:
        engine = LocalEngine([_Worker(n_workers, Path(folder) / f"{number}.log") for number in range(n_workers)])
        try:
            yield engine
        except BaseException:
            # What has begun is not waited for.
            engine.end()
            raise
        finally:
            engine.shutdown(cancel_futures=True)


class LocalEngine(Executor):
    """Hands each task to whichever worker is free."""

    def __init__(self, workers: list[_Worker]) -> None:
        self._workers = workers
        self._free: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            self._free.put(worker)
        self._threads = ThreadPoolExecutor(len(workers))

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have the next worker that is free call something."""
        return self._threads.submit(self._hand_over, fn, *args, **kwargs)

    def prepare(self, fn: Callable[..., object], *args: Any) -> None:
        """Have each worker call something before its first task; nobody is told what comes of it."""
        for _ in self._workers:
            self._threads.submit(self._hand_over, fn, *args)

    def _hand_over(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        worker = self._free.get()
        try:
            return worker.call(fn, *args, **kwargs)
        finally:
            self._free.put(worker)

    def end(self) -> None:
        """End all workers at once, in the middle of whatever they do."""
        for worker in self._workers:
            worker.end()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the workers go, once what was handed over is done."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.close()


class _Worker:
    """A process, begun when there is something to do and begun anew where it has died."""

    def __init__(self, n_workers: int, log: Path) -> None:
        self._n_workers, self._log = n_workers, log
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None
        self._process: int | None = None
        self._is_over = False

    def call(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Have the process call something.

        Raises
        ------
        WorkerDied
            If it ends before that is done.
        """
        try:
            return self._begun().submit(fn, *args, **kwargs).result()
        except BrokenProcessPool as error:
            self.close()
            raise WorkerDied(end_of_log(self._log) or "it was killed, or memory did not suffice") from error

    def end(self) -> None:
        """End the process, and begin no other."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._process, signal.SIGTERM)

    def close(self) -> None:
        """Let the process go once it has nothing to do."""
        with self._lock:
            pool, self._pool, self._process = self._pool, None, None
        if pool is not None:
            pool.shutdown()

    def _begun(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._is_over:
                raise BrokenProcessPool
            if self._pool is None:
                # What one before it said is not its own.
                self._log.write_bytes(b"")
                # A copy of this process (fork) would have its locks as they are, and none of its threads to free them.
                spawn = multiprocessing.get_context("spawn")
                begin = (self._n_workers, os.getpid(), str(self._log))
                self._pool = ProcessPoolExecutor(1, spawn, initializer=_begin, initargs=begin)
                try:
                    self._process = self._pool.submit(os.getpid).result()
                except BrokenProcessPool as error:
                    self._pool = None
                    # An error of a script shows no hint.
                    raise UsageError(f"a worker ended while it started: {_BELOW}") from error
            return self._pool


def _begin(n_workers: int, parent: int, log: str) -> None:
    """Make a process a worker."""
    # Whoever interrupts the command from the keyboard interrupts its whole group: the command itself ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A command that is being ended ignores what it was ended by, and whatever it starts would do so, too.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ[DIVIDING] = str(n_workers)
    said = os.open(log, os.O_WRONLY | os.O_APPEND)
    for descriptor in _STREAMS:
        os.dup2(said, descriptor)
    faulthandler.enable(_STREAMS[-1])
    threading.Thread(target=_leave_with, args=(parent, Path(log).parent), daemon=True).start()


def _leave_with(parent: int, folder: Path) -> None:
    """End this process once the command that it works for is gone, which may have had no time to clear up after it."""
    while os.getppid() == parent:
        time.sleep(_LOOKS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
