"""What a file system can do, on ones that can, and on ones that are made to fail."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from algocli.compute.abilities import kind_of, try_folder


def test_a_sound_folder_can_do_everything_and_is_left_as_it_was(tmp_path: Path) -> None:
    tried = try_folder(tmp_path)
    assert list(tried.done) == ["write", "lock", "rename", "sync", "map", "exchange"]
    assert {name: why for name, why in tried.done.items() if name != "exchange"} == dict.fromkeys(
        ("write", "lock", "rename", "sync", "map")
    )
    assert tried.n_free > 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_tried_where_it_would_be_made(tmp_path: Path) -> None:
    assert try_folder(tmp_path / "a/b").folder == tmp_path
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_its_place_cannot_be_written_in(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert try_folder(tmp_path / "cache").done == {"write": "not a directory"}


def test_locks_that_keep_nobody_out_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As some network mounts have it: every lock is granted.
    monkeypatch.setattr(fcntl, "flock", lambda _stream, _kind: None)
    assert try_folder(tmp_path).done["lock"] == "two held at the same time what only one may hold"


@pytest.mark.parametrize(
    ("home", "name", "ability"), [(fcntl, "flock", "lock"), (os, "fsync", "sync"), (os, "replace", "rename")]
)
def test_what_is_not_supported_is_told_and_the_rest_is_tried_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: object, name: str, ability: str
) -> None:
    def refuse(*_words: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(home, name, refuse)
    tried = try_folder(tmp_path)
    assert tried.done[ability] == "operation not supported"
    assert tried.done["map"] is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/mounts").exists(), reason="only Linux lists its mounts there")
def test_the_kind_is_what_the_system_says(tmp_path: Path) -> None:
    told = subprocess.run(["stat", "-f", "-c", "%T", "/proc"], capture_output=True, text=True, check=True).stdout
    assert kind_of(Path("/proc/self")) == told.strip() == "proc"
    assert kind_of(tmp_path) is not None


def test_the_nearest_mount_decides_and_of_two_at_one_point_the_later(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    blank = tmp_path / "my disk"
    blank.mkdir()
    escaped = str(blank).replace(" ", "\\040")
    mounts.write_text(f"a / ext4 rw 0 0\nb {escaped} autofs rw 0 0\nc {escaped} nfs4 rw 0 0\nd /proc proc rw 0 0\n")
    assert kind_of(blank / "cache", mounts) == "nfs4"
    assert kind_of(tmp_path, mounts) == "ext4"
    assert kind_of(tmp_path, tmp_path / "none") is None
