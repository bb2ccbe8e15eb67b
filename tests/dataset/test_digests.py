"""Digests of files: those of hashlib, read again only where a file may have changed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from algocli.dataset import digests
from algocli.dataset.conversions import Conversion
from algocli.dataset.digests import digest_files, list_conversions, stimuli_digest
from algocli.dataset.memories import FileDigests, memory_of, stamp_of
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError, StorageError
from tests.support.pictures import orientation_block, write_png, write_tiff

# 2001: long settled, whatever the clock says.
LONG_AGO = 1_000_000_000 * 10**9


pytestmark = pytest.mark.usefixtures("an_hour_later")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that are read, in any order, as the test goes on."""
    seen: list[Path] = []
    really: Callable[[Path], tuple[str | None, str]] = digests._read

    def note(path: Path) -> tuple[str | None, str]:
        seen.append(path)
        return really(path)

    monkeypatch.setattr(digests, "_read", note)
    return seen


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Twenty files in two folders, unchanged for years."""
    paths = [tmp_path / "images" / ("train", "test")[n % 2] / f"{n}.png" for n in range(20)]
    for n, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, bytes([n]) * (1000 * n))
    return paths


def write(path: Path, content: bytes, *, changed_ns: int = LONG_AGO) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(changed_ns, changed_ns))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_digests_are_sha256_in_the_order_asked_for(files: list[Path], tmp_path: Path) -> None:
    files = files[::-1] + files[:3]
    for _ in range(2):
        assert digest_files(files, tmp_path / "cache") == [sha256(path) for path in files]


def test_nothing_has_no_digests_and_leaves_nothing(tmp_path: Path) -> None:
    assert digest_files([], tmp_path / "cache") == []
    assert not (tmp_path / "cache").exists()


def test_the_second_time_no_file_is_read(files: list[Path], tmp_path: Path, read: list[Path]) -> None:
    first = digest_files(files, tmp_path / "cache")
    assert sorted(read) == sorted(files)
    read.clear()
    assert digest_files(files, tmp_path / "cache") == first
    assert read == []


def test_a_file_asked_for_twice_is_read_once(files: list[Path], tmp_path: Path, read: list[Path]) -> None:
    digest_files([files[1], files[1]], tmp_path / "cache")
    assert read == [files[1]]


def test_the_same_folder_by_another_path_is_remembered(
    files: list[Path], tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest_files(files, tmp_path / "cache")
    read.clear()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "images")
    relative = [Path("link", *path.parts[-2:]) for path in files]
    assert digest_files(relative, Path("cache")) == [sha256(path) for path in files]
    assert read == []


@pytest.mark.parametrize(
    ("content", "changed_ns"),
    [
        pytest.param(b"x" * 5000, LONG_AGO + 1, id="same size, a nanosecond later"),
        pytest.param(b"x" * 5001, LONG_AGO, id="same time, a byte more"),
    ],
)
def test_a_changed_file_is_read_again_and_no_other(
    files: list[Path], tmp_path: Path, read: list[Path], content: bytes, changed_ns: int
) -> None:
    digest_files(files, tmp_path / "cache")
    read.clear()
    write(files[5], content, changed_ns=changed_ns)
    assert digest_files(files, tmp_path / "cache")[5] == hashlib.sha256(content).hexdigest()
    assert read == [files[5]]


@pytest.mark.parametrize(("age_s", "again"), [(0.0, True), (1.9, True), (2.1, False), (-60.0, True)])
def test_a_file_that_had_just_changed_is_not_remembered(
    files: list[Path], tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch, age_s: float, again: bool
) -> None:
    now = LONG_AGO + 10**15
    monkeypatch.setattr(digests.time, "time_ns", lambda: now)
    write(files[0], b"warm", changed_ns=now - int(age_s * 1e9))
    digest_files(files, tmp_path / "cache")
    read.clear()
    digest_files(files, tmp_path / "cache")
    assert read == ([files[0]] if again else [])


@pytest.mark.parametrize("seconds", [-1.9, 0.001, 1.9])
def test_a_file_of_old_that_has_just_come_here_is_not_remembered(
    files: list[Path], tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    came = os.stat(files[3]).st_ctime_ns
    monkeypatch.setattr(digests.time, "time_ns", lambda: came + int(seconds * 1e9))
    for _ in range(2):
        read.clear()
        digest_files(files[3:4], tmp_path / "cache")
        assert read == files[3:4]


def replaced_in_place(path: Path, content: bytes) -> None:
    write(path, content)


def replaced_by_another(path: Path, content: bytes) -> None:
    write(path.with_suffix(".new"), content)
    path.with_suffix(".new").rename(path)


@pytest.mark.parametrize("replace", [replaced_in_place, replaced_by_another])
def test_another_content_of_the_same_size_and_time_is_met(
    files: list[Path], tmp_path: Path, read: list[Path], replace: Callable[[Path, bytes], None]
) -> None:
    digest_files(files, tmp_path / "cache")
    before = os.stat(files[5])
    read.clear()
    # The disk's clock goes in ticks.
    time.sleep(0.05)
    replace(files[5], b"y" * 5000)
    assert (os.stat(files[5]).st_size, os.stat(files[5]).st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert digest_files(files, tmp_path / "cache")[5] == hashlib.sha256(b"y" * 5000).hexdigest()
    assert read == [files[5]]


def test_a_copied_folder_is_read_once_and_has_the_same_digests(
    files: list[Path], tmp_path: Path, read: list[Path]
) -> None:
    found = digest_files(files, tmp_path / "cache")
    shutil.copytree(tmp_path / "images", tmp_path / "copy")
    copies = [tmp_path / "copy" / path.relative_to(tmp_path / "images") for path in files]
    read.clear()
    for _ in range(2):
        assert digest_files(copies, tmp_path / "cache") == found
    assert sorted(read) == sorted(copies)


def test_memories_without_inodes_are_forgotten(files: list[Path], tmp_path: Path, read: list[Path]) -> None:
    found = digest_files(files[:1], tmp_path / "cache")
    (memory,) = (tmp_path / "cache" / "digests").iterdir()
    status = os.stat(files[0])
    told = json.loads(memory.read_text())
    told["files"] = {files[0].name: f"{status.st_size} {status.st_mtime_ns} {'0' * 64}"}
    told.pop("digest")
    memory.write_text(json.dumps(told))
    read.clear()
    assert digest_files(files[:1], tmp_path / "cache") == found
    assert read == files[:1]


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    files: list[Path], tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    really = hashlib.file_digest

    def touch_meanwhile(stream: Any, name: str) -> Any:
        found = really(stream, name)
        if Path(stream.name) == files[7]:
            write(files[7], b"something else", changed_ns=LONG_AGO + 5)
        return found

    monkeypatch.setattr(digests.hashlib, "file_digest", touch_meanwhile)
    digest_files(files, tmp_path / "cache")
    read.clear()
    monkeypatch.undo()
    assert digest_files(files, tmp_path / "cache")[7] == hashlib.sha256(b"something else").hexdigest()


def test_some_files_of_a_folder_do_not_drive_out_the_others(
    files: list[Path], tmp_path: Path, read: list[Path]
) -> None:
    digest_files(files[:10], tmp_path / "cache")
    digest_files(files[10:], tmp_path / "cache")
    read.clear()
    digest_files(files, tmp_path / "cache")
    assert read == []


def test_files_that_are_gone_are_forgotten(files: list[Path], tmp_path: Path) -> None:
    digest_files(files[:-2], tmp_path / "cache")
    files[0].unlink()
    digest_files(files[1:], tmp_path / "cache")
    remembered = [json.loads(path.read_text()) for path in (tmp_path / "cache" / "digests").glob("*.json")]
    assert {name for memory in remembered for name in memory["files"]} == {path.name for path in files[1:]}
    assert {memory["folder"] for memory in remembered} == {str(path.parent) for path in files}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"files": 3}', '{"files": {"1.png": 3, "3.png": "x"}}'])
def test_a_damaged_memory_costs_time_and_no_answer(files: list[Path], tmp_path: Path, damage: str) -> None:
    digest_files(files, tmp_path / "cache")
    for memory in (tmp_path / "cache" / "digests").glob("*.json"):
        memory.write_text(damage)
    assert digest_files(files, tmp_path / "cache") == [sha256(path) for path in files]


def test_a_missing_file_is_named(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.png is missing"):
        digest_files([*files, tmp_path / "none.png"], tmp_path / "cache")


def test_a_folder_has_no_digest(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: is a directory"):
        digest_files([tmp_path / "images"], tmp_path / "cache")


def test_what_was_read_before_a_broken_file_is_remembered(files: list[Path], tmp_path: Path, read: list[Path]) -> None:
    broken = tmp_path / "images" / "train" / "broken.png"
    broken.mkdir()
    with pytest.raises(DataError, match="broken"):
        digest_files([*files, broken], tmp_path / "cache")
    read.clear()
    digest_files(files, tmp_path / "cache")
    assert read == []


def test_a_full_disk_ends_in_a_sentence(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("algocli.compute.files.os.fsync", full)
    with pytest.raises(StorageError, match="the disk is full"):
        digest_files(files, tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_of_two_memories_the_last_to_save_wins_whole(tmp_path: Path, files: list[Path]) -> None:
    folder = files[0].parent
    memory = tmp_path / "memory.json"
    one, other = FileDigests(memory), FileDigests(memory)
    stamp = stamp_of(files[2].stat())
    one.remember(files[0], f"0 {LONG_AGO}", "a")
    other.remember(files[2], stamp, "b")
    one.save(folder)
    other.save(folder)
    again = FileDigests(memory)
    assert again.recall(files[0]) is None
    assert again.recall(files[2]) == "b"


def test_names_that_are_no_text_are_remembered(tmp_path: Path, read: list[Path]) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    write(path, b"pixels")
    digest_files([path], tmp_path / "cache")
    read.clear()
    assert digest_files([path], tmp_path / "cache") == [sha256(path)]
    assert read == []


def test_progress_counts_only_what_is_read(files: list[Path], tmp_path: Path) -> None:
    totals: list[int] = []

    def count(items: Any, *, total: int, label: str, unit: str = "") -> Any:
        totals.append(total)
        return items

    for chosen in (files[:12], files, files):
        digest_files(chosen, tmp_path / "cache", track=count)
    assert totals == [12, 8]


def test_the_digest_of_stimuli_depends_on_split_id_content_and_order_and_on_nothing_else(
    files: list[Path], tmp_path: Path
) -> None:
    def digest(*stimuli: Stimulus) -> str:
        return stimuli_digest(stimuli, tmp_path / "cache")

    first, second = Stimulus(0, "train", 13, files[3]), Stimulus(1, "train", 21, files[4])
    copy = tmp_path / "elsewhere.png"
    write(copy, files[3].read_bytes())
    expected = "".join(f"{s.split} {s.nsd_id} {sha256(s.path)}\n" for s in (first, second))

    assert digest(first, second) == hashlib.sha256(expected.encode()).hexdigest()
    assert digest(Stimulus(7, "train", 13, copy), second) == digest(first, second)
    others = [
        digest(second, first),
        digest(first),
        digest(Stimulus(0, "test", 13, files[3]), second),
        digest(Stimulus(0, "train", 14, files[3]), second),
        digest(Stimulus(0, "train", 13, files[5]), second),
    ]
    assert len({digest(first, second), *others}) == 6


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The images that are looked at for what reading them takes."""
    seen: list[Path] = []
    really = digests.find_conversions

    def note(path: Path) -> tuple[Conversion, ...]:
        seen.append(path)
        return really(path)

    monkeypatch.setattr(digests, "find_conversions", note)
    return seen


