"""algocli work: one line of a list of tasks, as an element of a job array works on it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from algocli.cli.options import Quiet

_INDEX = "Which line, counted from 0; by default the number of the array's element, $SLURM_ARRAY_TASK_ID."


def work(
    tasks: Annotated[Path, typer.Argument(metavar="TASKFILE", help="What --cluster slurm --print has written.")],
    index: Annotated[int | None, typer.Option(min=0, metavar="N", help=_INDEX)] = None,
    quiet: Quiet = False,
) -> None:
    """Work on one line of a list of tasks, as a job array does.

    A list does what its lines say, with all your rights: it is taken only where nobody but you can write it. What is
    done already is not done again; when all lines are done, the command that wrote the list goes on from there.
    """
    from algocli.cli.console import noter
    from algocli.compute.executors.lists import work as work_on

    outcome = work_on(tasks, _element() if index is None else index)
    for line in outcome.notes:
        noter(quiet)(line)
    if outcome.crash:
        raise RuntimeError(outcome.crash)
    if outcome.error is not None:
        raise outcome.error


def _element() -> int:
    from algocli.errors import UsageError

    said = os.environ.get("SLURM_ARRAY_TASK_ID", "")
    if not said.isdecimal():
        raise UsageError("which line of the list is to be worked on is not said", hint="--index 0 is the first")
    return int(said)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("work")(work)
