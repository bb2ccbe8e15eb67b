"""What every feature store promises, whatever its shape, the order of its writes and the moment of its end."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algocli.compute.addresses import Address
from algocli.compute.anywhere import Place
from algocli.compute.files import PARTIAL, read_json, write_json
from algocli.compute.lock import machine
from algocli.compute.object_kinds import KINDS
from algocli.compute.vouching import write_sealed
from algocli.errors import DataError, MissingStep
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import digest_of_objects, fill, store_digest
from tests.support.objects import Objects

SHAPE = (10, 7)
# Where numbers lie of a store in a folder; None is in the folder.
_at: dict[str, Callable[[Path], Address | None]] = {"of": lambda folder: None}


@pytest.fixture(params=["on a disk", *KINDS], ids=["disk", *(kind.scheme for kind in KINDS)])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have stores keep their numbers in their folders, or on a server of each kind."""
    if request.param in KINDS:
        objects: Objects = request.getfixturevalue("objects_of")(request.param)
        monkeypatch.setitem(_at, "of", lambda folder: objects.at(f"stores{folder}"))


anywhere_at_all = pytest.mark.usefixtures("anywhere")


@pytest.fixture(autouse=True)
def _four_rows_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)


def some(shape: tuple[int, int] = SHAPE, dtype: str = "float16") -> NDArray[Any]:
    return np.random.default_rng(shape[0]).standard_normal(shape).astype(dtype)


def create(folder: Path, shape: tuple[int, int] = SHAPE, dtype: str = "float16", **identity: Any) -> FeatureStore:
    return FeatureStore.create(folder, {"dtype": dtype, **identity}, shape, {"subject": 1}, _at["of"](folder))


def make_store(folder: Path, features: NDArray[Any], **identity: Any) -> FeatureStore:
    return fill(create(folder, (features.shape[0], features.shape[1]), features.dtype.name, **identity), features)


def digest_of(store: FeatureStore) -> str:
    return digest_of_objects(store.place) if isinstance(store.place, Address) else store_digest(store.folder)


def content_of(place: Place) -> bytes:
    return place.read() if isinstance(place, Address) else Path(str(place)).read_bytes()


def put(place: Place, content: bytes) -> None:
    if isinstance(place, Address):
        place.write(content)
    else:
        Path(str(place)).parent.mkdir(parents=True, exist_ok=True)
        Path(str(place)).write_bytes(content)


def move(place: Place, to: Place) -> None:
    if isinstance(to, Address):
        put(to, content_of(place))
        place.unlink()
    else:
        Path(str(to)).parent.mkdir(parents=True, exist_ok=True)
        Path(str(place)).replace(Path(str(to)))


