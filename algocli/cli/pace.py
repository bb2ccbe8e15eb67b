"""How fast something goes, from the moments at which its items were done."""

from __future__ import annotations

from datetime import timedelta

# What comes so soon after the first, in seconds, has come with it: a batch, or what a worker has brought.
_TOGETHER = 0.5


class Pace:
    """Counts items. What came first has waited for what starts up, and is no sign of what follows."""

    def __init__(self) -> None:
        self.n_done = 0
        self._n_first, self._first, self._since, self._now = 0, 0.0, 0.0, 0.0

    def count(self, now: float) -> None:
        """Count an item that is done at that time, in seconds."""
        self.n_done += 1
        self._now = now
        if self.n_done == 1:
            self._first = now
        if now - self._first < _TOGETHER:
            self._n_first, self._since = self.n_done, now

    @property
    def per_second(self) -> float | None:
        """How many are done in a second; None where too few are done to tell."""
        n_since = self.n_done - self._n_first
        return n_since / (self._now - self._since) if n_since else None

    def seconds_left(self, total: int) -> float | None:
        """Return how long the rest will take; None where nobody can tell."""
        rate = self.per_second
        return (total - self.n_done) / rate if rate else None

    def clock_left(self, total: int) -> str:
        """Return the same as a clock shows it."""
        left = self.seconds_left(total)
        return "-:--:--" if left is None else str(timedelta(seconds=int(left)))
