"""An engine that gathers what it is given for a moment and hands it on together: a queue takes arrays, not tasks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from algocli.compute.executors.tasks import Outcome, Task, perform

T = TypeVar("T")
# Seconds in which nothing comes in, after which what has come is all there is for now; and between looks.
_SETTLES, _LOOKS = 0.2, 0.5

Given = list[tuple[Task, Future[Outcome]]]


class Gathering(Executor):
    """Takes tasks one by one, and sends them on in batches from a thread of its own."""

    def __init__(self) -> None:
        self._given: Given = []
        self._since = 0.0
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have a task performed; nothing else is taken."""
        if fn is not perform or len(args) != 1 or kwargs:
            raise TypeError("only tasks are handed out: submit(perform, task)")
        future: Future[Any] = Future()
        with self._lock:
            self._given.append((args[0], future))
            self._since = time.monotonic()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Look after nothing any more."""
        self._is_over.set()
        if wait:
            self._thread.join()

    def send(self, given: Given) -> None:
        """Hand some tasks on; whatever it raises is what came of each."""
        raise NotImplementedError

    def look(self) -> None:
        """See what has ended."""

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits for what was handed on what is wrong."""

    def _serve(self) -> None:
        while not self._is_over.wait(_LOOKS):
            given = self._settled()
            try:
                if given:
                    self.send(given)
            # Who waits for a future is told whatever it is; a thread that died of it would leave them waiting.
            except BaseException as error:
                for _, future in given:
                    if not future.done():
                        future.set_exception(error)
            try:
                self.look()
            # A disk or a network that does not answer now may answer later.
            except OSError:
                continue
            except Exception as error:
                self.fail(error)

    def _settled(self) -> Given:
        """Take what has come, once nothing more does."""
        with self._lock:
            if not self._given or time.monotonic() - self._since < _SETTLES:
                return []
            given, self._given = self._given, []
        # From here on it is under way, and cannot be taken back.
        return [(task, future) for task, future in given if future.set_running_or_notify_cancel()]
