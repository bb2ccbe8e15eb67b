"""Command lines as their users typed them, whichever way the program was started."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath


def as_typed(words: Sequence[object]) -> list[str]:
    """Return the words of a command line, as `sys.argv` has them, without the folder that the program lies in.

    Examples
    --------
    >>> as_typed(["/opt/venv/bin/algocli", "train"])
    ['algocli', 'train']
    >>> as_typed(["/opt/lib/algocli/__main__.py", "train"])
    ['python', '-m', 'algocli', 'train']
    """
    if not words:
        return []
    program = PurePath(str(words[0])).name
    # What python -m runs is called so.
    first = ["python", "-m", "algocli"] if program == "__main__.py" else [program]
    return [*first, *map(str, words[1:])]


def write_command(words: Sequence[object]) -> str:
    """Return a command line in one line, to be pasted into a shell.

    Examples
    --------
    >>> write_command(["/opt/lib/algocli/__main__.py", "train", "--run", "my run"])
    "python -m algocli train --run 'my run'"
    """
    return shlex.join(as_typed(words))
