"""Products of single blocks of columns, kept for a Gram matrix: whoever made which, it is the same to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.compute.lock import hold
from algocli.errors import DataError
from algocli.features.algebra import OneDnnAlgebra
from algocli.features.store import gram as gram_module
from algocli.features.store.column_products import BLOCKS, ColumnProducts
from algocli.features.store.factor import Factor
from algocli.features.store.gram import blocks_left, gram, multiply_block, standardised_gram
from algocli.features.store.leftovers import KILLED, find_leftovers
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import digest_tree, make_store

# Three blocks of columns of which the last is narrow; two tiles of rows and a bit.
SHAPE = (150, 2 * 8192 + 300)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram_module, "TILE_ROWS", 64)


def wide() -> NDArray[np.float32]:
    features = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    # One far from all others, and some that are never negative.
    features[7] *= 100
    features[:, ::3] = np.maximum(features[:, ::3], 0)
    return features


def store_in(folder: Path, **identity: Any) -> FeatureStore:
    return make_store(folder / "features" / "recipe" / "subj01-01234567", wide(), **identity)


@pytest.mark.parametrize("by_onednn", [False, True])
@pytest.mark.parametrize("kept", [[2], [1, 0], [0, 2], [2, 1, 0]])
def test_whichever_blocks_are_kept_the_matrix_and_its_record_are_the_same(
    tmp_path: Path, kept: list[int], by_onednn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if by_onednn:
        monkeypatch.setattr(gram_module, "algebra_on", lambda *_: OneDnnAlgebra())
    alone, divided = store_in(tmp_path / "alone"), store_in(tmp_path / "divided")
    gram(alone)
    for number in kept:
        multiply_block(Factor((divided,)), number)
    assert blocks_left(Factor((divided,))) == [number for number in range(3) if number not in kept]
    gram(divided)
    made = digest_tree(divided.folder / "gram")
    assert {path.name for path in (divided.folder / "gram").iterdir()} == {"lock", "matrix.npy", "record.json"}
    assert made == digest_tree(alone.folder / "gram")
    assert blocks_left(Factor((divided,))) == []
    # Of a matrix that is there nothing is multiplied once more.
    multiply_block(Factor((divided,)), 0)
    assert digest_tree(divided.folder / "gram") == made


@pytest.mark.parametrize("spoilt", ["00001.npy", "00001.json"])
def test_a_block_that_is_not_what_was_written_is_multiplied_anew(tmp_path: Path, spoilt: str) -> None:
    alone, divided = store_in(tmp_path / "alone"), store_in(tmp_path / "divided")
    gram(alone)
    for number in range(3):
        multiply_block(Factor((divided,)), number)
    path = divided.folder / "gram" / BLOCKS / spoilt
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    assert blocks_left(Factor((divided,))) == [1]
    gram(divided)
    assert digest_tree(divided.folder / "gram") == digest_tree(alone.folder / "gram")


def test_standardised_features_of_several_stores_are_multiplied_block_by_block_to_the_same_matrix(
    tmp_path: Path,
) -> None:
    rows, digests = np.arange(3, 120), []
    for kept in ([], [4, 1], [0, 1, 2, 3, 4, 5]):
        home = tmp_path / str(len(kept))
        # The second has ten images less, which are left out.
        stores = [store_in(home), make_store(home / "features" / "other" / "subj01-01234567", wide()[:-10], layer="b")]
        factor = Factor(tuple(stores), rows)
        for number in kept:
            multiply_block(factor, number)
        assert blocks_left(factor) == [number for number in range(6) if number not in kept]
        assert standardised_gram(stores, rows).n_stimuli == 140
        assert blocks_left(factor) == []
        digests.append(digest_tree(factor.folder))
    assert len(set(digests)) == 1
    # Over other images, or of one of the stores, it is another matrix.
    for other in (Factor(tuple(stores), rows[1:]), Factor((stores[0],), rows), Factor((stores[0],))):
        assert len(blocks_left(other)) == other.n_blocks


def test_products_of_other_features_count_for_nothing(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    multiply_block(Factor((store,)), 0)
    assert [ColumnProducts(store.folder / "gram", key).has(0) for key in (store.key, "another")] == [True, False]


def test_the_record_tells_where_blocks_were_multiplied_otherwise(tmp_path: Path) -> None:
    store, other = store_in(tmp_path), {"library": "numpy", "version": "another"}
    products = np.zeros(SHAPE[0] * (SHAPE[0] + 64), np.float32)
    ColumnProducts(store.folder / "gram", store.key).keep(0, [products], len(products), other)
    gram(store)
    told = json.loads((store.folder / "gram" / "record.json").read_text())["products"]["blocks"]
    assert told[0] == other
    assert [about["version"] for about in told] == ["another", np.__version__]


def test_features_that_are_not_finite_are_told_when_blocks_are_added_up_and_nothing_is_kept(tmp_path: Path) -> None:
    features = np.ones((20, 8192 + 5), np.float32)
    features[3, 8193] = np.nan
    store = make_store(tmp_path / "features" / "recipe" / "subj01-01234567", features)
    for number in range(2):
        multiply_block(Factor((store,)), number)
    with pytest.raises(DataError, match="holds features that are not finite"):
        gram(store)
    assert blocks_left(Factor((store,))) == [0, 1]


@pytest.mark.parametrize("standard", [None, np.arange(20)], ids=["plain", "standardised"])
def test_blocks_that_nobody_added_up_are_left_by_a_command_that_was_killed(
    tmp_path: Path, standard: NDArray[np.int64] | None
) -> None:
    store = store_in(tmp_path)
    factor = Factor((store,), standard)
    multiply_block(factor, 1)
    (left,) = [left for left in find_leftovers(tmp_path) if left.path.is_relative_to(store.folder)]
    assert (left.why, left.path) == (KILLED, factor.folder / BLOCKS)
    with hold(factor.folder / "lock", shared=True):
        assert not left.delete()
    assert left.delete()
    assert blocks_left(factor) == [0, 1, 2]
