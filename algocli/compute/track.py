"""How data functions speak while they work: what is drawn or printed is the caller's affair."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")
# Says something by the way, in one sentence.
Note = Callable[[str], None]


class Track(Protocol):
    """Wraps an iterable of `total` items; `label` says what is done, `unit` what an item is."""

    def __call__(self, items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]:
        """Return an iterable over the same items."""
        ...


def silent(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]:
    """Show nothing."""
    return items


def unheard(message: str) -> None:
    """Say nothing."""
