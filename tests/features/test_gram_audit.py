"""A Gram matrix beside its features: the right one passes, wrong ones are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.compute.files import write_json
from algocli.features.audit import gram_fault
from algocli.features.store.gram import gram
from algocli.features.store.shards import FeatureStore
from algocli.features.store.upgrading import adopt
from tests.features.by_hand import make_store

ROWS = (0, 199)


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    features = np.random.default_rng(0).standard_normal((200, 50)).astype(np.float16)
    made = make_store(tmp_path / "subj01-00000000", features)
    gram(made)
    return made


def spoil(store: FeatureStore, change: Callable[[NDArray[Any]], None]) -> None:
    matrix = np.load(store.folder / "gram/matrix.npy", mmap_mode="r+")
    change(matrix)
    matrix.flush()
    # As no accident would: the record vouches for it.
    adopt(store.folder / "gram/record.json")


def test_a_right_one_passes(store: FeatureStore) -> None:
    assert gram_fault(store, ROWS) is None


def test_a_right_one_of_features_far_from_zero_passes(tmp_path: Path) -> None:
    spread = np.random.default_rng(1).standard_normal((60, 300))
    store = make_store(tmp_path / "far", (1e4 + spread).astype(np.float32))
    gram(store)
    assert gram_fault(store, (0, 59)) is None


def test_none_at_all_is_no_fault(tmp_path: Path) -> None:
    assert gram_fault(make_store(tmp_path / "bare", np.ones((5, 4), np.float32)), (0, 4)) is None


def test_one_value_off_the_diagonal_breaks_the_symmetry(store: FeatureStore) -> None:
    def change(matrix: NDArray[Any]) -> None:
        matrix[3, 110] += 1e-3

    spoil(store, change)
    assert gram_fault(store, ROWS) == "it is not symmetric near row 0, column 100"


def test_a_scaled_one_is_told_by_a_distance(store: FeatureStore) -> None:
    def change(matrix: NDArray[Any]) -> None:
        matrix *= 1.01

    expected = ((np.diff(store.read([0, 199]).astype(float), axis=0)) ** 2).sum()
    spoil(store, change)
    assert gram_fault(store, ROWS) == (
        f"the squared distance of rows 0 and 199 is {1.01 * expected:g} in it and {expected:g} in the features"
    )


def test_one_that_is_not_finite_is_told(store: FeatureStore) -> None:
    def change(matrix: NDArray[Any]) -> None:
        matrix[5, 5] = np.nan

    spoil(store, change)
    assert gram_fault(store, ROWS) == "it holds numbers that are not finite"


def test_one_of_another_size_is_told(store: FeatureStore) -> None:
    np.save(store.folder / "gram/matrix.npy", np.zeros((4, 5), np.float32))
    assert gram_fault(store, ROWS) == "it is 4 x 5; 200 images were expected"


def test_one_of_other_features_is_told(store: FeatureStore) -> None:
    write_json(store.folder / "gram/record.json", {"key": "another"})
    assert gram_fault(store, ROWS) == "it belongs to other features"


def test_one_that_is_gone_is_told(store: FeatureStore) -> None:
    (store.folder / "gram/matrix.npy").unlink()
    assert "matrix.npy is missing or damaged" in str(gram_fault(store, ROWS))
