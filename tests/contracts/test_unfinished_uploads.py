"""What is promised where one is killed who sends a matrix in parts: nothing of it stays, and what others send does."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute import s3_uploads
from algocli.compute.addresses import Address
from algocli.compute.cache_places import check_cache, folder_of
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.errors import UsageError
from algocli.features.store.gram import gram
from algocli.features.store.published import is_published
from algocli.features.store.shards import FeatureStore
from algocli.features.store.unfinished import keep_upload
from tests.cluster.dask_processes import wait_until
from tests.contracts.test_published_gram import ROOT, at, bytes_in, lend, make, matrix_at, some
from tests.support.objects import BUCKET, Objects, system

# A server takes no smaller parts but for the last one: a matrix of so many images has three.
PART, N_STIMULI = 5 * 2**20, 1700
_SENDS = f"""
import sys, time
from pathlib import Path
from algocli.compute import s3_uploads
from algocli.features.store.shards import FeatureStore
s3_uploads.PART_BYTES = {PART}
real = s3_uploads._send_part
def send_part(system, upload, path, part_bytes, number):
    while number == 3 and not Path(sys.argv[2]).exists():
        time.sleep(0.05)
    return real(system, upload, path, part_bytes, number)
s3_uploads._send_part = send_part
FeatureStore(Path(sys.argv[1])).gram()
"""


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_uploads, "PART_BYTES", PART)


@pytest.fixture
def prefix(objects: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.chdir(tmp_path)
    return objects.at(f"unfinished{tmp_path}")


@pytest.fixture
def store(prefix: Address) -> FeatureStore:
    return make(check_cache(str(prefix)), prefix, some(N_STIMULI, 3))


@contextmanager
def sending(store: FeatureStore, go_on: Path) -> Iterator[subprocess.Popen[str]]:
    """Have a process send a store's matrix up to its last part, for which it waits until there is a file."""
    words = [sys.executable, "-c", _SENDS, str(store.folder.absolute()), str(go_on)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    before = len(begun(store))
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or _has_two_parts(store, before))
            assert process.poll() is None, process.communicate()[1]
            yield process
        finally:
            process.kill()


def _has_two_parts(store: FeatureStore, n_before: int) -> bool:
    found = begun(store)
    return len(found) > n_before and all(upload.n_bytes == 2 * PART for upload in found)


def begun(store: FeatureStore) -> list[s3_uploads.Upload]:
    """Return what the server has of matrices of a store that were never finished."""
    assert isinstance(store.place, Address)
    return store.place.unfinished("gram/.*")


def kill_while_it_sends(store: FeatureStore) -> None:
    with sending(store, store.folder / "never") as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert not is_published(store)
    assert [upload.n_bytes for upload in begun(store)] == [2 * PART]


def leave(store: FeatureStore, **sender: Any) -> None:
    """Leave what one that is killed leaves, and quicker."""
    store.gram()
    ended = subprocess.Popen(["true"])
    ended.wait()
    (store.place / "gram").remove_all()  # type: ignore[union-attr]
    where = {"Bucket": BUCKET, "Key": sent_from(store)}
    upload = system().call_s3("create_multipart_upload", **where)["UploadId"]
    for number in (1, 2):
        system().call_s3("upload_part", **where, UploadId=upload, PartNumber=number, Body=bytes(PART))
    keep_upload(store.folder / "gram", Path(where["Key"]).name, upload)
    path = store.folder / "gram" / "upload.json"
    record = read_sealed(path)
    write_sealed(path, {**record, "sender": {**record["sender"], "pid": ended.pid, **sender}})


def sent_from(store: FeatureStore) -> str:
    digest = hashlib.sha256(bytes_in(store)).hexdigest()
    return f"{store.place}/gram/{digest}.npy".removeprefix(f"s3://{BUCKET}/")


def clear(prefix: Address, *words: str) -> Any:
    result = CliRunner().invoke(app, ["cache", "gc", "--yes", "--cache-dir", str(prefix), *words])
    assert result.exit_code == 0, result.output
    return result


def test_the_next_command_aborts_what_was_sent_and_ends_with_the_same_bytes(
    store: FeatureStore, prefix: Address
) -> None:
    kill_while_it_sends(store)
    store.gram()
    assert begun(store) == []
    assert bytes_in(store) == matrix_at(prefix).read()
    assert is_published(store)
    assert not (store.folder / "gram" / "upload.json").exists()


def test_it_is_aborted_too_where_somebody_else_has_left_the_matrix_meanwhile(
    store: FeatureStore, prefix: Address, tmp_path: Path
) -> None:
    leave(store)
    other = make(tmp_path / "other", prefix, some(N_STIMULI, 3))
    other.gram()
    # Of its sender nothing is known there.
    assert len(begun(store)) == 1
    for path in (store.folder / "gram").glob("*.*"):
        if path.name != "upload.json":
            path.unlink()
    store.gram()
    assert begun(store) == []
    assert bytes_in(store) == bytes_in(other) == matrix_at(prefix).read()


def test_cache_gc_tells_of_it_and_aborts_it(store: FeatureStore, prefix: Address) -> None:
    kill_while_it_sends(store)
    (upload,) = begun(store)
    said = clear(prefix, "--dry-run", "--json").stdout
    (item,) = json.loads(said)["items"]
    assert (item["path"], item["n_bytes"], item["deleted"]) == (f"s3://{BUCKET}/{upload.key}", 2 * PART, False)
    assert begun(store) == [upload] or begun(store)[0].id == upload.id
    said = clear(prefix).stdout
    assert "uploads that were begun, and that nobody goes on with:" in said
    assert f"s3://{BUCKET}/{upload.key}" in said.replace("\n", "")
    assert begun(store) == []
    assert "nothing to delete" in clear(prefix).stdout
    store.gram()
    assert bytes_in(store) == matrix_at(prefix).read()


