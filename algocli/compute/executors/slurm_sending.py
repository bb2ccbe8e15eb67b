"""Arrays given to sbatch, through submitit, for as long as it takes its controller to answer."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any

from algocli.compute.executors.arrays import JobArray
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.slurm_worker import work_in_job
from algocli.errors import EngineFault

# How often, and after how many seconds, sbatch is tried again where the controller does not answer.
_AGAIN, _REST = 60, 10.0
# As sbatch says that nobody answers.
_SILENT = ("contact slurm controller", "connect failure", "timed out", "connection refused", "communication")


def persist(
    submit: Callable[[], list[str]], settings: SlurmSettings, is_over: threading.Event, tell_silence: Callable[[], None]
) -> list[str]:
    """Have a submission tried again while the controller does not answer, and return what SLURM calls its jobs.

    Raises
    ------
    EngineFault
        If sbatch refuses, or nobody waits for it any more.
    """
    for n_tries in range(1, _AGAIN + 1):
        try:
            return submit()
        # submitit has a class for it, and Python one for a program that is not there.
        except Exception as error:
            said = " ".join(str(error).split()) or type(error).__name__
            if n_tries == _AGAIN or not any(word in said.lower() for word in _SILENT):
                where = settings.source
                hint = f"what it was asked for is in {where}" if where else "slurm:FILE.toml says what to ask for"
                raise EngineFault(f"sbatch refuses the tasks: {said}", hint=hint) from error
            tell_silence()
            if is_over.wait(_REST):
                raise EngineFault("nothing was submitted: SLURM did not answer") from error
    raise AssertionError


def sbatch(array: JobArray, n_tasks: int, asked: dict[str, Any], settings: SlurmSettings) -> list[str]:
    """Submit an array, and return what SLURM calls each of its jobs."""
    from submitit import SlurmExecutor

    executor = SlurmExecutor(folder=array.logs, python=settings.python)
    executor.update_parameters(**asked)
    # submitit prints what sbatch says, and raises it, too, which is told once.
    with redirect_stderr(_SilentHere(sys.stderr)), executor.batch():
        jobs = [executor.submit(work_in_job, str(array.list_path), index) for index in range(n_tasks)]
    return [str(job.job_id) for job in jobs]


class _SilentHere:
    """A stream that takes nothing from the thread that made it: others may draw a bar meanwhile."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, words: str) -> int:
        return len(words) if threading.get_ident() == self._thread else int(self._stream.write(words))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
