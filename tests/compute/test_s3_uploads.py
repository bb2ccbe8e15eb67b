"""Objects that are sent part by part, and what a server says of those that were never finished."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from algocli.compute import s3_uploads
from algocli.compute.addresses import Address
from algocli.errors import DiskFault, StorageError
from tests.support.objects import BUCKET, Objects, system

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
PART = 5 * 2**20


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    # A server takes no smaller ones.
    monkeypatch.setattr(s3_uploads, "PART_BYTES", PART)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (3 * PART // 256 + 1))
    return path


def answering(monkeypatch: pytest.MonkeyPatch, method: str, instead: Any) -> None:
    """Have the server answer otherwise to one thing that it is asked."""
    real = system().call_s3
    monkeypatch.setattr(
        system(), "call_s3", lambda what, **about: instead(**about) if what == method else real(what, **about)
    )


def test_a_large_file_arrives_whole_and_its_upload_is_told_before(objects: Objects, large: Path) -> None:
    there, told = objects.at(f"uploads{large}"), list[str]()
    there.write_file(large, lambda upload: told.extend([upload, *(each.id for each in there.unfinished())]))
    assert len(told) == 2
    assert told[0] == told[1]
    assert there.read() == large.read_bytes()
    assert there.unfinished() == []


def test_what_has_arrived_of_one_that_is_unfinished_is_told_and_aborted(objects: Objects, tmp_path: Path) -> None:
    there = objects.at(f"uploads{tmp_path}/a/b")
    where = {"Bucket": BUCKET, "Key": str(there).removeprefix(f"s3://{BUCKET}/")}
    upload = system().call_s3("create_multipart_upload", **where)["UploadId"]
    for number in (1, 2):
        system().call_s3("upload_part", **where, UploadId=upload, PartNumber=number, Body=b"some")
    (found,) = there.unfinished()
    assert (found.key, found.id, found.n_bytes, found.is_abandoned) == (where["Key"], upload, 8, False)
    assert there.parent.unfinished("b") == there.parent.parent.unfinished(r"[^/]+/b") != []
    # Names of which it is a beginning alone, and others.
    assert there.parent.unfinished("c") == there.parent.unfinished() == objects.at(f"uploads{tmp_path}/a/").unfinished()
    assert (there.parent / "b.npy").unfinished() == []
    there.abort(upload)
    there.abort(upload)
    assert there.unfinished() == []
    assert not there.is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("the line is dead"), MemoryError()])
def test_what_ends_it_in_between_leaves_nothing(
    objects: Objects, large: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    there = objects.at(f"uploads{large}")
    real = system().call_s3

    def upload_part(**about: Any) -> Any:
        if about["PartNumber"] == 2:
            raise error
        return real("upload_part", **about)

    answering(monkeypatch, "upload_part", upload_part)
    with pytest.raises(StorageError if isinstance(error, OSError) else type(error)):
        there.write_file(large)
    assert there.unfinished() == []
    assert not there.is_file()


@pytest.mark.parametrize("method", ["upload_part", "complete_multipart_upload"])
def test_one_that_somebody_aborts_meanwhile_is_one_sentence(
    objects: Objects, large: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def gone(**_: object) -> None:
        # So s3fs tells what S3 calls NoSuchUpload.
        raise FileNotFoundError("the specified upload does not exist")

    there = objects.at(f"uploads{large}")
    answering(monkeypatch, method, gone)
    with pytest.raises(StorageError, match=r"cannot write s3://.*large: its upload was aborted meanwhile"):
        there.write_file(large)
    assert there.unfinished() == []
    assert not there.is_file()


def test_a_server_that_does_not_say_is_told(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError("Access Denied")

    answering(monkeypatch, "list_multipart_uploads", refused)
    with pytest.raises(DiskFault, match=r"s3://.* cannot be read: access Denied"):
        objects.at("x").unfinished()


class _Paged:
    """Says of uploads and of their parts one at a time, at noon by its own clock."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def call_s3(self, method: str, **about: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self, method)(**about)
        return answer | {"ResponseMetadata": {"HTTPHeaders": {"date": NOON.strftime("%a, %d %b %Y %H:%M:%S GMT")}}}

    def list_multipart_uploads(self, Bucket: str, Prefix: str, KeyMarker: str = "", UploadIdMarker: str = "") -> Any:
        at = self.keys.index(KeyMarker) + 1 if KeyMarker else 0
        assert UploadIdMarker == (f"id of {KeyMarker}" if KeyMarker else "")
        begun = {"Key": self.keys[at], "UploadId": f"id of {self.keys[at]}", "Initiated": NOON - timedelta(days=2)}
        more = {"NextKeyMarker": self.keys[at], "NextUploadIdMarker": begun["UploadId"]}
        return {"Uploads": [begun], "IsTruncated": at + 1 < len(self.keys), **more}

    def list_parts(self, Bucket: str, Key: str, UploadId: str, PartNumberMarker: int) -> Any:
        assert UploadId == f"id of {Key}"
        if Key == "gone":
            raise FileNotFoundError(Key)
        number = PartNumberMarker + 1
        # One part after the other, the last one an hour ago.
        part = {"Size": 10, "LastModified": NOON - timedelta(hours=4 - number)}
        parts = [part] if Key == "alive" else []
        return {"Parts": parts, "IsTruncated": Key == "alive" and number < 3, "NextPartNumberMarker": str(number)}


def test_all_are_seen_of_many_and_age_by_the_servers_clock_since_the_last_part() -> None:
    paged = _Paged("dead", "theirs", "gone", "alive")
    dead, alive = s3_uploads.unfinished(paged, "bucket", "", re.compile("dead|gone|alive"))
    assert (dead.key, dead.n_bytes, dead.idle, dead.is_abandoned) == ("dead", 0, 2 * 24 * 3600, True)
    assert (alive.key, alive.n_bytes, alive.idle, alive.is_abandoned) == ("alive", 30, 3600, False)


def test_a_whole_bucket_is_an_address_too(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system(), "call_s3", _Paged("dead", "a/dead").call_s3)
    assert [found.key for found in Address("s3://bucket").unfinished("dead")] == ["dead"]
