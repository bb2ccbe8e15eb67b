"""A store's features as an array that is read when rows are asked for."""

from __future__ import annotations

import errno
import shutil

import numpy as np
import pytest

from algocli.compute.files import read_json
from algocli.compute.vouching import write_sealed
from algocli.errors import DataError, DiskFault, MissingStep, Replaced
from algocli.features.store.manifests import read_manifest
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import fill, make_store
from tests.support.damage import flip

FEATURES = np.random.default_rng(0).standard_normal((11, 7)).astype(np.float32)
IDENTITY = {"stimuli": "by hand", "dtype": "float32"}


@pytest.fixture
def store(tmp_path):
    made = FeatureStore.create(tmp_path / "recipe/subj01-1", IDENTITY, FEATURES.shape, {"subject": 1})
    for shard in made.shards:
        made.write(shard, FEATURES[shard.start : shard.stop])
    return made


@pytest.fixture
def sharded(tmp_path, monkeypatch):
    """Three shards."""
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)
    return make_store(tmp_path / "recipe/subj01-2", FEATURES)


def test_a_shard_in_the_place_of_another_is_refused(sharded):
    one, other = (sharded.shard_path(index) for index in (0, 1))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    with pytest.raises(DataError, match="shard 1 is not what was written") as refused:
        FeatureStore(sharded.folder).read(slice(5, 6))
    assert refused.value.hint == "algocli cache verify (names the command that mends it)"
    np.testing.assert_array_equal(FeatureStore(sharded.folder).read([8, 10]), FEATURES[[8, 10]])
    assert [shard.index for shard in sharded.damaged()] == [0, 1]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_a_flipped_record_of_a_shard_is_none_and_is_told(sharded, share):
    flip(sharded.record_path(1), share)
    assert [shard.index for shard in sharded.pending()] == [1]
    assert [shard.index for shard in sharded.damaged()] == [1]
    fill(sharded, FEATURES)
    assert list(sharded.damaged()) == []
    np.testing.assert_array_equal(sharded.read(), FEATURES)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"shape": [11]}, "no store is of"),
        ({"shape": [2**70, 7]}, "no store is of"),
        ({"shape": {}}, "shape is an object; a list was expected"),
        ({"dtype": "object"}, "no store is of"),
        ({"rows_per_shard": 0}, "no store is of"),
        ({"identity": []}, "identity is a list; an object was expected"),
        ({"provenance": {"subject": None}}, "provenance.subject is null"),
        ({"key": 5}, "key is a whole number; a text was expected"),
    ],
)
def test_a_manifest_of_wrong_types_is_refused_with_the_place(store, change, told):
    path = store.folder / "manifest.json"
    write_sealed(path, {**read_json(path), **change})
    with pytest.raises(DataError, match=rf"manifest\.json is damaged: {told}"):
        FeatureStore(store.folder)


@pytest.mark.parametrize(
    "rows",
    [
        0,
        -1,
        np.int64(3),
        slice(None),
        slice(2, 5),
        slice(None, None, -2),
        [4, 1, 1, 9],
        [],
        np.arange(11) % 3 == 0,
        np.array([10, 0]),
    ],
    ids=str,
)
def test_rows_are_those_that_numpy_would_take(store, rows):
    np.testing.assert_array_equal(store.features[rows], FEATURES[rows])


def test_a_row_that_is_not_there_is_an_index_error(store):
    with pytest.raises(IndexError):
        store.features[11]


def test_all_rows_are_an_array(store):
    np.testing.assert_array_equal(np.asarray(store.features), FEATURES)
    assert (store.features.shape, len(store.features), store.features.dtype) == ((11, 7), 11, np.float32)


def test_a_store_gives_the_products_of_its_images(store):
    centred = FEATURES - FEATURES.mean(axis=0)
    found = store.gram().in_memory()
    centre = np.eye(11) - 1 / 11
    np.testing.assert_allclose(centre @ found @ centre, centred @ centred.T, atol=1e-5)


def test_the_products_of_features_that_are_half_there_are_refused(store):
    store.forget(store.shards[0])
    with pytest.raises(MissingStep, match="not complete"):
        store.gram()


def test_a_store_says_what_it_is_how_large_and_where(store):
    assert repr(store) == (f"FeatureStore(recipe, subject 1: 11 stimuli x 7 features, float32; {str(store.folder)!r})")
    store.forget(store.shards[0])
    assert "0 of them done" in repr(store)


def test_a_disk_that_fails_is_not_taken_for_a_damaged_store(store, monkeypatch):
    class Failing:
        def __getitem__(self, _: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(FeatureStore, "_readable", Failing())
    with pytest.raises(DiskFault, match="the disk reports a fault"):
        store.read(slice(0, 2))


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "others"])
@pytest.mark.parametrize("is_open", [True, False], ids=["begun", "about to be read"])
def test_features_that_are_replaced_while_they_are_read_are_not_called_damaged(sharded, is_gone, is_open):
    if is_open:
        sharded.read(slice(0, 1))
    shutil.rmtree(sharded.folder)
    if not is_gone:
        # As `import-features --force` puts others in their place.
        other = {"stimuli": "by another hand", "dtype": "float32"}
        fill(FeatureStore.create(sharded.folder, other, (8, 5), {"subject": 1}), FEATURES[:8, :5])
    with pytest.raises(Replaced, match="were replaced while they were read") as told:
        sharded.read()
    assert told.value.hint == "repeat the command"


def test_features_that_are_damaged_are_not_called_replaced(sharded):
    shutil.rmtree(sharded.place / "features.zarr")
    with pytest.raises(DataError, match="missing or damaged") as told:
        sharded.read()
    assert not isinstance(told.value, Replaced)


def test_a_manifest_that_goes_while_it_is_opened_is_no_store(sharded, monkeypatch):
    def vanishing(folder):
        shutil.rmtree(folder)
        return read_manifest(folder)

    monkeypatch.setattr("algocli.features.store.readable.read_manifest", vanishing)
    with pytest.raises(MissingStep, match="there is no feature store"):
        FeatureStore(sharded.folder)
