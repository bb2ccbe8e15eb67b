"""A console of rich's that leaves a broken pipe to the command line."""

from __future__ import annotations

from rich.console import Console


class Screen(Console):
    """Prints as rich does."""

    def on_broken_pipe(self) -> None:
        """Raise an error: rich would exit with 1; that the reader has left is none, and one place says so."""
        raise BrokenPipeError
