"""Workers of a Dask scheduler, wherever it has them: `dask:tcp://HOST:PORT`, or `dask:FILE` that names it.

The scheduler hands tasks out, and once more where a worker is lost. It may be others', too: nothing is left on it.
"""

from __future__ import annotations

import json
import os
import pickle
import secrets
import sys
from asyncio import CancelledError as AsyncCancelledError
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from logging import CRITICAL, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from warnings import catch_warnings, simplefilter

from algocli.compute.caches import sharing
from algocli.compute.executors import dask_checks as checks
from algocli.compute.executors import dask_errands as errands
from algocli.compute.executors.dask_child import Surroundings
from algocli.compute.executors.dask_errands import Errands
from algocli.compute.track import Note
from algocli.errors import EngineFault, UsageError, first_line, install_hint, writing

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
# So long, in seconds, a scheduler has to answer.
_ANSWERS_WITHIN = 5.0
# So many tasks at a time are reckoned with where workers come with the tasks.
_TO_COME = 8
_GOES_ON = "the same command goes on where it ended"
_NAMED = "dask:tcp://HOST:PORT, or dask:FILE of a scheduler that was begun with --scheduler-file FILE"
# What speaks of connections in a log, which is told as an error where it matters.
_SPEAK = ("distributed", "distributed.client", "distributed.comm", "distributed.core", "distributed.batched", "asyncio")


@dataclass(frozen=True)
class DaskCluster:
    """The workers of a scheduler of Dask.

    Attributes
    ----------
    scheduler
        Its address, or a file that has it.
    """

    scheduler: str

    @cached_property
    def n_workers(self) -> int:
        """How many threads its workers have now: each does a task at a time, in a process of its own.

        Raises
        ------
        UsageError, EngineFault
            If Dask is not installed, or there is no such scheduler.
        """
        with _connected(self.scheduler) as client:
            return sum(worker["nthreads"] for worker in _workers(client).values()) or _TO_COME

    def open(self, cache_dir: Path, note: Note) -> AbstractContextManager[Executor]:
        """Have its workers for a `with` block; whatever ends it, nothing waits there any more at its end.

        Raises
        ------
        UsageError, EngineFault, StorageError
            If there is no such scheduler, its workers lack something, or the cache cannot be written.
        """
        return _engine(self.scheduler, cache_dir, note)


def parse_dask(which: str) -> DaskCluster:
    """Return the scheduler that stands behind the colon; nobody asks yet whether it is there.

    Raises
    ------
    UsageError
        If nothing stands there.
    """
    if not which:
        raise UsageError("the address of a scheduler was expected, or a file that has it", hint=_NAMED)
    return DaskCluster(which)


@contextmanager
def _engine(scheduler: str, cache_dir: Path, note: Note) -> Iterator[Executor]:
    with _connected(scheduler) as client, sharing(cache_dir) as folder:
        address = _address(client)
        try:
            shared = _shared(client, folder, cache_dir, note)
        # Whoever is asked may be gone meanwhile.
        except (OSError, CancelledError, AsyncCancelledError) as error:
            raise EngineFault(f"the scheduler at {address} does not answer: {first_line(error)}") from error
        engine = _Dask(client, address, shared, note)
        try:
            with checks.missing_none(lambda: len(_workers(client)), note):
                yield engine
        finally:
            engine.shutdown(cancel_futures=True)


def _shared(client: Client, folder: Path, cache_dir: Path, note: Note) -> Errands:
    """Return what tasks are to find, once there are workers who can do them."""
    if not _workers(client):
        note(f"the scheduler at {_address(client)} has no workers yet: waiting for one")
        client.submit(int, pure=False).result()
    mark, surroundings = folder / errands.MARK, _here()
    with writing(cache_dir):
        mark.touch()
    checks.check_workers(partial(client.run, on_error="return"), cache_dir, mark, surroundings.folder)
    shares = Counter[str]()
    for worker in _workers(client).values():
        shares[worker["host"]] += worker["nthreads"]
    return Errands(folder, surroundings, shares, errands.versions())


