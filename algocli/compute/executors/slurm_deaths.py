"""What SLURM's jobs die of, and what in the file for SLURM would have kept them alive."""

from __future__ import annotations

import re
import shlex
from contextlib import suppress
from pathlib import Path

from algocli.compute.executors.local import WorkerDied
from algocli.compute.executors.slurm_settings import SlurmSettings

# Begins the line by which a line of `setup` that fails ends a job.
SETUP_FAILED = "a line of setup failed"
_NOT_THERE = re.compile(r"no such file or directory|not found|permission denied|no module named", re.IGNORECASE)
_OF_MEMORY = re.compile(r"out.of.memory|oom.kill|MemoryError|cannot allocate memory", re.IGNORECASE)


class JobDied(WorkerDied):
    """A job ended before its task did.

    Parameters
    ----------
    hint
        What may help.
    """

    def __init__(self, said: str, *, hint: str) -> None:
        super().__init__(said)
        self.hint = hint


def remedy_for(said: str, state: str | None, settings: SlurmSettings) -> str:
    """Return what to change for a job not to die again, given the end of its log and what SLURM says of it.

    Examples
    --------
    >>> from algocli.compute.executors.slurm_deaths import remedy_for
    >>> from algocli.compute.executors.slurm_settings import SlurmSettings
    >>> remedy_for("", "TIMEOUT", SlurmSettings())
    'time in the file for SLURM (slurm:FILE.toml) says how long a task may take'
    """
    where = str(settings.source or "the file for SLURM (slurm:FILE.toml)")
    if SETUP_FAILED in said:
        return f"setup in {where} says what a job does before Python starts; a line that may fail ends in || true"
    if _lacks_python(said, settings):
        return f"python in {where} is the command that starts Python on a node, with algocli and submitit"
    if state == "TIMEOUT" or "DUE TO TIME LIMIT" in said:
        return f"time in {where} says how long a task may take"
    if state == "OUT_OF_MEMORY" or _OF_MEMORY.search(said):
        return f"mem in {where} says how much memory a task may take"
    return f"the log says more; {where} says what a job is given: mem, time, python, setup"


def lacking_python(settings: SlurmSettings) -> str:
    """Return the program that is to start Python and is not on this machine, by its path; nothing where it may be."""
    program = _program_of(settings)
    is_path = "/" in program and not any(letter in program for letter in "$~`")
    return program if is_path and not Path(program).exists() else ""


def _lacks_python(said: str, settings: SlurmSettings) -> bool:
    lines = [line for line in said.splitlines() if _NOT_THERE.search(line)]
    named = [word for word in (_program_of(settings), "submitit", "algocli") if word]
    return any(_is_about(line, word) for line in lines for word in named)


def _is_about(line: str, word: str) -> bool:
    """Say whether a complaint is about a program or a module, not a file whose path has its name."""
    return bool(re.search(rf"(^|[\s:'\"]){re.escape(word)}('|\"|:|$|\s)", line))


def _program_of(settings: SlurmSettings) -> str:
    words: list[str] = []
    with suppress(ValueError):
        words = shlex.split(settings.python or "")
    return words[0] if words else ""
