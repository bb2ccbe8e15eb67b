"""What the machine has left, read from files made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from algocli.compute.budget import available_memory, check_disk, check_memory, free_disk, gigabytes
from algocli.errors import StorageError, UsageError

MEMINFO = "MemTotal:       24000000 kB\nMemFree:         1000000 kB\nMemAvailable:   16000000 kB\n"


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    path = tmp_path / "meminfo"
    path.write_text(MEMINFO)
    return path


def cgroup(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return folder


def test_without_a_limit_the_machine_decides(tmp_path: Path, meminfo: Path) -> None:
    assert available_memory(tmp_path / "none", meminfo) == 16_000_000 * 1024


def test_a_limit_below_the_machines_memory_binds(tmp_path: Path, meminfo: Path) -> None:
    group = cgroup(tmp_path / "group", memory_max="4000000000\n", memory_current="1500000000\n")
    assert available_memory(group, meminfo) == 2_500_000_000


def test_page_cache_that_can_be_given_back_counts_as_free(tmp_path: Path, meminfo: Path) -> None:
    group = cgroup(
        tmp_path / "group",
        memory_max="4000000000",
        memory_current="3900000000",
        memory_stat="anon 5\ninactive_file 3000000000\n",
    )
    assert available_memory(group, meminfo) == 3_100_000_000


def test_an_unlimited_group_binds_nobody(tmp_path: Path, meminfo: Path) -> None:
    group = cgroup(tmp_path / "group", memory_max="max\n", memory_current="1500000000\n")
    assert available_memory(group, meminfo) == 16_000_000 * 1024


def test_the_first_version_of_groups_is_read_too(tmp_path: Path, meminfo: Path) -> None:
    folder = tmp_path / "group" / "memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text("2000000000")
    (folder / "memory.usage_in_bytes").write_text("500000000")
    assert available_memory(tmp_path / "group", meminfo) == 1_500_000_000


def test_the_disk_of_a_folder_that_does_not_exist_yet_is_that_of_its_parent(tmp_path: Path) -> None:
    assert free_disk(tmp_path / "a" / "b") == pytest.approx(free_disk(tmp_path), rel=0.1)


def test_what_cannot_fit_is_refused_with_both_sizes_and_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.compute.budget.free_disk", lambda _folder: 500_000_000)
    monkeypatch.setattr("algocli.compute.budget.available_memory", lambda: 1_000_000_000)
    with pytest.raises(StorageError, match=r"0\.93 GB are to be written, .* has 0\.50 GB free") as disk:
        check_disk(930_000_000, tmp_path, remedy="make room")
    with pytest.raises(UsageError, match=r"about 12 GB of memory are needed, 1\.00 GB are available"):
        check_memory(12_000_000_000, remedy="ask for less")
    assert disk.value.hint == "make room"
    check_disk(400_000_000, tmp_path, remedy="")
    check_memory(900_000_000, remedy="")


def test_gigabytes_are_short() -> None:
    assert [gigabytes(n) for n in (5_000_000, 933_000_000, 70_400_000_000)] == ["5.0 MB", "0.93 GB", "70 GB"]


@pytest.mark.parametrize(
    ("said", "expected"), [("2000", 2000 * 2**20), ("0", 16_000_000 * 1024), ("all", 16_000_000 * 1024)]
)
def test_what_a_job_was_given_binds_though_nothing_holds_it_to_that(
    tmp_path: Path, meminfo: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: int
) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", said)
    assert available_memory(tmp_path / "none", meminfo) == expected
