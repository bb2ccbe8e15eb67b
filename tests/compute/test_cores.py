"""Cores that may be used, and the groups that limit them, read from files made by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from algocli.compute import budget, cores
from algocli.compute.cgroups import groups


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_limits_of_every_group_above_this_one_count(tmp_path: Path) -> None:
    write(tmp_path / "self", "0::/system.slice/job_7/step_0\n")
    root = tmp_path / "cgroup"
    listed = groups("cpu", root, tmp_path / "self")
    job = root / "system.slice/job_7"
    assert listed == [job / "step_0", job, root / "system.slice", root, root / "cpu"]


def test_the_first_version_has_a_tree_for_each_controller(tmp_path: Path) -> None:
    write(tmp_path / "self", "5:memory:/slurm/job_7\n4:cpu,cpuacct:/slurm/other\n1:name=systemd:/x\n")
    root = tmp_path / "cgroup"
    memory = root / "memory"
    assert groups("memory", root, tmp_path / "self") == [memory / "slurm/job_7", memory / "slurm", memory, root]
    assert groups("cpu", root, tmp_path / "self")[0] == root / "cpu/slurm/other"


@pytest.mark.parametrize("text", ["", "0::/../../elsewhere\n", "nonsense\n"])
def test_no_membership_leads_out_of_the_tree(tmp_path: Path, text: str) -> None:
    write(tmp_path / "self", text)
    root = tmp_path / "cgroup"
    assert all(
        group.is_relative_to(root) and ".." not in group.parts for group in groups("cpu", root, tmp_path / "self")
    )
    assert root in groups("cpu", root, tmp_path / "self")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3.0),
        ({"cpu.max": "damaged\n"}, None),
        ({}, None),
    ],
)
def test_a_quota_is_read_in_either_version(tmp_path: Path, files: dict[str, str], expected: float | None) -> None:
    for name, text in files.items():
        write(tmp_path / name, text)
    assert cores.quota(tmp_path) == expected


@pytest.mark.parametrize(("limit", "expected"), [(None, 8), (0.5, 1), (2.5, 3), (64.0, 8)])
def test_no_more_cores_are_used_than_the_quota_is_worth(
    monkeypatch: pytest.MonkeyPatch, limit: float | None, expected: int
) -> None:
    monkeypatch.setattr(cores, "n_bound", lambda: 8)
    monkeypatch.setattr(cores, "quota", lambda: limit)
    assert cores.n_cores() == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux binds a process to cores")
def test_a_process_that_is_bound_to_one_core_uses_one() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from algocli.features.passage import n_workers; print(n_workers())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_the_memory_of_a_job_of_a_batch_system_binds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "self", "0::/slurm/job_7/step_0\n")
    job = tmp_path / "cgroup/slurm/job_7"
    write(job / "memory.max", "3000000000\n")
    write(job / "memory.current", "1000000000\n")
    write(tmp_path / "meminfo", "MemAvailable: 16000000 kB\n")
    monkeypatch.setattr(budget, "groups", lambda name, root: groups(name, root, tmp_path / "self"))
    assert budget.available_memory(tmp_path / "cgroup", tmp_path / "meminfo") == 2_000_000_000


def test_nothing_counts_the_machines_cores_but_what_knows_which_may_be_used() -> None:
    package = Path(cores.__file__).parents[1]
    # A pool that is not told how many threads to have counts for itself.
    counting = [path.name for path in package.rglob("*.py") if re.search(r"Executor\(\)|cpu_count\(", path.read_text())]
    assert sorted(counting) == ["cores.py", "health.py"]


def test_a_job_keeps_busy_what_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "n_bound", lambda: 64)
    monkeypatch.setattr(cores, "quota", lambda: None)
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "8")
    assert cores.n_cores() == 8
    monkeypatch.setenv("ALGOCLI_WORKERS", "2")
    assert cores.n_cores() == 4
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "8(x2)")
    assert cores.n_cores() == 32
