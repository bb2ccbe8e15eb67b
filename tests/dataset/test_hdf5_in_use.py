"""HDF5 files that another program writes, or has left open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from algocli.compute.holders import holder_of
from algocli.dataset.hdf5 import open_hdf5
from algocli.errors import DataError

WRITER = """
import sys, h5py
file = h5py.File(sys.argv[1], "w", libver="latest")
file["x"] = [1.0, 2.0]
file.flush()
print("written", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path):
    """A program that keeps a file open for writing until it is killed."""
    program = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "it's.h5")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"written\n"
        yield program
        program.kill()


def test_a_file_that_is_being_written_names_who_writes_it_and_one_that_was_never_closed_h5clear(
    tmp_path: Path, writer: subprocess.Popen[bytes]
) -> None:
    path = tmp_path / "it's.h5"
    with pytest.raises(DataError, match="which has it open for writing") as held, open_hdf5(path):
        pass
    if Path("/proc/locks").exists():
        assert f"(process {writer.pid})" in held.value.message
    assert "copy" not in str(held.value.hint)
    writer.kill()
    writer.wait()
    with pytest.raises(DataError, match="ended before it had closed the file") as left, open_hdf5(path):
        pass
    assert "h5clear -s '" in str(left.value.hint)


def test_a_file_system_without_locks_is_told_how_to_do_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.h5").touch()

    def refuse(*_: object) -> None:
        raise OSError("Unable to open file (unable to lock file, errno = 37, error message = 'No locks available')")

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(DataError, match="No locks available") as raised, open_hdf5(tmp_path / "a.h5"):
        pass
    assert "HDF5_USE_FILE_LOCKING=FALSE" in str(raised.value.hint)


def test_a_file_that_is_cut_is_to_be_copied_again(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = list(range(10_000))
    os.truncate(tmp_path / "a.h5", 4000)
    with pytest.raises(DataError, match="is cut short") as raised, open_hdf5(tmp_path / "a.h5"):
        pass
    assert "copy the file again" in str(raised.value.hint)


def test_a_lock_of_someone_unseen_is_another_programs(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert holder_of(tmp_path / "a") == "another program"
    assert holder_of(tmp_path / "a", tmp_path / "no list") == "another program"
    (tmp_path / "locks").write_text("1: FLOCK  ADVISORY  WRITE x\n")
    assert holder_of(tmp_path / "a", tmp_path / "locks") == "another program"