class _Dask(Executor):
    """Hands calls to a scheduler, and their results back."""

    def __init__(self, client: Client, address: str, shared: Errands, note: Note) -> None:
        self._client, self._address, self._shared, self._note = client, address, shared, note
        self._there = client.get_executor(pure=False, retries=0)
        self._waiting, self._n_given = set[Future[Any]](), Counter[str]()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        import cloudpickle

        # What a script or a notebook has defined is sent as it is.
        order = cloudpickle.dumps((fn, args, kwargs))
        label = str(next((arg.label for arg in args if hasattr(arg, "label")), getattr(fn, "__name__", "a call")))
        name = sha256(order).hexdigest()[:16]
        key = f"{label} {secrets.token_hex(4)}"
        here: Future[T] = Future()
        self._n_given[name] += 1
        try:
            there = self._there.submit(errands.carry_out, self._shared, name, label, order, key=key)
        except Exception as error:
            raise self._lost() from error
        here.add_done_callback(partial(_cancel_too, there))
        there.add_done_callback(partial(self._hand_back, here, name, label))
        self._waiting.add(here)
        here.add_done_callback(self._waiting.discard)
        return here

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take back what waits, and end what is being done for nobody."""
        for future in tuple(self._waiting) if cancel_futures else ():
            future.cancel()
        # Also a worker that is not there yet, or does not hear what follows, begins nothing more.
        with suppress(OSError):
            (self._shared.folder / errands.MARK).unlink()
        if self._client.status == "running":
            with suppress(Exception):
                self._client.run(errands.end, self._shared, on_error="ignore")

    def _hand_back(self, here: Future[T], name: str, label: str, there: Future[bytes]) -> None:
        # Whoever gave it up waits for nothing.
        if not here.set_running_or_notify_cancel():
            return
        self._tell_of_losses(name, label)
        try:
            is_well, value = pickle.loads(there.result())
        except CancelledError:
            here.set_exception(self._lost())
        except BaseException as error:
            here.set_exception(error)
        else:
            here.set_result(value) if is_well else here.set_exception(value)

    def _tell_of_losses(self, name: str, label: str) -> None:
        """Say that a task was begun more often than it was given: the scheduler does not say that a worker was lost."""
        with suppress(OSError):
            if errands.n_begun(self._shared.folder / name) > self._n_given[name]:
                self._note(f"{label}: its worker died; it was tried again")

    def _lost(self) -> EngineFault:
        return EngineFault(f"the scheduler at {self._address} is gone, or has dropped the work", hint=_GOES_ON)


def _cancel_too(there: Future[bytes], here: Future[Any]) -> None:
    if here.cancelled():
        there.cancel()


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    """Be a client of a scheduler for a `with` block.

    Raises
    ------
    UsageError, EngineFault
        If Dask is not installed, or there is no such scheduler.
    """
    try:
        import distributed
    except ImportError as error:
        raise UsageError("cluster='dask:...' needs the package distributed", hint=install_hint("dask")) from error
    address = scheduler if "://" in scheduler else _address_in(Path(scheduler))
    with _quiet():
        try:
            client = distributed.Client(address, timeout=_ANSWERS_WITHIN, set_as_default=False, name="algocli")
        except (OSError, ImportError, ValueError, TypeError) as error:
            hint = f"`dask scheduler` begins one; {_NAMED}"
            raise EngineFault(f"no scheduler of Dask answers at {address}: {first_line(error)}", hint=hint) from error
        try:
            yield client
        finally:
            client.close(_ANSWERS_WITHIN)


def _address_in(file: Path) -> str:
    try:
        return str(json.loads(file.read_bytes())["address"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UsageError(
            f"cluster='dask:{file}': no file with a scheduler's address lies there", hint=_NAMED
        ) from error


def _workers(client: Client) -> Mapping[str, Any]:
    """Return what the scheduler says of each worker, by its address."""
    workers: Mapping[str, Any] = client.scheduler_info()["workers"]
    return workers


def _address(client: Client) -> str:
    return str(client.scheduler_info()["address"])


def _here() -> Surroundings:
    """Return what of this command its tasks are to find."""
    # Each brings a library of its own that multiplies.
    import numpy as np  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    n_threads = max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)
    threads = tuple((name, value) for name, value in sorted(os.environ.items()) if name.startswith(errands.THREADS))
    # Its Python's own are those of a worker's Python there.
    given = (str(Path(path or ".").absolute()) for path in sys.path)
    own = {str(Path(prefix).absolute()) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    paths = tuple(path for path in given if not any(Path(path).is_relative_to(prefix) for prefix in own))
    return Surroundings(str(Path.cwd()), paths, threads, n_threads)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a client logs of connections off the screen within a `with` block."""
    loggers = [getLogger(name) for name in _SPEAK]
    levels = [logger.level for logger in loggers]
    with catch_warnings():
        # Versions that matter are compared by ourselves.
        simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(CRITICAL)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
