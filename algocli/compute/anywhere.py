"""What a file and an object have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, Self, TypeVar, runtime_checkable


@runtime_checkable
class Place(Protocol):
    """Where something lies that is found, read and written whole: a `Path`, or an `Address`."""

    @property
    def name(self) -> str:
        """The last part of it."""

    @property
    def parent(self) -> Self:
        """All but the last part."""

    @property
    def parents(self) -> Sequence[Self]:
        """Its parent, that of this, and so on."""

    def __truediv__(self, name: str, /) -> Self: ...

    def __lt__(self, other: Any, /) -> bool: ...

    def is_file(self) -> bool:
        """Say whether something can be read there."""

    def glob(self, pattern: str, /) -> Iterable[Self]:
        """Return what lies below and is called so."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete what lies there."""


AnyPlace = TypeVar("AnyPlace", bound=Place)
