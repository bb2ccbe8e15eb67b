"""Each image's sum and squares: those of its features, kept, and enough for correlations from the Gram matrix."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from algocli.features.store.gram import gram
from algocli.features.store.moments import moments
from algocli.stats.similarity.distances import place, to_distances
from tests.features.by_hand import make_store


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return (np.maximum(rng.standard_normal((60, 9000)), 0) + rng.random((60, 1))).astype(np.float32)


def test_moments_and_products_tell_how_images_correlate(tmp_path, features):
    store = make_store(tmp_path / "features" / "recipe" / "subj01-abc", features)
    matrix = gram(store)
    products, told = matrix.in_memory().astype(np.float64), moments(store, matrix.folder)
    np.testing.assert_allclose(told.sums, features.sum(axis=1, dtype=np.float64), rtol=1e-12)
    placed = place(np.diagonal(products), told, "correlation")
    result = to_distances(products, placed, slice(0, 60), slice(0, 60))
    # The store keeps products in single precision.
    np.testing.assert_allclose(result, squareform(pdist(features.astype(np.float64), "correlation")), atol=1e-6)


def test_they_are_kept_and_not_taken_for_those_of_other_features(tmp_path, features, monkeypatch):
    store = make_store(tmp_path / "features" / "recipe" / "subj01-abc", features)
    folder = gram(store).folder
    first = moments(store, folder)
    monkeypatch.setattr(type(store), "read", lambda *_: pytest.fail("the features were read again"))
    np.testing.assert_array_equal(moments(store, folder).squares, first.squares)
    monkeypatch.undo()
    other = make_store(tmp_path / "features" / "recipe" / "subj01-abd", 2 * features, name="other")
    np.testing.assert_allclose(moments(other, folder).sums, 2 * first.sums)