def test_another_machine_aborts_it_when_nothing_has_arrived_for_a_day(
    store: FeatureStore, prefix: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(store)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "nothing to delete" in clear(prefix).stdout
    assert len(begun(store)) == 1
    monkeypatch.setattr(s3_uploads, "ABANDONED", 0.0)
    assert "nothing has arrived for" in clear(prefix).stdout
    assert begun(store) == []


def test_whoever_sends_the_same_aborts_what_was_given_up_a_day_ago(
    store: FeatureStore, prefix: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(store)
    monkeypatch.setattr(s3_uploads, "ABANDONED", 0.0)
    other = make(tmp_path / "other", prefix, some(N_STIMULI, 3))
    other.gram()
    assert begun(store) == []
    assert bytes_in(other) == matrix_at(prefix).read()


def test_nobody_touches_what_somebody_sends_who_lives(store: FeatureStore, prefix: Address, tmp_path: Path) -> None:
    go_on = tmp_path / "go_on"
    with sending(store, go_on) as process:
        (theirs,) = begun(store)
        # From its own cache, from another one, and by who sends the same from there.
        assert "nothing to delete" in clear(prefix, "--dry-run").stdout
        other = make(tmp_path / "other", prefix, some(N_STIMULI, 3))
        other.gram()
        assert CliRunner().invoke(app, ["cache", "gc", "--yes", "--cache-dir", str(tmp_path / "other")]).exit_code == 0
        lend(tmp_path / "lent", prefix).gram()
        assert [upload.id for upload in begun(store)] == [theirs.id]
        go_on.touch()
        assert process.communicate()[1] == ""
        assert process.returncode == 0
    assert begun(store) == []
    assert bytes_in(store) == bytes_in(other) == matrix_at(prefix).read()


@pytest.mark.parametrize("word", ["machine", "host"])
def test_of_a_folder_that_machines_share_each_aborts_its_own_alone(
    store: FeatureStore, prefix: Address, word: str
) -> None:
    leave(store, **{word: "another"})
    (theirs,) = begun(store)
    assert "nothing to delete" in clear(prefix).stdout
    store.gram()
    assert [upload.id for upload in begun(store)] == [theirs.id]
    assert bytes_in(store) == matrix_at(prefix).read()


@pytest.mark.parametrize("name", ["../../other.npy", "", 3, "0" * 64 + ".npz"])
def test_a_record_that_names_something_else_aborts_nothing(store: FeatureStore, prefix: Address, name: Any) -> None:
    leave(store)
    path = store.folder / "gram" / "upload.json"
    write_sealed(path, {**read_sealed(path), "name": name})
    assert "nothing to delete" in clear(prefix).stdout
    assert len(begun(store)) == 1


def test_what_others_send_below_the_same_address_is_none_of_ours(
    store: FeatureStore, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_uploads, "ABANDONED", 0.0)
    matrix = at(prefix) / "gram" / f"{'0' * 64}.npy"
    ours = str(matrix).removeprefix(f"s3://{BUCKET}/")
    theirs = [ours.replace("/features/", "/features2/"), f"{ours}.gz", f"{ours}/x", ours.replace("/gram/", "/")]
    for key in [ours, *theirs]:
        system().call_s3("create_multipart_upload", Bucket=BUCKET, Key=key)
    clear(prefix)
    left = system().call_s3("list_multipart_uploads", Bucket=BUCKET)["Uploads"]
    assert {upload["Key"] for upload in left} >= set(theirs)
    assert ours not in {upload["Key"] for upload in left}
    for upload in left:
        system().call_s3("abort_multipart_upload", Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])


def test_whoever_may_not_see_uploads_is_told_and_clears_the_rest(
    store: FeatureStore, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = system().call_s3

    def refused(method: str, **about: Any) -> Any:
        if method == "list_multipart_uploads":
            raise PermissionError("Access Denied")
        return real(method, **about)

    left = check_cache(str(prefix)) / "features" / "gone.json.0a1b2c3d.partial"
    left.write_bytes(b"half")
    monkeypatch.setattr(system(), "call_s3", refused)
    result = clear(prefix)
    assert not left.exists()
    said = " ".join(result.stderr.split())
    assert f"what was left unfinished in {prefix}/features is not known: {prefix}/features cannot be read" in said
    # Nor does it keep anybody from sending.
    gram(store)
    assert bytes_in(store) == matrix_at(prefix).read()


def test_a_store_at_an_address_of_its_own_is_cleared_up_after_too(
    prefix: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make(tmp_path / "mine", prefix, some(N_STIMULI, 3))
    leave(store)
    cleared = CliRunner().invoke(app, ["cache", "gc", "--yes", "--cache-dir", str(tmp_path / "mine")])
    assert "by a process that was killed" in cleared.stdout
    assert begun(store) == []


def test_a_machine_that_cannot_ask_any_server_clears_the_rest(
    store: FeatureStore, prefix: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: object) -> None:
        raise UsageError("addresses of s3:// need the package s3fs")

    left = folder_of(prefix) / "features" / "gone.json.0a1b2c3d.partial"
    left.write_bytes(b"half")
    monkeypatch.setattr("algocli.compute.addresses.server_of", lacking)
    result = CliRunner().invoke(app, ["cache", "gc", "--yes", "--cache-dir", str(folder_of(prefix))])
    assert result.exit_code == 0, result.output
    said = " ".join(result.stderr.split())
    assert "what was left unfinished at addresses is not known: addresses of s3:// need the package s3fs" in said
    assert not left.exists()
