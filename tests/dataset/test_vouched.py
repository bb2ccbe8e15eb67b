"""Files are read again when they have changed, and not before."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from algocli.compute.vouching import read_sealed, write_sealed
from algocli.dataset import vouched
from algocli.errors import DataError

HINT = "make it again"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The records that were read; a few seconds are taken to have gone by, so that files have come to rest."""
    read: list[Path] = []

    def counting(path: Path, *, kinds: object, hint: str) -> dict[str, object]:
        read.append(path)
        return read_sealed(path, kinds=kinds, hint=hint)

    later = time.time_ns() + 10 * 10**9
    monkeypatch.setattr(vouched, "read_sealed", counting)
    monkeypatch.setattr(vouched.time, "time_ns", lambda: later)
    return read


def test_a_record_that_rests_is_read_once_and_what_is_done_to_the_copy_stays_there(
    tmp_path: Path, reads: list[Path]
) -> None:
    path = tmp_path / "record.json"
    write_sealed(path, {"seed": 4})
    vouched.read_record(path, hint=HINT).clear()
    assert vouched.read_record(path, hint=HINT) == {"seed": 4}
    assert reads == [path]


def test_a_record_that_was_just_written_is_not_taken_to_rest(tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "record.json"
    write_sealed(path, {"seed": 4})
    os.utime(path, ns=(vouched.time.time_ns(), vouched.time.time_ns()))
    assert [vouched.read_record(path, hint=HINT)["seed"] for _ in range(2)] == [4, 4]
    assert reads == [path, path]


def test_a_record_that_is_replaced_damaged_or_deleted_is_not_remembered(tmp_path: Path, reads: list[Path]) -> None:
    path = tmp_path / "record.json"
    write_sealed(path, {"seed": 4})
    before = path.stat()
    assert vouched.read_record(path, hint=HINT) == {"seed": 4}
    write_sealed(path, {"seed": 5})
    assert vouched.read_record(path, hint=HINT) == {"seed": 5}
    # Of the same size, with the times of before, in the same place.
    with path.open("r+b") as stream:
        stream.write(path.read_bytes().replace(b"5", b"6"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(DataError, match="is damaged") as told:
        vouched.read_record(path, hint=HINT)
    assert told.value.hint == HINT
    path.unlink()
    with pytest.raises(DataError, match="missing"):
        vouched.read_record(path, hint=HINT)
