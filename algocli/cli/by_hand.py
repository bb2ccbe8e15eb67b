"""What was written down to be submitted by hand, shown: the list, the file for sbatch, and what submits it."""

from __future__ import annotations

import shlex

from algocli.errors import ByHand


def show_by_hand(written: ByHand, *, as_json: bool, quiet: bool) -> None:
    """Show where tasks were written down, on stdout, and say how it goes on."""
    from algocli.cli.console import count, note, show_json, show_line, show_path

    command = f"sbatch {shlex.quote(str(written.script))}"
    if as_json:
        told = {"tasks": written.tasks, "script": written.script, "n_tasks": written.n_tasks, "command": command}
        show_json(told)
        return
    show_path(written.tasks)
    show_path(written.script)
    show_line(command)
    note(
        f"{count(written.n_tasks, 'task')} to submit; when they are done, the same command goes on from there, with "
        "--print where more is to be submitted",
        quiet=quiet,
    )
