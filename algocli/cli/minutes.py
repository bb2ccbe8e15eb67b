"""What is told of long work where no bar can be drawn: a line now and then, whether or not anything is done meanwhile.

Of what a cluster does much comes at once, and then nothing for minutes: a line for an item would count the first of
many that have come together, and stay away where somebody wonders whether the work is alive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable


class Minutes:
    """Tells something every so many seconds from a thread of its own, until it is stopped.

    Parameters
    ----------
    tell
        Is called each time.
    every
        Seconds from one time to the next.
    """

    def __init__(self, tell: Callable[[], None], every: float) -> None:
        self._tell, self._every = tell, every
        self._is_over, self._telling = threading.Event(), threading.Lock()
        threading.Thread(target=self._go_on, daemon=True).start()

    def stop(self) -> None:
        """Tell nothing any more: when this returns, nothing is being told, either."""
        self._is_over.set()
        with self._telling:
            pass

    def _go_on(self) -> None:
        while not self._is_over.wait(self._every):
            with self._telling:
                if not self._is_over.is_set():
                    self._tell()
