"""How far the workers of a cluster are all together, by records of what is done, shown while they are at it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from algocli.compute.track import Track

# Seconds between two looks at records: each is a listing of a folder or more, on a disk that others want, too.
LOOKS = 2.0
Look = Callable[[], None]


@contextmanager
def shown(track: Track, n_done: Callable[[], int], *, total: int, label: str, unit: str) -> Iterator[Look]:
    """Yield what has to be called again and again within a `with` block for progress to be shown.

    Parameters
    ----------
    n_done
        Says how many of `total` are done since the block began; it is asked now and then.

    Examples
    --------
    >>> from algocli.compute.executors.progress import shown
    >>> from algocli.compute.track import silent
    >>> with shown(silent, lambda: 3, total=3, label="features", unit="images") as look:
    ...     look()
    """
    far = _Far(track, n_done, total, label, unit)
    try:
        yield far.look
        far.catch_up()
    finally:
        far.end()


class _Far:
    def __init__(self, track: Track, n_done: Callable[[], int], total: int, label: str, unit: str) -> None:
        self._n_done, self._n_shown, self._looked = n_done, 0, time.monotonic()
        # Whoever shows progress takes items one by one, and counts one as done when it asks for the next.
        self._items = iter(track(range(total), total=total, label=label, unit=unit))
        next(self._items, None)

    def look(self) -> None:
        """Show how far it is, if the last look is some time ago."""
        if time.monotonic() - self._looked >= LOOKS:
            self.catch_up()

    def catch_up(self) -> None:
        """Show how far it is."""
        n_done = self._n_done()
        for _ in range(n_done - self._n_shown):
            next(self._items, None)
        self._n_shown, self._looked = max(n_done, self._n_shown), time.monotonic()

    def end(self) -> None:
        """Show nothing more."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()
