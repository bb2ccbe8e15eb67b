"""Work that releases the interpreter's lock (reading, hashing, decoding), spread over threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

T = TypeVar("T")
R = TypeVar("R")
# Who wants products by themselves, and what is done so that they are, as long as there is somebody.
_wanted: list[Any] = []
_lock = Lock()


@contextmanager
def each_by_itself() -> Iterator[None]:
    """Have matrix products within a `with` block run in the threads that ask for them, and in no others.

    Many small ones in several threads, each spread over all cores, would wait for one another most of the time. The
    whole process has one such limit: blocks may begin and end in any order, as those of generators and threads do.
    """
    from threadpoolctl import threadpool_limits

    with _lock:
        _wanted.append(_wanted[0] if _wanted else threadpool_limits(1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _wanted.pop()
            if not _wanted:
                limit.restore_original_limits()


def to_its_end(function: Callable[[], R]) -> R:
    """Call what goes on in threads of its own, and would go on after an interrupt: whoever is interrupted waits for it.

    zarr writes so. A file that it has begun stands under another name until it is whole.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        # An interrupt while a thread is being started would leave it behind, unknown to the pool.
        pool.submit(int).result()
        return pool.submit(function).result()


def one_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield items, the next of which is made in a thread of its own while the one before is in use."""
    from concurrent.futures import ThreadPoolExecutor

    each, end = iter(items), object()
    pool, waits = ThreadPoolExecutor(1), True
    try:
        coming = pool.submit(next, each, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, each, end)
            yield item  # type: ignore[misc]
    except GeneratorExit:
        # As below.
        waits = False
        raise
    finally:
        pool.shutdown(wait=waits)


def in_threads(function: Callable[[T], R], items: Sequence[T], *, n_threads: int, batch: int = 1) -> Iterator[R]:
    """Apply `function` to every item; the results come in the items' order.

    Parameters
    ----------
    batch
        Items handed to a thread at once: a hand-over costs more than a short task.
    """
    from concurrent.futures import ThreadPoolExecutor

    groups = [items[start : start + batch] for start in range(0, len(items), batch)]
    pool, waits = ThreadPoolExecutor(n_threads), True
    try:
        for results in pool.map(lambda group: [function(item) for item in group], groups):
            yield from results
    except GeneratorExit:
        # Whoever was to take the results has failed, and Python may come by to clear up in any thread: in one that is
        # just starting, waiting for other threads would never end.
        waits = False
        raise
    finally:
        # After an interrupt or an error the thousands that wait must not run first.
        pool.shutdown(wait=waits, cancel_futures=True)


def ahead(executor: Executor, function: Callable[[T], R], items: Iterable[T], *, depth: int) -> Iterator[R]:
    """Yield function(item) in order, computed in the executor up to `depth` items ahead."""
    queue: deque[Future[R]] = deque()
    try:
        for item in items:
            queue.append(executor.submit(function, item))
            if len(queue) >= depth:
                yield queue.popleft().result()
        while queue:
            yield queue.popleft().result()
    finally:
        for future in queue:
            future.cancel()