def one(path: Path) -> list[Stimulus]:
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return [Stimulus(0, "train", 13, path)]


COLOURS = np.arange(4 * 5 * 3).reshape(4, 5, 3).astype(np.uint8)
OPAQUE = np.full((4, 5), 255, np.uint8)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "tif"])
def test_plain_images_have_the_digest_of_their_content_alone(tmp_path: Path, ending: str) -> None:
    Image.fromarray(COLOURS).save(tmp_path / f"a.{ending}")
    (stimulus,) = one(tmp_path / f"a.{ending}")
    expected = hashlib.sha256(f"train 13 {sha256(stimulus.path)}\n".encode()).hexdigest()
    assert stimuli_digest([stimulus], tmp_path / "cache") == expected


@pytest.mark.parametrize(
    ("write_one", "said"),
    [
        (lambda path: write_png(path, 300 * COLOURS[..., 0].astype(int), bits=16, colour_type=0), " 16-bit"),
        (lambda path: write_png(path, np.dstack([COLOURS, OPAQUE - 1]), colour_type=6), " transparent-on-127"),
        (lambda path: write_png(path, np.dstack([COLOURS, OPAQUE]), colour_type=6), ""),
        (lambda path: write_png(path, COLOURS, colour_type=2, after=[(b"eXIf", orientation_block(3))]), " turned"),
        (lambda path: write_png(path, COLOURS, colour_type=2, after=[(b"eXIf", orientation_block(1))]), ""),
        (lambda path: write_tiff(path, COLOURS[..., 0] / np.float32(255)), " float-to-1"),
        (lambda path: write_tiff(path, COLOURS[..., 0] * np.float32(1.5)), " float-to-255"),
        (lambda path: write_tiff(path, COLOURS[..., 0].astype(np.int32) * 500), " 32-bit"),
        (lambda path: write_tiff(path, -COLOURS[..., 0].astype(np.int32)), " refused"),
        (
            lambda path: Image.fromarray(COLOURS).save(
                path, "GIF", save_all=True, append_images=[Image.new("L", (5, 4))]
            ),
            "",
        ),
    ],
)
def test_the_digest_says_how_an_image_is_converted_where_its_pixels_depend_on_it(
    tmp_path: Path, write_one: Callable[[Path], object], said: str
) -> None:
    write_one(tmp_path / "a.image")
    (stimulus,) = one(tmp_path / "a.image")
    expected = hashlib.sha256(f"train 13 {sha256(stimulus.path)}{said}\n".encode()).hexdigest()
    for _ in range(2):
        assert stimuli_digest([stimulus], tmp_path / "cache") == expected


