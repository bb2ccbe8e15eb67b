"""How all tasks stand that were handed to SLURM: by records in a cache, and by what SLURM says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from algocli.compute.executors.arrays import (
    DAMAGED,
    JobArray,
    JobRow,
    arrays_in,
    fault_of,
    readable_arrays,
)
from algocli.compute.executors.lists import Line
from algocli.compute.executors.slurm_queue import Queue, ask_queue
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.errors import AlgocliError, EngineFault

# How a task stands that somebody has in hand.
LIVE_HERE = ("queued", "running")


def list_jobs(cache_dir: Path) -> tuple[list[JobRow], bool]:
    """Say how all tasks in a cache stand that were handed out, and whether SLURM has said its part.

    An array that cannot be read is a row by itself, and hides no other. Of several attempts at a task all but the last
    are past.
    """
    arrays = {array.folder: fault_of(array) for array in arrays_in(cache_dir)}
    whole = [JobArray(folder) for folder, fault in arrays.items() if fault is None]
    queue = _queue_of(whole)
    written = {array.folder: float(array.about.get("began_at") or 0) for array in whole}
    rows = _marked({array.folder: array.rows(queue) for array in whole}, written)
    rows |= {folder: [_damaged(folder, fault)] for folder, fault in arrays.items() if fault is not None}
    return [row for folder in arrays for row in rows[folder]], queue is not None


def _marked(rows: Mapping[Path, list[JobRow]], written: Mapping[Path, float]) -> dict[Path, list[JobRow]]:
    """Mark as past what was tried again since, given when each array was handed out."""
    attempts: dict[tuple[str, str], list[JobRow]] = {}
    for row in (row for some in rows.values() for row in some if row.state != "listed"):
        attempts.setdefault((row.whole, row.task), []).append(row)

    def is_past(row: JobRow) -> bool:
        others = [other for other in attempts.get((row.whole, row.task), ()) if other.array != row.array]
        if row.state == "listed":
            # Others have it in hand, or have done it after it was written down.
            return any(
                other.state in LIVE_HERE or (other.state == "done" and (other.ended_at or 0) > written[row.array])
                for other in others
            )
        return row.state not in LIVE_HERE and any(written[other.array] > written[row.array] for other in others)

    return {folder: [replace(row, is_past=is_past(row)) for row in some] for folder, some in rows.items()}


def _damaged(folder: Path, fault: AlgocliError) -> JobRow:
    return JobRow(folder, None, "", DAMAGED, "", "", fault.message, JobArray(folder).logs, None, None)


def in_queue(cache_dir: Path) -> list[tuple[JobArray, JobRow, Line]]:
    """Return what earlier commands have in the queue, and what somebody has submitted by hand.

    Raises
    ------
    EngineFault
        If SLURM does not say.
    """
    # What cannot be read is nothing to wait for.
    arrays = readable_arrays(cache_dir)
    queue = _queue_of(arrays)
    if queue is None:
        raise EngineFault("SLURM does not answer", hint="squeue says more")
    return [
        (array, row, line)
        for array in arrays
        for row, line in zip(array.rows(queue), array.lines, strict=True)
        if row.state in LIVE_HERE and row.job
    ]


def other_settings(jobs: Iterable[tuple[JobArray, JobRow]], settings: SlurmSettings) -> list[str]:
    """Say of jobs in the queue, once of each array, that they were asked for with other settings than a command's."""
    asked, told = settings.as_words, list[str]()
    for number, array in {row.job.split("_")[0]: array for array, row in jobs}.items():
        before = array.about.get("settings")
        # Who has handed it out has not said.
        if before is None or before == asked:
            continue
        words = ", ".join(sorted(word for word in {*before, *asked} if before.get(word) != asked.get(word)))
        now = f"{settings.source} has now" if settings.source else "are asked for now"
        told.append(
            f"job {number} was asked for with other settings than {now} ({words}): scancel {number} first, and the "
            "same command asks anew"
        )
    return told


def _queue_of(arrays: Sequence[JobArray]) -> Queue | None:
    if not arrays:
        return Queue()
    return ask_queue({array.job(index) for array in arrays for index in range(len(array.lines))} - {""})
