"""A process that does tasks for a worker of Dask, one after the other, as a process of the command's own would.

The worker itself may have been up for weeks: it has a user's modules as they were when it first met them, does several
things at a time in threads, and multiplies with one thread alone, which gives other last digits.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from algocli.compute.executors.local import WorkerDied

# So long, in seconds, one that has nothing to do waits for more: the command may have been killed.
IDLE = 60.0


@dataclass(frozen=True)
class Surroundings:
    """What of a command its tasks are to find wherever they are done.

    Attributes
    ----------
    folder
        The current folder, which must be there.
    paths
        Where its modules are found besides those of its Python; those that are there are taken.
    threads
        The variables that say with how many threads to compute.
    n_threads
        How many threads multiply matrices.
    """

    folder: str
    paths: tuple[str, ...]
    threads: tuple[tuple[str, str], ...]
    n_threads: int


def main(descriptor: int) -> None:
    """Answer whoever has the other end, until there is nobody or nothing more to do."""
    # Whoever interrupts a worker from the keyboard interrupts its whole group: the worker's end is seen below.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    threading.Thread(target=_leave_with_worker, daemon=True).start()
    with Connection(descriptor) as connection:
        _settle(connection.recv())
        while connection.poll(IDLE):
            answer = _answer(connection)
            try:
                connection.send(answer)
            except Exception as error:
                connection.send((False, WorkerDied(f"what came of it cannot be sent: {error}")))


def _answer(connection: Connection) -> tuple[bool, Any]:
    """Do what is asked for; say whether it has ended well, and with what."""
    try:
        function, args, kwargs = connection.recv()
    except EOFError:
        raise SystemExit from None
    except Exception as error:
        return False, WorkerDied(f"it cannot be had here: {type(error).__name__}: {error}")
    call: Callable[..., Any] = function
    try:
        return True, call(*args, **kwargs)
    # Another library's exception may not survive the way; its words do.
    except Exception as error:
        return False, WorkerDied(f"{type(error).__name__} {error}".strip())


def _settle(surroundings: Surroundings) -> None:
    """Make this process one like the command's own."""
    sys.path[:0] = [path for path in surroundings.paths if path not in sys.path and Path(path).exists()]
    # Each brings a library of its own that multiplies.
    import numpy as np  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    # With fewer, a product would have other last digits. A library may take no more at its start than there are cores.
    threadpool_limits(surroundings.n_threads, user_api="blas")


def _leave_with_worker() -> None:
    """End this process with the one that began it, which holds the other end of stdin and says nothing there."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
