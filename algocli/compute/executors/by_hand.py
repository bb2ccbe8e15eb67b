"""What somebody submits by hand: a list of tasks, and a file for sbatch of which each element works on one line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from algocli.compute.executors.arrays import JobArray, JobRow, new_array
from algocli.compute.executors.gathering import Gathering, Given
from algocli.compute.executors.lists import Line
from algocli.compute.executors.slurm_request import lines_of, parameters_for
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.standing import in_queue, other_settings
from algocli.compute.executors.tasks import Task
from algocli.compute.files import publish
from algocli.compute.track import Note
from algocli.errors import ByHand, EngineFault

SCRIPT = "array.sbatch"
# What is no option of sbatch's.
_OURS = ("setup", "teardown", "array_parallelism", "use_srun", "srun_args", "additional_parameters", "stderr_to_stdout")


class Writer(Gathering):
    """Writes tasks down instead of having them done."""

    def __init__(self, settings: SlurmSettings, cache_dir: Path, note: Note) -> None:
        self._settings, self._cache_dir, self._note = settings, cache_dir, note
        super().__init__()

    def send(self, given: Given) -> None:
        """Write a list and a script of what is not in SLURM's queue.

        Raises
        ------
        ByHand
            Once they are written.
        EngineFault
            If all is in the queue.
        """
        tasks = self._left([task for task, _ in given])
        about = {"engine": "sbatch", "command": sys.argv, "jobs": [], "settings": self._settings.as_words}
        array = new_array(self._cache_dir, lines_of(tasks, self._settings), about, by_hand=True)
        script = array.folder / SCRIPT
        asked = parameters_for(tasks, self._settings)
        text = script_of(array, len(tasks), asked, self._settings.python)
        publish(script, lambda stream: stream.write(text.encode()))
        raise ByHand(array.list_path, script, len(tasks))

    def _left(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that nobody has submitted, nor other parts of the same work, as far as SLURM says."""
        earlier: list[tuple[JobArray, JobRow, Line]] = []
        # There may be no SLURM where a list is written.
        with suppress(EngineFault):
            earlier = in_queue(self._cache_dir)
        lines = lines_of(tasks, self._settings)
        busy, wanted = {line.whole for _, _, line in earlier}, {line.whole for line in lines}
        left = [task for task, line in zip(tasks, lines, strict=True) if line.whole not in busy]
        n_busy = len(tasks) - len(left)
        if n_busy:
            jobs = [(array, row) for array, row, line in earlier if line.whole in wanted]
            for line in other_settings(jobs, self._settings):
                self._note(line)
            numbers = " and ".join(sorted({row.job.split("_")[0] for _, row in jobs}))
            told = f"{n_busy} of these tasks {'are' if n_busy > 1 else 'is'} in SLURM's queue already, as job {numbers}"
            if not left:
                raise EngineFault(f"{told}: nothing is left to submit", hint="algocli jobs shows how they stand")
            self._note(told)
        return left


def script_of(array: JobArray, n_tasks: int, asked: Mapping[str, Any], python: str | None) -> str:
    """Return what sbatch takes: options, lines to prepare a node, and one line of the list for each element."""
    options = {word.replace("_", "-"): value for word, value in asked.items() if word not in _OURS}
    options |= {"array": f"0-{n_tasks - 1}%{min(n_tasks, asked['array_parallelism'])}", "chdir": Path.cwd()}
    options |= {"output": array.logs / "%A_%a.log", "open-mode": "append", **asked.get("additional_parameters", {})}
    # By which it is found in the queue, though the file itself is piped into sbatch or copied.
    options.setdefault("comment", array.folder / SCRIPT)
    told = [_option(word, value) for word, value in sorted(options.items()) if value is not None and value is not False]
    start = python or shlex.quote(sys.executable)
    run = f"{start} -u -m algocli work {shlex.quote(str(array.list_path))}"
    if asked.get("use_srun"):
        run = shlex.join(["srun", *asked.get("srun_args", ())]) + " " + run
    lines = ["#!/bin/bash", *told, "", *asked["setup"], "", run, *asked.get("teardown", ())]
    return "\n".join(lines) + "\n"


def _option(word: str, value: object) -> str:
    return f"#SBATCH --{word}" if value is True else f"#SBATCH --{word}={shlex.quote(str(value))}"
