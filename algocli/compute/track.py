"""How data functions speak while they work: what is drawn or printed is the caller's affair."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from algocli.compute.remarks import counted

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


def once(note: Note) -> Note:
    """Note no line a second time: what is said of a subject is said of it for every layer."""
    said = set[str]()

    def noted(line: str) -> None:
        if line not in said:
            said.add(line)
            note(line)

    return noted


def shown(items: Iterable[T], *, total: int, label: str, unit: str = "") -> Iterable[T]:
    """Show how far it is where somebody sits before it, in a notebook or at Python's prompt; nothing in a script."""
    return _counted(items, total, label, unit) if _is_interactive() else items


def said_aside(message: str) -> None:
    """Say a sentence where somebody sits before it; nothing in a script."""
    if _is_interactive():
        print(f"note: {message}", file=sys.stderr)


def _is_interactive() -> bool:
    # IPython sets no prompt of Python's own, and its kernel has no terminal.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return hasattr(sys, "ps1") or (shell is not None and shell() is not None)


def _counted(items: Iterable[T], total: int, label: str, unit: str) -> Iterator[T]:
    """Write one line over and over, twice a second, and keep what it said last."""
    begun, n_items = time.monotonic(), 0
    told = begun
    for n_done, item in enumerate(items):
        if time.monotonic() - told > 0.5:
            told = time.monotonic()
            _write_over(f"{label}: {done_of(n_done, total, unit)}")
        yield item
        n_items = n_done + 1
    if told > begun:
        _write_over(f"{label}: {done_of(n_items, total, unit, whole=True)} in {time.monotonic() - begun:.0f} s\n")


def done_of(n_done: int, total: int, unit: str, *, whole: bool = False) -> str:
    """Say how much is done, as in '3 of 5 subjects'; at the end, where it is the `whole`, '5 subjects'."""
    if whole and n_done >= total:
        return counted(n_done, unit) if unit else f"{n_done}"
    return f"{n_done} of {counted(total, unit) if unit else total}"


def _write_over(text: str) -> None:
    # A notebook knows the return of the carriage, and nothing that erases.
    print(f"\r{text:<79}", end="", file=sys.stderr, flush=True)
