"""How data functions show progress: they wrap an iterable, and what is drawn is the caller's affair."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Wraps an iterable of `total` items; `label` says what is done, `unit` what an item is."""

    def __call__(self, items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]: ...


def silent(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]:
    """Show nothing."""
    return items
