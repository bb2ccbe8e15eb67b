"""How many processor cores there are, and how many of them this process may use.

Workers of one command divide them: the variable ALGOCLI_WORKERS says among how many. A job of SLURM's is told what it
was given, which not every cluster also binds it to.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from algocli.compute.cgroups import CGROUP, groups, number_in

# The variable that tells a worker of how many it is one.
DIVIDING = "ALGOCLI_WORKERS"
# The one that says how many cores a job was given on this machine.
_GIVEN = "SLURM_CPUS_ON_NODE"


def n_cores() -> int:
    """Return how many cores this process may keep busy: those it is bound to, and no more than its quota is worth.

    A job on a cluster sees all cores of its machine; a thread for each of them would only wait for the others.
    """
    return max(1, n_cores_of_all() // n_dividing())


def n_cores_of_all() -> int:
    """Return how many cores this process and those that divide them with it may keep busy: the same in each worker."""
    limit = quota()
    there = n_bound() if limit is None else min(n_bound(), math.ceil(limit))
    return max(1, min(there, _number(_GIVEN) or there))


def n_dividing() -> int:
    """Return how many processes like this one divide what the machine has; 1 where no other does."""
    return max(1, _number(DIVIDING))


def _number(variable: str) -> int:
    """Return what a variable says; 0 where it says nothing that is a number."""
    said = os.environ.get(variable, "")
    return int(said[:9]) if said.isdecimal() else 0


def n_bound() -> int:
    """Return how many cores this process may run on."""
    # Neither macOS nor Windows binds a process to cores.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(cgroup: Path = CGROUP) -> float | None:
    """Return how many cores' time this process may take, by the least of its groups' limits; None where none binds."""
    limits = []
    for folder in groups("cpu", cgroup):
        limits += [limit for limit in (_second_version(folder), _first_version(folder)) if limit is not None]
    return min(limits, default=None)


def _second_version(folder: Path) -> float | None:
    try:
        most, period = (folder / "cpu.max").read_text().split()
        return None if most == "max" else int(most) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _first_version(folder: Path) -> float | None:
    most, period = number_in(folder / "cpu.cfs_quota_us"), number_in(folder / "cpu.cfs_period_us")
    # -1 is no limit.
    return most / period if most is not None and period and most > 0 else None