def test_an_image_is_looked_at_once(tmp_path: Path, looked: list[Path]) -> None:
    path = write_png(tmp_path / "a.png", 300 * COLOURS[..., 0].astype(int), bits=16, colour_type=0)
    one(path)
    for _ in range(2):
        assert list_conversions([path, path], tmp_path / "cache") == [(Conversion.SIXTEEN_BITS,)] * 2
    assert looked == [path]
    write_png(path, COLOURS, colour_type=2)
    assert list_conversions([path], tmp_path / "cache") == [()]


def test_content_that_is_remembered_from_before_is_looked_at_all_the_same(tmp_path: Path, looked: list[Path]) -> None:
    path = write_png(tmp_path / "a.png", np.dstack([COLOURS, OPAQUE - 1]), colour_type=6)
    digest_files([stimulus.path for stimulus in one(path)], tmp_path / "cache")
    assert list_conversions([path], tmp_path / "cache") == [(Conversion.LAID,)]
    assert looked == [path]


@pytest.mark.parametrize("kind", ["refused", "broken"])
def test_what_cannot_be_read_is_looked_at_again(tmp_path: Path, looked: list[Path], kind: str) -> None:
    path = write_tiff(tmp_path / "a.tif", -COLOURS[..., 0].astype(np.int32))
    if kind == "broken":
        path.write_bytes(b"no image")
    one(path)
    for _ in range(2):
        assert list_conversions([path], tmp_path / "cache") == [(Conversion.REFUSED,) if kind == "refused" else ()]
    assert looked == [path, path]


def test_a_memory_of_another_folder_is_none(tmp_path: Path) -> None:
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "image.png")
        paths[-1].write_bytes(name.encode())
        os.utime(paths[-1], ns=(10**18, 10**18))
    memories = [FileDigests(memory_of(path.parent, tmp_path)) for path in paths]
    for memory, path in zip(memories, paths, strict=True):
        memory.remember(path, stamp_of(os.stat(path)), path.parent.name)
        memory.memory.parent.mkdir(exist_ok=True)
        memory.save(path.parent)
    first, second = (memory.memory for memory in memories)
    assert FileDigests(first).recall(paths[0]) == "a"
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert FileDigests(first).recall(paths[0]) is None
    assert FileDigests(second).recall(paths[1]) is None
