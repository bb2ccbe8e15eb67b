"""What somebody submits by hand: a list of tasks, and a file for sbatch of which each element works on one line."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from algocli.compute.executors.arrays import JobArray, new_array
from algocli.compute.executors.gathering import Gathering, Given
from algocli.compute.executors.slurm_request import lines_of, parameters_for
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.files import publish
from algocli.errors import ByHand

_SCRIPT = "array.sbatch"
# What is no option of sbatch's.
_OURS = ("setup", "teardown", "array_parallelism", "use_srun", "srun_args", "additional_parameters", "stderr_to_stdout")


class Writer(Gathering):
    """Writes tasks down instead of having them done."""

    def __init__(self, settings: SlurmSettings, cache_dir: Path) -> None:
        self._settings, self._cache_dir = settings, cache_dir
        super().__init__()

    def send(self, given: Given) -> None:
        """Write a list and a script.

        Raises
        ------
        ByHand
            Always, once they are written.
        """
        tasks = [task for task, _ in given]
        about = {"engine": "sbatch", "command": sys.argv, "jobs": []}
        array = new_array(self._cache_dir, lines_of(tasks, self._settings), about, by_hand=True)
        script = array.folder / _SCRIPT
        asked = parameters_for(tasks, self._settings)
        text = script_of(array, len(tasks), asked, self._settings.python)
        publish(script, lambda stream: stream.write(text.encode()))
        raise ByHand(array.list_path, script, len(tasks))


def script_of(array: JobArray, n_tasks: int, asked: Mapping[str, Any], python: str | None) -> str:
    """Return what sbatch takes: options, lines to prepare a node, and one line of the list for each element."""
    options = {word.replace("_", "-"): value for word, value in asked.items() if word not in _OURS}
    options |= {"array": f"0-{n_tasks - 1}%{min(n_tasks, asked['array_parallelism'])}", "chdir": Path.cwd()}
    options |= {"output": array.logs / "%A_%a.log", "open-mode": "append", **asked.get("additional_parameters", {})}
    told = [_option(word, value) for word, value in sorted(options.items()) if value is not None and value is not False]
    start = python or shlex.quote(sys.executable)
    run = f"{start} -u -m algocli work {shlex.quote(str(array.list_path))}"
    if asked.get("use_srun"):
        run = shlex.join(["srun", *asked.get("srun_args", ())]) + " " + run
    lines = ["#!/bin/bash", *told, "", *asked["setup"], "", run, *asked.get("teardown", ())]
    return "\n".join(lines) + "\n"


def _option(word: str, value: object) -> str:
    return f"#SBATCH --{word}" if value is True else f"#SBATCH --{word}={shlex.quote(str(value))}"
