"""Pearson's r of every vertex, held against scipy; vertices that never vary score exactly 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from algocli.errors import DataError
from algocli.stats.correlation import constant_vertices, correlate


@pytest.mark.parametrize("n_vertices", [1, 7, 1024, 1025, 2500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_r_is_that_of_scipy_for_every_vertex(n_vertices: int, dtype: type) -> None:
    rng = np.random.default_rng(n_vertices)
    measured = rng.standard_normal((40, n_vertices)).astype(dtype)
    predicted = (0.5 * measured + rng.standard_normal((40, n_vertices))).astype(dtype)
    expected = pearsonr(measured.astype(np.float64), predicted.astype(np.float64), axis=0).statistic
    np.testing.assert_allclose(correlate(measured, predicted), expected, atol=1e-12)


def test_a_large_mean_and_a_small_spread_cost_no_precision() -> None:
    rng = np.random.default_rng(0)
    measured = (1000 + 0.01 * rng.standard_normal((200, 5))).astype(np.float32)
    predicted = (3 * measured + 0.01 * rng.standard_normal((200, 5))).astype(np.float32)
    expected = [
        pearsonr(a, b).statistic for a, b in zip(measured.T.astype("f8"), predicted.T.astype("f8"), strict=True)
    ]
    np.testing.assert_allclose(correlate(measured, predicted), expected, atol=1e-9)


# Numbers whose mean over many copies is not the number, to the last bit.
@pytest.mark.parametrize("value", [0.0, 0.1, -0.7, 1 / 3, 1e-30, 123456.7, 1.1e30])
@pytest.mark.parametrize("n_stimuli", [2, 3, 7, 97, 984])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_never_varies_scores_exactly_zero(value: float, n_stimuli: int, dtype: type) -> None:
    varying = np.random.default_rng(0).standard_normal((n_stimuli, 3)).astype(dtype)
    constant = np.full((n_stimuli, 3), value, dtype)
    for measured, predicted in ((constant, varying), (varying, constant), (constant, constant)):
        assert correlate(measured, predicted).tolist() == [0.0, 0.0, 0.0]
    assert constant_vertices(constant).all()
    assert not constant_vertices(varying).any()


def test_only_the_dead_vertices_score_zero() -> None:
    rng = np.random.default_rng(1)
    measured = rng.standard_normal((30, 4))
    predicted = measured.copy()
    measured[:, 1] = 0.1
    predicted[:, 2] = 0.1
    np.testing.assert_allclose(correlate(measured, predicted), [1, 0, 0, 1])


@given(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=20),
    st.floats(0.125, 1000, width=32),
    st.floats(-1000, 1000, width=32),
)
def test_r_never_leaves_its_range(values: list[float], gain: float, offset: float) -> None:
    x = np.array(values)[:, None]
    for y in (x, -x, gain * x + offset):
        (r,) = correlate(x, y)
        assert -1 <= r <= 1


def test_perfect_predictions_score_one_whatever_their_unit() -> None:
    measured = np.random.default_rng(2).standard_normal((50, 6)).astype(np.float32)
    np.testing.assert_allclose(correlate(measured, 7 * measured - 2), 1, atol=1e-6)
    np.testing.assert_allclose(correlate(measured, -measured), -1, atol=1e-12)


def test_shapes_that_differ_are_refused_with_both() -> None:
    with pytest.raises(DataError, match=r"\(4, 3\), predicted ones \(4, 2\)"):
        correlate(np.zeros((4, 3)), np.zeros((4, 2)))


def test_nothing_is_changed_in_place() -> None:
    measured, predicted = np.random.default_rng(3).standard_normal((2, 10, 4))
    copies = measured.copy(), predicted.copy()
    correlate(measured, predicted)
    np.testing.assert_array_equal(measured, copies[0])
    np.testing.assert_array_equal(predicted, copies[1])
