"""What this machine has left, and a refusal, before anything is read, of work that cannot fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from algocli.compute.cgroups import CGROUP, groups, number_in
from algocli.compute.cores import n_dividing
from algocli.errors import StorageError, UsageError

_MEMINFO = Path("/proc/meminfo")
# The variable that tells a job of SLURM's how many megabytes it was given on this machine. Where there are no control
# groups nothing else does, and it may be killed all the same.
_GIVEN = "SLURM_MEM_PER_NODE"


def available_memory(cgroup: Path = CGROUP, meminfo: Path = _MEMINFO) -> int:
    """Return the bytes of memory that may still be taken: the least of what the machine and its limits leave.

    A container or a job on a cluster sees the whole machine's memory and is killed at its own limit. Of several workers
    each may take its part.
    """
    return min([_machine(meminfo), *_limits(cgroup), *_given()]) // n_dividing()


def free_disk(folder: Path) -> int:
    """Return the bytes that may still be written below a folder, which need not exist yet."""
    existing = next(path for path in (folder, *folder.resolve().parents) if path.exists())
    return shutil.disk_usage(existing).free


def check_disk(needed: int, folder: Path, *, remedy: str) -> None:
    """Refuse work that writes more than the disk has free.

    Raises
    ------
    StorageError
        If it does.
    """
    free = free_disk(folder)
    if needed > free:
        raise StorageError(
            f"up to {gigabytes(needed)} are to be written, {folder} has {gigabytes(free)} free", hint=remedy
        )


def check_memory(needed: int, *, remedy: str) -> None:
    """Refuse work that needs more memory than may still be taken.

    Raises
    ------
    UsageError
        If it does.
    """
    available = available_memory()
    if needed > available:
        whose, several = "", n_dividing()
        if several > 1:
            whose, remedy = f" to each of {several} workers", f"{remedy}; so do fewer workers (cluster='local:1')"
        raise UsageError(
            f"about {gigabytes(needed)} of memory are needed, {gigabytes(available)} are available{whose}", hint=remedy
        )


def gigabytes(n_bytes: int) -> str:
    """Format bytes as gigabytes, as in '0.93 GB'; as megabytes where they are few."""
    if n_bytes < 100e6:
        return f"{n_bytes / 1e6:.1f} MB"
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes < 10e9 else f"{n_bytes / 1e9:.0f} GB"


def _machine(meminfo: Path) -> int:
    try:
        lines = meminfo.read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        # No such file outside Linux: all there is stands for what is free.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _given() -> list[int]:
    said = os.environ.get(_GIVEN, "")
    # 0 is all there is.
    return [int(said[:12]) * 2**20] if said.isdecimal() and int(said[:12]) else []


def _limits(cgroup: Path) -> list[int]:
    """Return what each memory limit on this process leaves, in either version of cgroups."""
    left = []
    files = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
    for folder in groups("memory", cgroup):
        for limit, used in files:
            most, now = number_in(folder / limit), number_in(folder / used)
            # 'max', or no file at all, is no limit; version 1 writes it as a number beyond any memory: it binds nobody.
            if most is not None and now is not None:
                left.append(max(0, most - now + _reclaimable(folder / "memory.stat")))
    return left


def _reclaimable(statistics: Path) -> int:
    """Return the page cache that the kernel gives back before it kills anyone."""
    try:
        fields = dict(line.split() for line in statistics.read_text().splitlines())
        return int(fields.get("inactive_file", 0))
    except (OSError, ValueError):
        return 0
