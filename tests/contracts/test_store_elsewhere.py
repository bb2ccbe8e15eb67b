"""What is promised of a store whose numbers lie at an address, beyond what every store promises."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from algocli.compute.addresses import Address
from algocli.compute.object_kinds import KINDS, ObjectKind
from algocli.compute.vouching import read_sealed, write_sealed
from algocli.errors import DataError, DiskFault, StorageError, UsageError
from algocli.features.store.borrowing import borrow, check_lenders
from algocli.features.store.shards import FeatureStore
from tests.contracts.test_store import SHAPE, some
from tests.features.by_hand import digest_of_objects, fill, make_store
from tests.support.objects import Objects

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _four_rows_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.scheme)
def at(request: pytest.FixtureRequest, objects_of: Callable[[ObjectKind], Objects], tmp_path: Path) -> Address:
    return objects_of(request.param).at(f"elsewhere{tmp_path}/store")


def create(folder: Path, at: Address | None, **identity: object) -> FeatureStore:
    return FeatureStore.create(folder, {"dtype": "float16", **identity}, SHAPE, {"subject": 1}, at)


def test_the_folder_says_where_the_numbers_are_and_has_none(tmp_path: Path, at: Address) -> None:
    store = fill(create(tmp_path / "store", at), some())
    assert read_sealed(tmp_path / "store" / "manifest.json")["at"] == str(at)
    assert {path.name for path in (tmp_path / "store").iterdir()} == {"manifest.json", "locks", "creation.lock"}
    assert sorted((at / "features.zarr").read_all()) == ["c/0/0", "c/1/0", "c/2/0", "zarr.json"]
    assert (store.is_elsewhere, store.is_borrowed, str(store.place)) == (True, False, str(at))


def test_shards_and_what_describes_them_are_the_bytes_that_a_disk_gets(tmp_path: Path, at: Address) -> None:
    fill(create(tmp_path / "store", at), some())
    here = make_store(tmp_path / "here", some())
    files = {path: (here.folder / path).read_bytes() for path in ("features.zarr/zarr.json", "features.zarr/c/1/0")}
    assert {path: (at / path).read() for path in files} == files


def test_it_is_gone_on_with_where_it_lies_without_being_told_again(tmp_path: Path, at: Address) -> None:
    store = create(tmp_path / "store", at)
    store.write(store.shards[1], some()[4:8])
    again = create(tmp_path / "store", None)
    assert [shard.index for shard in again.pending()] == [0, 2]
    assert fill(again, some()).complete
    assert not (tmp_path / "store" / "features.zarr").exists()


def test_two_caches_fill_one_store_together(tmp_path: Path, at: Address) -> None:
    one, other = (create(tmp_path / name, at) for name in ("one", "other"))
    one.write(one.shards[0], some()[:4])
    other.write(other.shards[0], np.zeros((4, 7), np.float16))
    fill(other, some())
    assert one.complete
    np.testing.assert_array_equal(one.read(), some())
    assert list(other.damaged()) == []


def test_what_lies_in_the_folder_itself_is_not_left_behind_unseen(tmp_path: Path, at: Address) -> None:
    make_store(tmp_path / "store", some())
    with pytest.raises(UsageError, match="holds these features itself"):
        create(tmp_path / "store", at)
    assert not (at / "manifest.json").is_file()


def test_features_of_another_key_at_the_address_are_not_mixed_in(tmp_path: Path, at: Address) -> None:
    fill(create(tmp_path / "one", at, weights="one"), some())
    whole = digest_of_objects(at)
    with pytest.raises(DataError, match=rf"{at} holds other features"):
        create(tmp_path / "two", at, weights="two")
    assert digest_of_objects(at) == whole


def test_an_emptied_bucket_is_begun_anew(tmp_path: Path, at: Address) -> None:
    store = fill(create(tmp_path / "store", at), some())
    at.remove_all()
    with pytest.raises(DataError, match=r"description of the array in .*://.* is missing"):
        FeatureStore(store.folder).read()
    assert store.pending() == store.shards
    np.testing.assert_array_equal(fill(create(tmp_path / "store", None), some()).read(), some())


def test_an_object_that_was_replaced_since_is_refused(tmp_path: Path, at: Address) -> None:
    store = fill(create(tmp_path / "store", at), some())
    shutil.rmtree(tmp_path / "store" / "locks")
    other = make_store(tmp_path / "other", some() * 2)
    # Whole, and of the same layout: its own checksums find nothing.
    (at / "features.zarr/c/0/0").write((other.folder / "features.zarr/c/0/0").read_bytes())
    with pytest.raises(DataError, match="shard 0 is not what was written"):
        FeatureStore(store.folder).read()


def test_a_copy_by_other_means_is_read_though_its_objects_have_other_stamps(tmp_path: Path, at: Address) -> None:
    fill(create(tmp_path / "store", at), some())
    copy = at.parent / "copy"
    for name, content in at.read_all().items():
        (copy / name).write(content)
    for index in range(3):
        record = copy / "done" / f"0000{index}.json"
        write_sealed(record, {**read_sealed(record), "stamp": "another"})
    np.testing.assert_array_equal(FeatureStore(copy).read(), some())


def test_another_cache_borrows_it_from_the_address_and_never_writes_there(tmp_path: Path, objects: Objects) -> None:
    prefix = objects.at(f"lent{tmp_path}")
    home = tmp_path / "mine" / "features" / "recipe-0a1b2c3d" / "subj01-4e5f6a7b"
    at = prefix / "features" / "recipe-0a1b2c3d" / "subj01-4e5f6a7b"
    recipe = {"model": "m", "layer": "l", "weights": "w", "name": "recipe-0a1b2c3d", "identity": {}}
    write_sealed(at.parent / "recipe.json", recipe)
    fill(create(home, at, source="x"), some())
    before = digest_of_objects(prefix), sorted(prefix.read_all())
    lenders = check_lenders(str(prefix))
    borrow(tmp_path / "theirs", lenders, ["recipe-0a1b2c3d"], [1])
    (folder,) = (tmp_path / "theirs" / "features").glob("*/subj01-*")
    store = FeatureStore(folder)
    assert (store.is_borrowed, store.complete) == (True, True)
    np.testing.assert_array_equal(store.read(), some())
    store.forget(store.shards[0])
    assert store.recover() == []
    assert store.gram().n_stimuli == 10
    assert (digest_of_objects(prefix), sorted(prefix.read_all())) == before


def test_an_address_with_nothing_is_no_lender(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no features are cached there"):
        check_lenders(str(objects.at(f"nothing{tmp_path}")))


def test_a_server_that_does_not_answer_is_told_and_nothing_is_taken_for_missing(
    tmp_path: Path, at: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fill(create(tmp_path / "store", at), some())

    def gone(*_: object, **__: object) -> None:
        raise OSError("could not connect to the endpoint URL")

    server = at._server.system
    for method in ("call_s3", "info", "pipe_file", "cat_file", "find", "cat_ranges"):
        monkeypatch.setattr(server, method, gone, raising=False)
    for use in (store.pending, store.read, lambda: list(store.damaged()), lambda: create(tmp_path / "store", None)):
        with pytest.raises(DiskFault, match=r"cannot be read: could not connect"):
            use()
    with pytest.raises(StorageError, match=r"cannot write .*://.*: could not connect"):
        (at / "x").write(b"y")


def test_a_bucket_that_is_not_there_is_named(objects: Objects, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write s3://nobody-has-this/.*: there is no such bucket"):
        create(tmp_path / "store", Address("s3://nobody-has-this/store"))


_KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from algocli.compute import addresses
from algocli.compute.addresses import Address
from algocli.features.store import shards
shards.MAX_SHARD_ROWS = 4
real, left = Address.write, [int(sys.argv[3])]
def write(self, content):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(self, content)
Address.write = write
store = shards.FeatureStore.create(
    Path(sys.argv[1]), {"dtype": "float16"}, (10, 7), {"subject": 1}, Address(sys.argv[2])
)
rows = np.random.default_rng(10).standard_normal((10, 7)).astype("float16")
for shard in store.pending():
    store.write(shard, rows[shard.start : shard.stop])
"""


@pytest.mark.slow
@pytest.mark.parametrize("n_written", range(8))
def test_killed_before_any_of_its_writes_it_ends_with_the_same_bytes(
    tmp_path: Path, at: Address, n_written: int
) -> None:
    whole = fill(create(tmp_path / "whole", at.parent / "whole"), some())
    words = [sys.executable, "-c", _KILLED, str(tmp_path / "store"), str(at), str(n_written)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    fill(create(tmp_path / "store", at), some())
    assert digest_of_objects(at) == digest_of_objects(at.parent / "whole")
    assert list(FeatureStore(tmp_path / "store").damaged()) == []
    assert whole.complete


def test_a_shard_that_is_gone_is_told_though_its_record_tells_no_stamp(tmp_path: Path, at: Address) -> None:
    store = fill(create(tmp_path / "store", at), some())
    record = at / "done" / "00001.json"
    # As a disk's, of which a copy was put there.
    write_sealed(record, {word: value for word, value in read_sealed(record).items() if word != "stamp"})
    np.testing.assert_array_equal(FeatureStore(store.folder).read(), some())
    (at / "features.zarr" / "c" / "1" / "0").unlink()
    with pytest.raises(DataError, match="shard 1 is not what was written"):
        FeatureStore(store.folder).read()
