"""algocli jobs: what was handed to a cluster, and how it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from inspect import cleandoc
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import DEFAULT_CACHE_DIR, CacheDir, Json, Quiet, in_same_folders

if TYPE_CHECKING:
    from algocli.compute.executors.arrays import JobRow

# Columns of a help that no terminal breaks.
_WIDTH = 76
_STATES = ("running", "queued", "listed", "failed", "done", "damaged")


def jobs(
    every: Annotated[bool, typer.Option("--all", help="Also list tasks that are done, one by one.")] = False,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what is queued, running, done and failed on SLURM.

    That is read from the cache's own records and from squeue, so any login node can tell; beside 'queued' stands why,
    in SLURM's word. Tasks that were written down with --print are 'listed' until somebody submits them. A command that
    is repeated takes up what is queued or running; of what failed it tries again what is not done. A task that was
    handed out several times is shown as it stands now, and with --all each time.
    """
    from algocli.cli.console import note, show_json
    from algocli.compute.cache_places import name_of_cache
    from algocli.compute.executors.arrays import DAMAGED, command_of
    from algocli.compute.executors.standing import list_jobs

    rows, is_told = list_jobs(cache_dir)
    if as_json:
        show_json({"jobs": rows})
        return
    if not rows:
        note(
            f"nothing in {name_of_cache(cache_dir)} was handed to SLURM, or 'algocli cache gc' has cleared it away",
            quiet=quiet,
        )
        return
    if not is_told:
        note("squeue does not answer here: what it would say is missing", quiet=quiet)
    for array, alike in groupby(rows, key=lambda row: row.array):
        _show(array, command_of(array), list(alike), every)
    if any(row.state == DAMAGED for row in rows):
        clearing = in_same_folders("algocli cache gc", cache_dir=cache_dir)
        remark = "what cannot be read is cleared away, the command that handed it out does what is not done"
        note(f"{clearing}: {remark}; squeue --me says whether jobs of it are left", quiet=quiet)


def _show(array: Path, command: str, rows: Sequence[JobRow], every: bool) -> None:
    from algocli.cli.console import show_line, show_remark, show_table
    from algocli.compute.executors.arrays import DAMAGED

    # What was handed out again is counted there.
    counts = Counter(row.state for row in rows if not row.is_past)
    parts = [f"{counts[state]} {state}" for state in _STATES if counts[state]]
    n_past = sum(row.is_past for row in rows)
    if n_past and every:
        parts.append(f"{n_past} handed out again since")
    if not parts:
        return
    show_line(f"{array.name}: {', '.join(parts)}")
    if command:
        show_remark(command, indent=2)
    for row in rows:
        if row.state == DAMAGED:
            show_line(f"  {row.said}")
    listed = [row for row in rows if row.state != DAMAGED and (every or (row.state != "done" and not row.is_past))]
    if listed:
        show_table(("Task", "State", "Job", "Node", "Time"), [_cells(row) for row in listed], left=4)
    for row in listed:
        if row.state == "failed":
            show_line(f"  {row.task}: {row.said.splitlines()[-1] if row.said else 'it ended without a word'}")
            show_line(f"    {row.log}")
    print()


def _cells(row: JobRow) -> tuple[str, ...]:
    import time

    from algocli.cli.console import DASH, age

    # Of one that was killed nobody may know when.
    ended_at = time.time() if row.state == "running" else row.ended_at
    lasted = DASH if row.began_at is None or ended_at is None else age(ended_at - row.began_at)
    state = row.state
    if state == "queued" and row.said not in ("", "None"):
        state += f" ({row.said})"
    if row.is_past:
        state += ", handed out again"
    return row.task, state, row.job or DASH, row.host or DASH, lasted


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    from algocli.compute.executors.slurm_keys import tell_keys

    # The mark keeps what follows from being made one paragraph.
    keys = [part for line in tell_keys() for part in wrap(line, _WIDTH, initial_indent="  ", subsequent_indent=" " * 6)]
    listed = "\n".join(["\b", "What FILE of --cluster slurm:FILE.toml may say; what holds without it:", *keys])
    app.command("jobs", help=f"{cleandoc(jobs.__doc__ or '')}\n\n{listed}")(jobs)
