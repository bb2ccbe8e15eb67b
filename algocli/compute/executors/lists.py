"""A list of tasks in a file, a line each, and how one line is worked on; beside it, what came of every line.

A list is a command: whoever can write it decides what is done. Only one that nobody but its owner can write is taken.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algocli.compute.executors.descriptions import describe, restore
from algocli.compute.executors.tasks import Outcome, Task, perform
from algocli.compute.files import publish, read_json, write_json
from algocli.compute.kinds import NUMBER, mismatch
from algocli.compute.opening import LARGEST_TEXT, open_file
from algocli.errors import DataError, UsageError, first_line, reading

# The list, and the folder of what came of its lines, within the folder of an array.
LIST, ENDS = "tasks.jsonl", "ends"
_END = {**dict.fromkeys(("state?", "said?", "host?", "job?"), str), "began_at?": NUMBER, "ended_at?": NUMBER}
_LINE = dict.fromkeys(("label", "digest", "whole", "folder", "version"), str) | {"description": dict, "threads": int}
_REMEDY = "the command that wrote it writes another"


@dataclass(frozen=True)
class Line:
    """A task as a list has it.

    Attributes
    ----------
    label
        What a message calls it.
    digest, whole
        What tells it from all others, and the work that it is a part of from all other work.
    description
        The task.
    threads
        How many threads multiply a matrix: with another number a product has other last digits.
    folder
        The folder that its relative paths are meant from.
    version
        Of algocli.
    """

    label: str
    digest: str
    whole: str
    description: dict[str, Any]
    threads: int
    folder: str
    version: str


def line_of(task: Task, threads: int) -> Line:
    """Write a task down.

    Raises
    ------
    UsageError
        If it cannot be.
    """
    from algocli import __version__

    description = describe(task)
    whole = describe(getattr(task, "whole", task))
    # In another folder the same words mean something else.
    folder = str(Path.cwd())
    digests = _digest(description, folder), _digest(whole, folder)
    return Line(task.label, *digests, description, threads, folder, __version__)


def write_list(path: Path, lines: Sequence[Line]) -> None:
    """Publish a list of tasks."""
    publish(path, lambda stream: stream.writelines(json.dumps(vars(line)).encode() + b"\n" for line in lines))


def digest_of(lines: Sequence[Line]) -> str:
    """Return what tells some tasks from others."""
    return hashlib.sha256("".join(line.digest for line in lines).encode()).hexdigest()[:12]


def read_list(path: Path) -> list[Line]:
    """Read a list of tasks, none of which is made yet.

    Raises
    ------
    UsageError
        If others than its owner can write it, or its owner is neither this user nor root.
    DataError
        If it is damaged.
    """
    with open_file(path, LARGEST_TEXT) as stream, reading(path):
        _refuse_others(path, os.fstat(stream.fileno()))
        texts = stream.read().splitlines()
    try:
        lines = [json.loads(text) for text in texts]
        problem = mismatch(lines, [_LINE])
        if problem is not None:
            raise ValueError(problem)
        return [Line(**line) for line in lines]
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged, or no list of tasks", hint=_REMEDY) from error


def work(path: Path, index: int) -> Outcome:
    """Do the task in one line of a list, from 0 on, and keep what came of it beside the list.

    Raises
    ------
    UsageError
        If there is no such line, or others can write the list.
    DataError
        If the list is damaged, or of another version.
    """
    lines = read_list(path)
    if not 0 <= index < len(lines):
        raise UsageError(f"{path} has lines 0 to {len(lines) - 1}, and no line {index}", hint="count from 0")
    line = lines[index]
    with _kept(path.parent / ENDS / f"{index}.json", line) as ended:
        task = made(path, line)
        # Relative paths are those of whoever wrote the list.
        os.chdir(line.folder)
        with _multiplying(line):
            outcome = perform(task)
        ended.append(outcome)
    return outcome


def made(path: Path, line: Line) -> Task:
    """Make the task of a line of a list.

    Raises
    ------
    DataError
        If it is damaged, or of another version.
    """
    from algocli import __version__

    if line.version != __version__:
        raise DataError(
            f"{path} was written by algocli {line.version}; this is {__version__}",
            hint="have the same version on all machines, or repeat the command that wrote it",
        )
    if _digest(line.description, line.folder) != line.digest:
        raise DataError(f"{path}: {line.label} is damaged", hint=_REMEDY)
    task: Task = restore(line.description)
    if not callable(getattr(task, "run", None)):
        raise DataError(f"{path}: {line.label} is no task", hint=_REMEDY)
    return task


@contextmanager
def _kept(path: Path, line: Line) -> Iterator[list[Outcome]]:
    """Keep how a task goes: that it has begun, and how it ended, where it does."""
    told: dict[str, Any] = {"label": line.label, "began_at": time.time(), "state": "running", "said": ""}
    told |= {"host": os.uname().nodename, "job": job_here()}
    path.parent.mkdir(exist_ok=True)
    write_json(path, told)
    ended: list[Outcome] = []
    try:
        yield ended
    except Exception as error:
        write_json(path, told | {"state": "failed", "said": first_line(error), "ended_at": time.time()})
        raise
    said = "" if ended[0].error is None else ended[0].error.message
    state = "done" if ended[0].error is None else "failed"
    write_json(path, told | {"state": state, "said": said, "ended_at": time.time()})


@contextmanager
def _multiplying(line: Line) -> Iterator[None]:
    """Multiply as whoever handed a task out would."""
    from threadpoolctl import threadpool_limits

    # numpy is there by now, and its products with it.
    with threadpool_limits(line.threads or None, user_api="blas"):
        yield


def end_of(folder: Path, index: int) -> dict[str, Any] | None:
    """Return what is kept of a line of the list in a folder; None where it has not begun."""
    with suppress(DataError):
        end = read_json(folder / ENDS / f"{index}.json")
        return end if mismatch(end, _END) is None else None
    return None


def job_here() -> str:
    """Return the id of the job that this process is in, as SLURM writes it; nothing where it is in none."""
    array, index = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{index}" if array and index else os.environ.get("SLURM_JOB_ID", "")


def _digest(description: Any, folder: str) -> str:
    words = json.dumps([description, folder], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _refuse_others(path: Path, about: os.stat_result) -> None:
    """Refuse a list that somebody else has written, or may write."""
    folder = os.stat(path.parent)
    others = stat.S_IWGRP | stat.S_IWOTH
    # Into a folder that is one's own alone nobody comes, whatever the files in it allow.
    is_open = folder.st_mode & (stat.S_IRWXG | stat.S_IRWXO) and (folder.st_mode | about.st_mode) & others
    if is_open or not {folder.st_uid, about.st_uid} <= {os.getuid(), 0}:
        raise UsageError(
            f"others than you can write {path}: what it says is not done",
            hint=f"where you trust it, make it and its folder yours alone, with chown and chmod go-w '{path.parent}'",
        )
