"""What tasks ask SLURM for: what the user says, and where nothing is said what tasks promise; and how they multiply."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

from algocli.compute.cores import n_bound
from algocli.compute.executors.lists import Line, line_of
from algocli.compute.executors.slurm_deaths import SETUP_FAILED
from algocli.compute.executors.slurm_settings import SlurmSettings
from algocli.compute.executors.tasks import Task, needs_of
from algocli.compute.track import Note

# Bytes and a share that are asked for beyond what tasks promise: a task that takes a little more is killed.
_SPARE_MEMORY, _SPARE_SHARE = 500_000_000, 1.25
_MEGABYTE = 2**20
# Ends a job where a line of the user's own fails, which bash would go on after; what a file that is sourced does within
# is its own. The line is read from the script: bash itself knows what it has made of it.
_GUARD = (
    "algocli_failed() {",
    '  echo "' + SETUP_FAILED + ' with code $1: $(sed -n "$2p" "$0")" >&2',
    "  exit $1",
    "}",
    "trap 'code=$?; if [ ${#BASH_SOURCE[@]} -lt 2 ]; then algocli_failed $code $LINENO; fi' ERR",
)
_UNGUARDED = "trap - ERR"
# Where any of these is set, the user has said it.
_SAYS_MEMORY, _SAYS_GPU = ("mem", "mem_per_cpu", "mem_per_gpu"), ("gres", "gpus_per_node", "gpus_per_task")


def lines_of(tasks: Sequence[Task], settings: SlurmSettings) -> list[Line]:
    """Write tasks down, with how they multiply.

    Raises
    ------
    UsageError
        If one cannot be written down.
    """
    threads = _threads_of(settings)
    return [line_of(task, threads) for task in tasks]


def parameters_for(tasks: Sequence[Task], settings: SlurmSettings, times: int = 1) -> dict[str, Any]:
    """Return what an array of tasks asks for, as submitit takes it: what the user says, and else what tasks promise.

    Parameters
    ----------
    times
        How many times the memory that they promise, where less did not suffice.
    """
    asked, needs = dict(settings.parameters), [needs_of(task) for task in tasks]
    threads = _threads_of(settings)
    wanted: dict[str, Any] = {"job_name": "algocli", "cpus_per_task": threads, "use_srun": False, "wckey": None}
    # The partition's own limit, where nobody knows better: submitit's is five minutes.
    wanted["time"] = max(need.minutes for need in needs) or None
    memory = max(need.memory for need in needs)
    if memory and not any(word in asked for word in _SAYS_MEMORY):
        wanted["mem"] = f"{math.ceil(times * (_SPARE_SHARE * memory + _SPARE_MEMORY) / _MEGABYTE)}MB"
    if any(need.gpu for need in needs) and not any(word in asked for word in _SAYS_GPU):
        wanted["gpus_per_node"] = 1
    # Torch has threads of its own; where it is loaded, it multiplies here with so many.
    torch: Any = sys.modules.get("torch")
    of_torch = threads if torch is None or threads != _threads_here() else torch.get_num_threads()
    setup = [f"export {word}={threads}" for word in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")]
    setup += [f"export OMP_NUM_THREADS={of_torch}"]
    wanted |= asked
    setup += [*_GUARD, *asked["setup"], _UNGUARDED] if asked.get("setup") else []
    return wanted | {"setup": setup, "array_parallelism": settings.workers}


def tell_threads(settings: SlurmSettings, note: Note) -> None:
    """Say so where jobs multiply with other numbers of threads than this process, which shows in last digits."""
    here, there = _threads_here(), _threads_of(settings)
    if here != there:
        note(
            f"jobs multiply with {there} thread{'s' if there > 1 else ''}, this machine with {here}: last digits may "
            f"differ from what is computed here; threads = {here} in the file for SLURM makes them the same"
        )


def _threads_of(settings: SlurmSettings) -> int:
    return settings.threads or int(settings.parameters.get("cpus_per_task", 0)) or _threads_here()


def _threads_here() -> int:
    """Return how many threads multiply a matrix in this process."""
    import numpy as np
    from threadpoolctl import threadpool_info

    # The library is there once something is multiplied.
    np.zeros(1) @ np.zeros(1)
    found = [int(pool["num_threads"]) for pool in threadpool_info() if pool["user_api"] == "blas"]
    return max(found, default=n_bound())