@anywhere_at_all
class TestContract:
    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        features = some()
        store = make_store(tmp_path / "store", features)
        np.testing.assert_array_equal(store.read(), features)
        assert store.read().dtype == np.float16
        assert store.complete

    def test_any_rows_and_columns_can_be_read(self, tmp_path: Path) -> None:
        features = some()
        store = make_store(tmp_path / "store", features)
        np.testing.assert_array_equal(store.read(slice(3, 9)), features[3:9])
        np.testing.assert_array_equal(store.read(slice(3, 9), slice(2, 5)), features[3:9, 2:5])
        np.testing.assert_array_equal(store.read([9, 0, 4], slice(0, 3)), features[[9, 0, 4], :3])
        np.testing.assert_array_equal(store.read([5]), features[[5]])

    def test_shards_follow_each_other_and_hold_every_row_once(self, tmp_path: Path) -> None:
        shards = create(tmp_path / "store").shards
        assert [(shard.index, shard.start, shard.stop, len(shard)) for shard in shards] == [
            (0, 0, 4, 4),
            (1, 4, 8, 4),
            (2, 8, 10, 2),
        ]

    def test_column_blocks_hold_every_column_once(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store", (3, 20_000))
        assert [(block.start, block.stop) for block in store.column_blocks()] == [
            (0, 8192),
            (8192, 16_384),
            (16_384, 20_000),
        ]

    def test_a_store_is_found_again_as_it_was_left(self, tmp_path: Path) -> None:
        features, store = some(), create(tmp_path / "store")
        store.write(store.shards[1], features[4:8])
        for again in (FeatureStore(store.folder), create(store.folder)):
            assert [shard.index for shard in again.pending()] == [0, 2]
            assert not again.complete
            np.testing.assert_array_equal(again.read(slice(4, 8)), features[4:8])
            assert (again.key, again.n_stimuli, again.n_features, again.dtype) == (store.key, 10, 7, np.float16)

    def test_rows_that_were_not_written_are_no_numbers(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store")
        assert np.isnan(store.read()).all()

    def test_a_row_of_zeros_is_a_row_of_zeros(self, tmp_path: Path) -> None:
        # All-zero chunks are what zarr leaves out unless told otherwise.
        features = some()
        features[4:8] = 0
        store = make_store(tmp_path / "store", features)
        np.testing.assert_array_equal(store.read(), features)
        np.testing.assert_array_equal(make_store(tmp_path / "zeros", np.zeros(SHAPE, "f2")).read(), np.zeros(SHAPE))

    @pytest.mark.parametrize("shape", [(3, 7), (5, 7), (4, 6), (4, 8), (4,)])
    def test_anything_but_a_whole_shard_is_refused(self, tmp_path: Path, shape: tuple[int, ...]) -> None:
        store = create(tmp_path / "store")
        with pytest.raises(ValueError, match="shard 0 has 4 rows of 7"):
            store.write(store.shards[0], np.zeros(shape, np.float16))
        assert store.pending() == store.shards

    def test_the_last_shard_is_as_long_as_what_is_left(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store")
        with pytest.raises(ValueError, match="shard 2 has 2 rows"):
            store.write(store.shards[2], np.zeros((4, 7), np.float16))

    def test_a_withdrawn_shard_that_is_written_again_holds_the_second(self, tmp_path: Path) -> None:
        features, store = some(), make_store(tmp_path / "store", some() * 2)
        store.forget(store.shards[0])
        store.write(store.shards[0], features[:4])
        np.testing.assert_array_equal(store.read(slice(0, 4)), features[:4])
        assert list(store.damaged()) == []

    def test_the_same_rows_are_the_same_bytes(self, tmp_path: Path) -> None:
        one, other = (make_store(tmp_path / name, some()) for name in ("one", "other"))
        assert digest_of(one) == digest_of(other)

    def test_a_shard_holds_at_most_what_may_be_in_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 256)
        for n_features, rows in ((100, 256), (46_656, 256), (200_000, 64), (20_000_000, 1)):
            assert create(tmp_path / str(n_features), (1000, n_features)).rows_per_shard == rows


@anywhere_at_all
class TestRecords:
    def test_what_is_left_to_do_is_read_from_the_records_alone(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store")
        other = make_store(tmp_path / "other", some())
        # The data is there, the record is not: killed between the two.
        move(other.shard_path(0), store.shard_path(0))
        assert store.pending() == store.shards
        # The record is there, the data is not: nothing but a check can know.
        for shard in store.shards:
            move(other.record_path(shard.index), store.record_path(shard.index))
        assert store.pending() == []

    def test_a_record_of_another_key_does_not_count(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some())
        path = store.place / "done" / "00001.json"
        write_json(path, {**read_json(path), "key": "another"})
        assert [shard.index for shard in store.pending()] == [1]

    def test_a_record_of_other_rows_does_not_count(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some())
        path = store.place / "done" / "00002.json"
        write_json(path, {**read_json(path), "rows": [8, 12]})
        assert [shard.index for shard in store.pending()] == [2]

    def test_a_record_is_of_the_bytes_that_another_machine_has_put_in_place_meanwhile(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As where another processor has other last digits.
        theirs = np.nextafter(some(), np.float16(np.inf))
        store, other = create(tmp_path / "store"), make_store(tmp_path / "other", theirs)
        vouch = FeatureStore._vouch

        def late(self: FeatureStore, shard: Any, checksum: str, stamp: Any) -> None:
            monkeypatch.setattr(FeatureStore, "_vouch", vouch)
            move(other.shard_path(0), store.shard_path(0))
            vouch(self, shard, checksum, stamp)

        monkeypatch.setattr(FeatureStore, "_vouch", late)
        store.write(store.shards[0], some()[:4])
        assert list(store.damaged()) == []
        np.testing.assert_array_equal(store.read(slice(0, 4)), theirs[:4])

    def test_records_that_outlived_their_rows_do_not_count(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some())
        (store.place / "manifest.json").unlink()
        _one_bit(store.shard_path(0))
        _lost(store.shard_path(1))
        assert [shard.index for shard in create(store.folder).pending()] == [0, 1]

    def test_records_that_outlived_their_array_do_not_count(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some())
        (store.place / "manifest.json").unlink()
        (store.place / "features.zarr" / "zarr.json").unlink()
        assert create(store.folder).pending() == store.shards

    def test_a_withdrawn_record_is_work_again(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some())
        store.forget(store.shards[1])
        store.forget(store.shards[1])
        assert store.pending() == [store.shards[1]]


def _cut(place: Place) -> None:
    put(place, content_of(place)[:-1])


def _emptied(place: Place) -> None:
    put(place, b"")


def _lost(place: Place) -> None:
    place.unlink()


def _one_bit(place: Place) -> None:
    content = bytearray(content_of(place))
    content[len(content) // 3] ^= 1
    put(place, bytes(content))


@anywhere_at_all
class TestDamage:
    @pytest.mark.parametrize("spoil", [_cut, _emptied, _lost, _one_bit])
    def test_a_torn_shard_is_found_and_made_again(self, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
        features = some()
        store = make_store(tmp_path / "store", features)
        whole = digest_of(store)
        assert list(store.damaged()) == []
        spoil(store.shard_path(1))
        (found,) = store.damaged()
        assert found == store.shards[1]
        store.forget(found)
        fill(FeatureStore(store.folder), features)
        assert digest_of(store) == whole

    @pytest.mark.parametrize("place", range(0, 100, 7))
    def test_a_single_flipped_bit_is_refused_on_reading(self, tmp_path: Path, place: int) -> None:
        store = make_store(tmp_path / "store", some())
        path = store.shard_path(0)
        content = bytearray(content_of(path))
        content[place * len(content) // 100] ^= 4
        put(path, bytes(content))
        with pytest.raises(DataError, match="is damaged"):
            store.read(slice(0, 4))
        np.testing.assert_array_equal(store.read(slice(4, 8)), some()[4:8])

    @pytest.mark.parametrize("content", [None, b"", b"{", b"{}", b'{"zarr_format": 3, "node_type": "group"}'])
    def test_a_damaged_description_of_the_array_is_one_sentence(self, tmp_path: Path, content: bytes | None) -> None:
        store = make_store(tmp_path / "store", some())
        path = store.place / "features.zarr" / "zarr.json"
        path.unlink()
        if content is not None:
            put(path, content)
        store.forget(store.shards[0])
        for use in (store.read, lambda: list(store.damaged()), lambda: store.write(store.shards[0], some()[:4])):
            with pytest.raises(DataError, match="is missing or damaged") as caught:
                use()
            assert "algocli cache verify" in str(caught.value.hint)

    def test_an_unfinished_shard_is_not_checked(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store")
        store.write(store.shards[0], some()[:4])
        assert list(store.damaged()) == []


class TestFiles:
    def test_a_finished_shard_is_left_as_it_is(self, tmp_path: Path) -> None:
        # Another process was faster: whoever reads the shard by now must not find it gone for a moment.
        store = make_store(tmp_path / "store", some())
        before = (store.folder / "features.zarr/c/0/0").stat()
        store.write(store.shards[0], some()[:4])
        after = (store.folder / "features.zarr/c/0/0").stat()
        assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)

    def test_writing_a_shard_clears_what_a_killed_writer_left_of_it_and_of_no_other(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store")
        mine, theirs = f"{machine()}0a1b2c{PARTIAL}", f"ffffff0a1b2c{PARTIAL}"
        left = [store.folder / place for place in (f"features.zarr/c/0/0.{mine}", f"done/00000.json.{mine}")]
        others = [store.folder / place for place in (f"features.zarr/c/1/0.{mine}", f"done/00000.json.{theirs}")]
        for path in left + others:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        store.write(store.shards[0], some()[:4])
        assert [path.exists() for path in left + others] == [False, False, True, True]

    def test_zarr_itself_reads_the_array(self, tmp_path: Path) -> None:
        import zarr

        features = some((9, 9000), "float32")
        store = make_store(tmp_path / "store", features)
        array = zarr.open_array(str(store.folder / "features.zarr"), mode="r")
        np.testing.assert_array_equal(array[:], features)
        assert array.shards == (4, 2 * 8192)
        assert array.chunks == (4, 8192)

    def test_a_record_follows_its_data_to_the_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        store, synced = create(tmp_path / "store"), []
        fsync = os.fsync

        def watched(descriptor: int) -> None:
            synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(store.folder))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", watched)
        store.write(store.shards[0], some()[:4])
        # What is written under another name first, by that which it takes.
        names = [re.sub(r"(\.json)?\.[0-9a-f]{12}\.partial$", "", str(path)) for path in synced]
        data, record = names.index("features.zarr/c/0/0"), names.index("done/00000")
        assert data < record
        assert names.index("features.zarr/c/0") < record
        assert "done" in names[record:]

    def test_what_killed_writers_left_is_swept(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some())
        whole = store_digest(store.folder)
        for place in ("features.zarr/c/0/0", "done/00000.json"):
            (store.folder / f"{place}.{machine()}0a1b2c{PARTIAL}").write_bytes(b"half")
        store.sweep()
        assert store_digest(store.folder) == whole

    def test_a_sweep_leaves_what_others_are_writing(self, tmp_path: Path) -> None:
        # A training may be writing the Gram matrix of a finished store while `extract` looks at it.
        store = make_store(tmp_path / "store", some())
        busy = store.folder / "gram" / f"matrix.npy.1234abcd{PARTIAL}"
        busy.parent.mkdir()
        busy.write_bytes(b"half")
        store.sweep()
        create(store.folder)
        assert busy.exists()


class TestManifest:
    @anywhere_at_all
    def test_where_there_is_no_store_the_step_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(MissingStep) as caught:
            FeatureStore(tmp_path / "nothing")
        assert caught.value.hint == "algocli extract"

    @pytest.mark.parametrize("schema", [0, 2, None, "1"])
    def test_a_store_of_another_version_is_refused(self, tmp_path: Path, schema: object) -> None:
        store = create(tmp_path / "store")
        manifest = store.folder / "manifest.json"
        write_sealed(manifest, {**read_json(manifest), "schema": schema})
        with pytest.raises(DataError, match="another version of algocli") as caught:
            FeatureStore(store.folder)
        assert caught.value.hint

    def test_a_damaged_manifest_is_named(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store")
        os.truncate(store.folder / "manifest.json", 20)
        with pytest.raises(DataError, match=r"manifest\.json is missing or damaged"):
            FeatureStore(store.folder)

    def test_other_features_are_not_mixed_in(self, tmp_path: Path) -> None:
        store = make_store(tmp_path / "store", some(), weights="one")
        whole = store_digest(store.folder)
        with pytest.raises(DataError, match="holds other features"):
            create(store.folder, weights="two")
        assert store_digest(store.folder) == whole

    def test_a_store_without_a_manifest_was_never_finished_and_begins_anew(self, tmp_path: Path) -> None:
        (tmp_path / "store" / "features.zarr").mkdir(parents=True)
        (tmp_path / "store" / "features.zarr" / "zarr.json").write_text("{")
        features = some()
        np.testing.assert_array_equal(make_store(tmp_path / "store", features).read(), features)

    @anywhere_at_all
    def test_the_manifest_is_written_last(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def stop(path: Path, value: object) -> None:
            assert (path.parent / "features.zarr" / "zarr.json").is_file()
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("algocli.features.store.allocation.write_sealed", stop)
            with pytest.raises(KeyboardInterrupt):
                create(tmp_path / "store")
        with pytest.raises(MissingStep):
            FeatureStore(tmp_path / "store")
        assert create(tmp_path / "store").pending()

    def test_it_says_what_the_key_is_made_of(self, tmp_path: Path) -> None:
        store = create(tmp_path / "store", weights="w", stimuli="s")
        manifest = json.loads((store.folder / "manifest.json").read_text())
        assert manifest["identity"] == {"dtype": "float16", "weights": "w", "stimuli": "s"}
        assert manifest["provenance"] == {"subject": 1}

    @anywhere_at_all
    def test_stores_made_by_many_at_once_are_one(self, tmp_path: Path) -> None:
        features, barrier, failures = some(), threading.Barrier(6), []

        def begin(index: int) -> None:
            try:
                barrier.wait()
                store = create(tmp_path / "store")
                # Each writes its own part as soon as it may.
                if index < 3:
                    shard = store.shards[index]
                    store.write(shard, features[shard.start : shard.stop])
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=begin, args=(index,)) for index in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        store = FeatureStore(tmp_path / "store")
        assert store.complete
        np.testing.assert_array_equal(store.read(), features)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_written_in_any_order_and_left_at_any_moment_a_store_ends_with_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    shape = data.draw(st.tuples(st.integers(1, 23), st.integers(1, 40)), label="shape")
    dtype = data.draw(st.sampled_from(["float16", "float32"]), label="dtype")
    home = tmp_path_factory.mktemp("store")
    features = some(shape, dtype)
    features[:: data.draw(st.integers(1, 5))] = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "algocli.features.store.shards.MAX_SHARD_ROWS", data.draw(st.sampled_from([1, 2, 4, 8, 64]), label="rows")
        )
        patch.setattr(
            "algocli.features.store.readable.CHUNK_FEATURES",
            data.draw(st.sampled_from([1, 3, 16, 8192]), label="chunk"),
        )
        whole = make_store(home / "whole", features)
        store = create(home / "store", shape, dtype)
        order = data.draw(st.permutations(store.shards), label="order")
        n_before = data.draw(st.integers(0, len(order)), label="interrupted after")
        for shard in order[:n_before]:
            store.write(shard, features[shard.start : shard.stop])
        again = create(home / "store", shape, dtype)
        assert again.pending() == sorted(order[n_before:], key=lambda shard: shard.index)
        for shard in again.shards:
            rows = again.read(slice(shard.start, shard.stop))
            done = shard in order[:n_before]
            np.testing.assert_array_equal(
                rows, features[shard.start : shard.stop] if done else np.full_like(rows, np.nan)
            )
        fill(again, features)
        assert again.complete
        assert list(again.damaged()) == []
        assert store_digest(store.folder) == store_digest(whole.folder)
        np.testing.assert_array_equal(again.read(), features)
