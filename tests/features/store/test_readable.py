"""A store's features as an array that is read when rows are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.errors import MissingStep
from algocli.features.store.shards import FeatureStore

FEATURES = np.random.default_rng(0).standard_normal((11, 7)).astype(np.float32)
IDENTITY = {"stimuli": "by hand", "dtype": "float32"}


@pytest.fixture
def store(tmp_path):
    made = FeatureStore.create(tmp_path / "recipe/subj01-1", IDENTITY, FEATURES.shape, {"subject": 1})
    for shard in made.shards:
        made.write(shard, FEATURES[shard.start : shard.stop])
    return made


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
