"""One writer at a time, and a lock that dies with its holder."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from algocli.compute.lock import hold, hold_if_free, machine
from algocli.errors import StorageError
from tests.support.permissions import as_any_user, read_only

HOLD = """
import sys, pathlib
from algocli.compute.lock import hold
with hold(pathlib.Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_process(lock: Path, how: str = "alone") -> Iterator[subprocess.Popen[str]]:
    """Have another process hold the lock, alone or shared, until it is killed or its input ends."""
    command = [sys.executable, "-c", HOLD, str(lock), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class Waiter(threading.Thread):
    """Waits for the lock beside the test and keeps what it was told."""

    def __init__(self, lock: Path) -> None:
        super().__init__(daemon=True)
        self.lock = lock
        self.notes: list[str] = []
        self.told, self.got, self.release = threading.Event(), threading.Event(), threading.Event()
        self.start()

    def run(self) -> None:
        with hold(self.lock, self.note):
            self.got.set()
            self.release.wait(10)

    def note(self, message: str) -> None:
        self.notes.append(message)
        self.told.set()


def test_a_free_lock_is_taken_without_a_word(tmp_path: Path) -> None:
    notes: list[str] = []
    for _ in range(2):
        with hold(tmp_path / "new" / "folder" / "lock", notes.append):
            pass
    assert notes == []


def test_the_second_process_says_who_holds_the_lock_and_waits(tmp_path: Path) -> None:
    with another_process(tmp_path / "lock") as process:
        waiter = Waiter(tmp_path / "lock")
        assert waiter.told.wait(10)
        assert waiter.notes == [f"{tmp_path} is held by process {process.pid} on {os.uname().nodename}: waiting for it"]
        assert not waiter.got.wait(0.2)
        process.communicate("go\n")
        assert waiter.got.wait(10)
    waiter.release.set()


def test_a_lock_whose_holder_was_killed_is_free(tmp_path: Path) -> None:
    notes: list[str] = []
    with another_process(tmp_path / "lock") as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with hold(tmp_path / "lock", notes.append):
            assert notes == []
            assert str(os.getpid()) in (tmp_path / "lock").read_text()


def test_whoever_waits_is_let_in_when_the_holder_is_killed(tmp_path: Path) -> None:
    with another_process(tmp_path / "lock") as process:
        waiter = Waiter(tmp_path / "lock")
        assert waiter.told.wait(10)
        process.kill()
        assert waiter.got.wait(10)
    waiter.release.set()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_on_a_disk_without_locks_nothing_is_held_and_nobody_is_known_to_be_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(_file: object, _kind: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("algocli.compute.lock.fcntl.flock", refuse)
    with hold(tmp_path / "lock"), hold(tmp_path / "lock", shared=True), hold_if_free([tmp_path / "lock"]) as free:
        assert not free


def test_a_machine_is_told_from_others_and_is_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = machine()
    assert re.fullmatch("[0-9a-f]{6}", mine)
    assert machine() == mine
    monkeypatch.setattr("algocli.compute.lock._KERNEL", tmp_path / "none")
    nameless = machine()
    (tmp_path / "none").write_text("another kernel")
    assert len({mine, nameless, machine()}) == 3


def test_two_threads_exclude_each_other_too(tmp_path: Path) -> None:
    waiter = Waiter(tmp_path / "lock")
    assert waiter.got.wait(10)
    second = Waiter(tmp_path / "lock")
    assert second.told.wait(10)
    assert not second.got.is_set()
    waiter.release.set()
    assert second.got.wait(10)
    second.release.set()


def test_an_error_inside_lets_the_lock_go(tmp_path: Path) -> None:
    with pytest.raises(KeyError), hold(tmp_path / "lock"):
        raise KeyError
    notes: list[str] = []
    with hold(tmp_path / "lock", notes.append):
        assert notes == []


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"pid": 5}', "\xff\x00", '{"host": null}'])
def test_a_lock_file_that_says_nothing_useful_is_held_by_another_process(tmp_path: Path, content: str) -> None:
    waiter = Waiter(tmp_path / "lock")
    assert waiter.got.wait(10)
    (tmp_path / "lock").write_text(content, encoding="latin-1")
    second = Waiter(tmp_path / "lock")
    assert second.told.wait(10)
    assert second.notes == [f"{tmp_path} is held by another process: waiting for it"]
    waiter.release.set()
    assert second.got.wait(10)
    second.release.set()


def test_locks_of_other_folders_are_other_locks(tmp_path: Path) -> None:
    with hold(tmp_path / "one" / "lock"), hold(tmp_path / "other" / "lock"):
        pass


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_may_not_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(StorageError, match=f"cannot write {tmp_path / 'lock'}"), hold(tmp_path / "lock"):
        pass


def test_a_file_where_the_folder_should_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    for lock in (tmp_path / "cache" / "lock", tmp_path / "cache" / "below" / "lock"):
        with pytest.raises(StorageError, match="cannot write"), hold(lock):
            pass


def test_without_waiting_a_lock_is_had_or_not(tmp_path: Path) -> None:
    lock, other = tmp_path / "lock", tmp_path / "other"
    other.touch()
    with another_process(lock) as process:
        with hold_if_free([other, lock]) as free:
            assert not free
        # What was held for the sake of the others is let go.
        with hold_if_free([other]) as free:
            assert free
        process.kill()
        process.wait()
        with hold_if_free([other, lock]) as free:
            assert free


def test_a_lock_that_is_had_keeps_others_out(tmp_path: Path) -> None:
    with hold(tmp_path / "lock"):
        pass
    with hold_if_free([tmp_path / "lock"]) as free, hold_if_free([tmp_path / "lock"]) as second:
        assert (free, second) == (True, False)


def test_without_waiting_no_lock_file_is_made(tmp_path: Path) -> None:
    with hold_if_free([tmp_path / "lock", tmp_path / "none" / "lock"]) as free:
        assert free
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_folder_was_deleted_meanwhile_is_taken_anew(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    taken = threading.Event()

    def wait_for_it() -> None:
        with hold(path):
            taken.set()
            # Whoever comes next meets this very lock.
            with hold_if_free([path]) as free:
                assert not free

    with hold(path):
        other = threading.Thread(target=wait_for_it)
        other.start()
        time.sleep(0.2)
        shutil.rmtree(path.parent)
    other.join(10)
    assert taken.is_set()
    assert path.is_file()


@pytest.mark.parametrize("leads_to", ["file", "nothing", "folder", "itself"])
def test_a_link_in_place_of_a_lock_is_refused_and_what_it_leads_to_untouched(tmp_path: Path, leads_to: str) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder").mkdir()
    lock = tmp_path / "cache" / "lock"
    lock.parent.mkdir()
    lock.symlink_to("lock" if leads_to == "itself" else tmp_path / leads_to)
    for shared in (False, True):
        with (
            pytest.raises(StorageError, match=f"cannot write {lock}: it is a link") as caught,
            hold(lock, shared=shared),
        ):
            pass
        assert caught.value.hint == f"delete {lock}"
    with hold_if_free([lock]) as free:
        assert not free
    assert (tmp_path / "file").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "file", "folder"]


def test_a_second_name_of_a_file_is_held_and_never_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "lock").hardlink_to(tmp_path / "file")
    with another_process(tmp_path / "lock"), hold_if_free([tmp_path / "lock"]) as free:
        assert not free
    assert (tmp_path / "file").read_text() == "precious"


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        for name in ("pipe", "socket"):
            with pytest.raises(StorageError, match="it is no regular file, and a lock never is"), hold(tmp_path / name):
                pass


def test_a_lock_says_who_holds_it_for_as_long(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with hold(lock, shared=True):
        with another_process(lock, "shared") as process:
            assert str(process.pid) in lock.read_text()
        assert str(process.pid) in lock.read_text()
        with hold(lock, shared=True):
            assert str(os.getpid()) in lock.read_text()
    assert lock.read_text() == ""


def test_a_lock_that_is_replaced_again_and_again_keeps_one_at_a_time(tmp_path: Path) -> None:
    lock, inside, most = tmp_path / "lock", [0], [0]

    def work() -> None:
        for _ in range(100):
            with hold(lock):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0)
                inside[0] -= 1
                lock.unlink()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == [1]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_in_a_folder_that_may_only_be_read_nothing_is_held(tmp_path: Path, shared: bool, is_there: bool) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    if is_there:
        (folder / "lock").write_text("")

    def twice() -> None:
        with hold(folder / "lock", shared=shared), hold(folder / "lock", shared=shared):
            pass

    with read_only(folder):
        as_any_user(twice)
        with pytest.raises(StorageError, match="no permission to write"):
            as_any_user(lambda: hold(folder / "below" / "lock").__enter__())
    assert [path.name for path in folder.iterdir()] == (["lock"] if is_there else [])
