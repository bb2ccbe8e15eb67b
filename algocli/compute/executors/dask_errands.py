"""What the command has done in each worker of Dask: a look at what it sees, and tasks, each in a process of its own.

A worker of several threads has as many such processes at work. One that dies takes its own task with it, and not the
worker; one whose worker dies goes with it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import threading
from asyncio import to_thread
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import Pipe
from pathlib import Path

import algocli
from algocli.compute.addresses import Address
from algocli.compute.cores import DIVIDING
from algocli.compute.executors import dask_child
from algocli.compute.executors.dask_child import Surroundings
from algocli.compute.executors.local import WorkerDied
from algocli.compute.executors.logs import last_words
from algocli.compute.executors.running import TRIES
from algocli.errors import WorkerFault

# What decides about a number, or about how tasks are sent.
_PACKAGES = ("dask", "distributed", "numpy", "scipy", "scikit-learn", "torch", "torchvision", "pillow", "zarr")
# What begins the name of a variable that says with how many threads to compute.
THREADS = ("OMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "NUMEXPR_")
# The file by which a worker is known to see the cache.
MARK = "seen"


@dataclass(frozen=True)
class Errands:
    """What the tasks of one command share.

    Attributes
    ----------
    folder
        In the cache, with what workers are to see, and for each task how often it was begun.
    shares
        For each host, how many tasks are done there at a time.
    versions
        The command's own.
    """

    folder: Path
    surroundings: Surroundings
    shares: Mapping[str, int]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """What a worker says of itself.

    Attributes
    ----------
    versions
        Of Python and of packages; none of what is not there.
    unseen
        Those of the folders that it was asked for which are not there.
    """

    versions: Mapping[str, str]
    unseen: tuple[str, ...]


def tell(*places: str) -> Told:
    """Say which versions this process has, and which of some files and folders it does not see."""
    return Told(versions(), tuple(place for place in places if not os.access(place, os.R_OK)))


async def stamp_of(address: str) -> str | None:
    """Return the stamp of what lies at an address, as this process finds its server; None of nothing.

    Raises
    ------
    AlgocliError
        If it may not ask, or cannot.
    """
    # Who waits for a server that does not answer is to be heard of meanwhile.
    return await to_thread(Address(address).stamp)


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python and of packages that this process has; none of what is not there."""
    found = {"algocli": algocli.__version__, "Python": ".".join(platform.python_version_tuple()[:2])}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            # What follows the plus is how it was built, for a GPU say.
            found[package] = version(package).partition("+")[0]
    return found


def carry_out(errands: Errands, name: str, label: str, order: bytes) -> bytes:
    """Have a call made in a process of its own, and return what came of it; both are pickles.

    Parameters
    ----------
    name, label
        What tells the task from others, and what a message calls it.

    Raises
    ------
    WorkerDied
        If the process ends before, does not see the cache, or has other versions than the command.
    WorkerFault
        If the task has cost its worker too often already, whether Dask has told of that or not.
    """
    # A worker may have come after all others were asked.
    if versions() != errands.versions:
        raise WorkerDied("it has other versions of packages than the command")
    if _begin(errands.folder / name) > TRIES:
        raise WorkerFault(f"{label}: its worker died {TRIES} times", hint="more memory for each worker may help")
    child = _take(errands)
    answer = child.call(order)
    with _lock:
        if errands.folder not in _over:
            _idle.setdefault(errands.folder, []).append(child)
    return answer


def end(errands: Errands) -> None:
    """End all processes of a command in this worker, whatever they are at, and begin no other for it."""
    with _lock:
        # Whoever loses its process here makes room for what waits, which may not have been taken back yet.
        _over.add(errands.folder)
        children = _all.pop(errands.folder, [])
        _idle.pop(errands.folder, None)
    for child in children:
        child.end()


def _begin(count: Path) -> int:
    """Count that a task is begun, and return how often it was."""
    # Made beside the mark, or not at all: whoever does not see that writes nowhere.
    if not (count.parent / MARK).exists():
        raise WorkerDied(f"it does not see {count.parent.parent}, or the command has ended")
    with count.open("ab") as stream:
        stream.write(b".")
    return n_begun(count)


def n_begun(count: Path) -> int:
    """Return how often a task was begun, by the file that counts it."""
    return count.stat().st_size


# By the folder of the command.
_idle: dict[Path, list[_Child]] = {}
_all: dict[Path, list[_Child]] = {}
_over: set[Path] = set()
_lock = threading.Lock()


def _take(errands: Errands) -> _Child:
    """Return a process that has nothing to do; a new one where there is none.

    Raises
    ------
    WorkerDied
        If the command has ended.
    """
    with _lock:
        if errands.folder in _over:
            raise WorkerDied("the command has ended")
        # One that had nothing to do for long has left by itself.
        for children in _all.values():
            children[:] = [child for child in children if child.lives]
        while waiting := _idle.get(errands.folder):
            child = waiting.pop()
            if child.lives:
                return child
        child = _Child(errands)
        _all.setdefault(errands.folder, []).append(child)
    return child


class _Child:
    """A process that does one thing after the other."""

    def __init__(self, errands: Errands) -> None:
        around = errands.surroundings
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(THREADS)}
        paths = os.pathsep.join(path for path in sys.path if path)
        own = {DIVIDING: str(_share(errands)), "PYTHONPATH": paths}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # this Python, with a module of ours
                # Nothing is imported because it lies in the current folder.
                [sys.executable, "-P", "-m", dask_child.__name__, str(theirs.fileno())],
                cwd=around.folder,
                env=inherited | dict(around.threads) | own,
                stdin=subprocess.PIPE,
                stdout=self._said,
                stderr=self._said,
                pass_fds=[theirs.fileno()],
            )
        # Lost words would be told when the first task is handed over.
        with suppress(OSError):
            self._connection.send(around)

    @property
    def lives(self) -> bool:
        """Whether it is there."""
        return self._process.poll() is None

    def call(self, order: bytes) -> bytes:
        """Have it make a call.

        Raises
        ------
        WorkerDied
            If it ends before.
        """
        try:
            self._connection.send_bytes(order)
            return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            self.end()
            raise WorkerDied(last_words(self._said) or "it was killed, or memory did not suffice") from error

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


def _share(errands: Errands) -> int:
    """Return how many processes divide what this machine has."""
    from distributed import get_worker

    worker = get_worker()
    return errands.shares.get(worker.ip, worker.state.nthreads)
