"""Files that are whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algocli.compute.files import (
    LONGEST_REST,
    PARTIAL,
    n_bytes_in,
    publish,
    publishing,
    read_json,
    sweep,
    sync_folder,
    write_json,
)
from algocli.compute.lock import hold_if_free, machine
from algocli.errors import DataError, StorageError, UsageError
from tests.support.processes import unmeasured

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def content_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_published_file_holds_what_was_written_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.bin"
    publish(path, lambda stream: stream.write(b"whole"))
    assert path.read_bytes() == b"whole"
    assert content_of(tmp_path) == ["file.bin"]


def test_nothing_is_visible_before_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"

    def look(stream: IO[bytes]) -> None:
        stream.write(b"half")
        stream.flush()
        assert not path.exists()
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.name.endswith(PARTIAL)

    publish(path, look)
    assert path.exists()


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_an_interrupted_writer_leaves_the_old_file_and_no_other(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def fail(stream: IO[bytes]) -> None:
        stream.write(b"half of the n")
        raise error

    with pytest.raises(type(error)):
        publish(path, fail)
    assert path.read_bytes() == b"old"
    assert content_of(tmp_path) == ["file.bin"]


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission"),
    ],
)
def test_a_disk_that_refuses_is_told_as_a_sentence_and_nothing_stays_behind(
    tmp_path: Path, number: int, sentence: str
) -> None:
    def refuse(stream: IO[bytes]) -> None:
        stream.write(b"x")
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageError, match=sentence) as caught:
        publish(tmp_path / "file.bin", refuse)
    assert caught.value.exit_code == 3
    assert "file.bin" in caught.value.message
    assert content_of(tmp_path) == []


def test_a_folder_in_the_files_place_and_a_file_in_the_folders_place_are_told_as_sentences(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="a folder stands where the file should go"):
        publish(tmp_path / "folder", lambda stream: stream.write(b"x"))
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "y" / "x"):
        with pytest.raises(StorageError, match="a file stands where a folder is needed"):
            publish(path, lambda stream: stream.write(b"x"))
    with pytest.raises(StorageError, match="name is too long"):
        publish(tmp_path / ("x" * 300), lambda stream: stream.write(b"x"))
    assert content_of(tmp_path) == ["file"]


# numpy writes to a file of its own with `tofile`, whose error does not say why.
@pytest.mark.parametrize("written", ["stream.write(bytes(50_000))", "np.save(stream, np.zeros(50_000))"])
def test_a_real_limit_on_file_size_is_told_as_a_sentence(tmp_path: Path, written: str) -> None:
    program = (
        "import resource, signal, sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from algocli.compute.files import publish\n"
        "from algocli.errors import StorageError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        f"    publish(Path(sys.argv[1]), lambda stream: {written})\n"
        "except StorageError as error:\n"
        "    print(error.message)\n"
    )
    path = tmp_path / "file.bin"
    command = [sys.executable, "-c", program, str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=unmeasured())
    assert "larger than this file system allows" in told.stdout
    assert content_of(tmp_path) == []


def test_a_killed_writer_leaves_only_what_a_sweep_removes(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from algocli.compute.files import publish\n"
        "def die(stream):\n"
        "    stream.write(b'half')\n"
        "    stream.flush()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish(Path(sys.argv[1]), die)\n"
    )
    path = tmp_path / "below" / "file.bin"
    killed = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not path.exists()
    assert len(content_of(tmp_path)) == 1
    sweep(tmp_path)
    assert content_of(tmp_path) == []


def test_what_killed_writers_left_goes_with_the_next_file_of_that_name_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.compute.files._REST", 0.0)
    here, link = f"{machine()}0a1b2c.partial", f"file.bin.{machine()}000000.partial"
    others = ["file.bin.partial", "file.bin.0a1b2c3.partial", f"other.bin.{here}", "file.bin.old"]
    # Locks do not say whether the writer on another machine lives; that it has not written for a day does.
    living, dead = "file.bin.ffffff0a1b2c.partial", ["file.bin.ffffffffffff.partial", "file.bin.0a1b2c3d.partial"]
    for name in (f"file.bin.{here}", living, *dead, *others):
        (tmp_path / name).write_bytes(b"half")
    for name in dead:
        os.utime(tmp_path / name, (0, time.time() - 2 * LONGEST_REST))
    (tmp_path / link).symlink_to(tmp_path / "file.bin.old")
    with publishing(tmp_path / "file.bin") as stream:
        stream.write(b"mine")
        publish(tmp_path / "file.bin", lambda stream: stream.write(b"of another"))
        assert (tmp_path / "file.bin").read_bytes() == b"of another"
    assert (tmp_path / "file.bin").read_bytes() == b"mine"
    assert content_of(tmp_path) == sorted(["file.bin", link, living, *others])


def test_a_file_that_is_deleted_before_it_is_held_is_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, deleted = fcntl.flock, []

    def late(stream: IO[bytes], kind: int) -> None:
        if len(deleted) < 2:
            deleted.extend(tmp_path.glob("*.partial"))
            deleted[-1].unlink()
        flock(stream, kind)

    monkeypatch.setattr("algocli.compute.files.fcntl.flock", late)
    publish(tmp_path / "file.bin", lambda stream: stream.write(b"whole"))
    assert (tmp_path / "file.bin").read_bytes() == b"whole"
    assert len(deleted) == 2
    assert content_of(tmp_path) == ["file.bin"]


def test_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    contents = [bytes([letter]) * 300_000 for letter in b"abcdefgh"]
    start = threading.Barrier(len(contents))

    def write(content: bytes) -> None:
        def in_pieces(stream: IO[bytes]) -> None:
            for place in range(0, len(content), 10_000):
                stream.write(content[place : place + 10_000])

        start.wait()
        publish(path, in_pieces)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert path.read_bytes() in contents
    assert content_of(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_mount_that_cannot_sync_folders_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("algocli.compute.files.os.fsync", refuse)
    sync_folder(tmp_path)


def test_any_other_failure_to_sync_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("algocli.compute.files.os.fsync", refuse)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        sync_folder(tmp_path)


@given(value=st.dictionaries(st.text(), VALUES, max_size=4))
@settings(max_examples=50, deadline=None)
def test_json_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value


def test_file_names_that_are_no_text_survive_json(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write_json(tmp_path / "value.json", {name: name})
    assert read_json(tmp_path / "value.json") == {name: name}


def test_the_same_content_has_the_same_bytes_and_reads_as_text(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1, "place": "Genève"})
    write_json(tmp_path / "b.json", {"place": "Genève", "x": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "Genève" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"x": 1, "place": "Genève"}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"nonsense"])
def test_damaged_json_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "value.json").write_bytes(content)
    with pytest.raises(DataError, match=r"value\.json is missing or damaged"):
        read_json(tmp_path / "value.json")


def test_json_that_is_no_object_is_named(tmp_path: Path) -> None:
    (tmp_path / "value.json").write_text("[1]")
    with pytest.raises(DataError, match=r"value\.json holds a list"):
        read_json(tmp_path / "value.json")
    with pytest.raises(DataError, match=r"none\.json is missing"):
        read_json(tmp_path / "none.json")


@pytest.mark.parametrize("name", ["", ".", "/", "..", "a/.."])
def test_what_names_no_file_is_a_mistake_of_usage(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a file"):
        publish(Path(name), lambda stream: stream.write(b"x"))


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000])
def test_damaged_json_has_a_remedy(tmp_path: Path, content: str) -> None:
    (tmp_path / "value.json").write_text(content)
    with pytest.raises(DataError) as caught:
        read_json(tmp_path / "value.json")
    assert caught.value.hint == "delete it and repeat the command"


def test_a_file_that_is_being_written_is_locked(tmp_path: Path) -> None:
    def write(stream: IO[bytes]) -> None:
        (partial,) = tmp_path.glob(f"*{PARTIAL}")
        with hold_if_free([partial]) as free:
            assert not free

    publish(tmp_path / "file", write)
    with hold_if_free([tmp_path / "file"]) as free:
        assert free


def test_what_a_link_leads_to_takes_no_space_here(tmp_path: Path) -> None:
    (tmp_path / "cache/below").mkdir(parents=True)
    (tmp_path / "cache/below/data").write_bytes(bytes(1000))
    alone = n_bytes_in(tmp_path / "cache")
    assert alone == n_bytes_in(tmp_path / "cache/below/data") == 1000
    (tmp_path / "other").mkdir()
    (tmp_path / "other/data").write_bytes(bytes(5000))
    (tmp_path / "cache/link").symlink_to(tmp_path / "other")
    assert n_bytes_in(tmp_path / "cache") == alone
    assert n_bytes_in(tmp_path / "none") == 0


def test_a_device_a_pipe_and_the_programs_own_output_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("device", os.devnull), ("output", "/proc/self/fd/1")):
        (tmp_path / name).symlink_to(target)
    for name in ("pipe", "device", "output"):
        with pytest.raises(UsageError, match="not a file to be replaced"):
            publish(tmp_path / name, lambda stream: stream.write(b"whole"))
    assert (tmp_path / "device").is_char_device()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "output", "pipe"]
