"""R² per vertex, held against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score

from algocli.errors import DataError
from algocli.stats.explained import explained_variance


def test_it_equals_scikit_learns_r2_score_per_vertex() -> None:
    rng = np.random.default_rng(0)
    measured = (5 + rng.standard_normal((40, 9))).astype(np.float32)
    predicted = (0.6 * measured + rng.standard_normal((40, 9))).astype(np.float32)
    expected = r2_score(measured.astype(float), predicted.astype(float), multioutput="raw_values")
    assert expected.min() < 0
    np.testing.assert_allclose(explained_variance(measured, predicted), expected, rtol=1e-12)


def test_perfect_predictions_explain_all_and_the_mean_explains_nothing() -> None:
    measured = np.random.default_rng(1).standard_normal((30, 4))
    np.testing.assert_array_equal(explained_variance(measured, measured), 1)
    mean = np.broadcast_to(measured.mean(axis=0), measured.shape)
    np.testing.assert_allclose(explained_variance(measured, mean), 0, atol=1e-14)


@pytest.mark.parametrize("guess", [0.1, 7.0])
def test_a_vertex_that_never_varies_has_nothing_to_explain(guess: float) -> None:
    measured = np.full((7, 1), 0.1, np.float32)
    assert explained_variance(measured, np.full_like(measured, guess)) == 0


def test_different_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="shape"):
        explained_variance(np.ones((3, 2)), np.ones((2, 2)))
