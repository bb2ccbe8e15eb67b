"""Distances from inner products, held against scipy's from the features themselves."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from tests.stats.similarity.worlds import as_layer, as_roi, draw

EVERYONE = np.arange(40)
each_distance = pytest.mark.parametrize("distance", ["correlation", "euclidean", "cosine"])


@each_distance
@pytest.mark.parametrize("view", [as_layer, as_roi])
def test_distances_are_those_of_the_features(view, distance):
    features = draw(40, np.random.default_rng(0))[0] + 3 * np.random.default_rng(1).standard_normal((40, 1))
    result = view(features).among(EVERYONE, distance)
    np.testing.assert_allclose(result, squareform(pdist(features, distance)), rtol=0, atol=1e-10)


@each_distance
def test_a_mean_that_all_images_share_costs_no_digits_in_single_precision(distance):
    features = draw(40, np.random.default_rng(0))[0] + 1000
    expected = squareform(pdist(features, distance))
    (result,) = as_layer(features).strips([slice(0, 40)], distance)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-3 * expected.max())


@each_distance
def test_some_images_have_the_distances_that_they_have_among_all(distance):
    features, some = draw(40, np.random.default_rng(0))[0], np.array([3, 4, 17, 39])
    whole = squareform(pdist(features, distance))
    np.testing.assert_allclose(as_layer(features).among(some, distance), whole[np.ix_(some, some)], atol=1e-10)
    np.testing.assert_allclose(as_roi(features).among(some, distance), whole[np.ix_(some, some)], atol=1e-10)


def test_an_image_whose_features_are_all_the_same_correlates_with_none():
    features = draw(40, np.random.default_rng(0))[0]
    features[7] = 0.3
    result = as_layer(features).among(EVERYONE, "correlation")
    assert np.isfinite(result).all()
    np.testing.assert_array_equal(np.delete(result[7], 7), 1)
    assert result[7, 7] == 0
