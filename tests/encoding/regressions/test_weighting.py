"""Non-negative blends of predictions, vertex by vertex, held against scipy's solver of one problem."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import nnls

from algocli.encoding.regressions.weighting import Blend, BlendSums, nonnegative_least_squares

Data = tuple[list[NDArray[np.float32]], NDArray[np.float32]]


def draw(n_models: int, n_vertices: int, seed: int, n_stimuli: int = 300, common: float = 1.0) -> Data:
    """Predictions that have much in common, and responses that some of them follow, others oppose."""
    rng = np.random.default_rng(seed)
    shared = common * rng.standard_normal((n_stimuli, n_vertices))
    predictions = [shared + rng.standard_normal((n_stimuli, n_vertices)) + 2 for _ in range(n_models)]
    truth = rng.standard_normal((n_models, n_vertices))
    measured = np.einsum("lv,lnv->nv", truth, np.array(predictions)) + rng.standard_normal((n_stimuli, n_vertices)) - 3
    return [one.astype(np.float32) for one in predictions], measured.astype(np.float32)


def blend_of(predictions: list[NDArray[np.float32]], measured: NDArray[np.float32]) -> Blend:
    sums = BlendSums(len(predictions), measured.shape[1])
    sums.add(predictions, measured)
    return sums.fit()


def by_scipy(predictions: list[NDArray[np.float32]], measured: NDArray[np.float32]) -> NDArray[np.float64]:
    stacked = np.array(predictions, dtype=np.float64)
    stacked -= stacked.mean(axis=1, keepdims=True)
    centred = measured - measured.mean(axis=0, dtype=np.float64)
    return np.stack([nnls(stacked[:, :, v].T, centred[:, v])[0] for v in range(measured.shape[1])], axis=1)


@pytest.mark.parametrize("n_models", [1, 2, 5, 10])
@pytest.mark.parametrize("common", [0.0, 1.0, 10.0])
def test_weights_equal_those_of_scipys_solver_vertex_by_vertex(n_models: int, common: float) -> None:
    predictions, measured = draw(n_models, 80, seed=n_models, common=common)
    expected = by_scipy(predictions, measured)
    np.testing.assert_allclose(blend_of(predictions, measured).weights, expected, atol=1e-6)
    # Else there is nothing to constrain, or nothing left.
    assert (expected == 0).any()
    assert (expected > 0).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(0.001, 1000))
def test_no_other_weights_do_better(n_models: int, seed: int, common: float, scale: float) -> None:
    predictions, measured = draw(n_models, 6, seed, n_stimuli=40, common=common)
    predictions[0] = predictions[0] * np.float32(scale)
    stacked = np.array(predictions, dtype=np.float64)
    stacked -= stacked.mean(axis=1, keepdims=True)
    centred = measured - measured.mean(axis=0, dtype=np.float64)
    mine, truth = blend_of(predictions, measured).weights, by_scipy(predictions, measured)
    assert (mine >= 0).all()

    def error(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((centred - np.einsum("lv,lnv->nv", weights, stacked)) ** 2).sum(axis=0)

    assert (error(mine) <= error(truth) * (1 + 1e-8)).all()


@pytest.mark.parametrize("n_rows", [1, 7, 299])
def test_images_may_come_in_blocks(n_rows: int) -> None:
    predictions, measured = draw(3, 20, seed=0)
    whole = blend_of(predictions, measured)
    sums = BlendSums(3, 20)
    for start in range(0, 300, n_rows):
        rows = slice(start, start + n_rows)
        sums.add([one[rows] for one in predictions], measured[rows])
    np.testing.assert_allclose(sums.fit().weights, whole.weights, atol=1e-9)
    np.testing.assert_allclose(sums.fit().intercept, whole.intercept, atol=1e-9)


def test_a_blend_predicts_its_weighted_sum_and_has_the_responses_mean() -> None:
    predictions, measured = draw(4, 30, seed=2)
    blend = blend_of(predictions, measured)
    predicted = blend.predict(predictions)
    expected = np.einsum("lv,lnv->nv", blend.weights, np.array(predictions)) + blend.intercept
    np.testing.assert_allclose(predicted, expected, atol=1e-4)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted.mean(axis=0), measured.mean(axis=0), atol=1e-4)


def test_planted_weights_are_found_and_need_not_sum_to_one() -> None:
    predictions, _ = draw(3, 5, seed=3)
    measured = 0.5 * predictions[0] + 0.0 * predictions[1] + 0.125 * predictions[2] + 4
    blend = blend_of(predictions, measured)
    np.testing.assert_allclose(blend.weights, np.array([[0.5], [0], [0.125]]) * np.ones(5), atol=1e-6)
    np.testing.assert_allclose(blend.intercept, 4, atol=1e-5)


def test_models_that_say_the_same_share_their_weight_or_one_has_it_all() -> None:
    predictions, _ = draw(2, 5, seed=4)
    blend = blend_of([predictions[0], predictions[0], predictions[1]], predictions[0] + predictions[1])
    assert (blend.weights >= 0).all()
    np.testing.assert_allclose(blend.weights[0] + blend.weights[1], 1, atol=1e-5)
    np.testing.assert_allclose(blend.weights[2], 1, atol=1e-5)


def test_a_model_that_never_varies_and_a_vertex_that_never_does_have_no_weights() -> None:
    predictions, measured = draw(3, 5, seed=5)
    predictions[1][:] = 7
    measured[:, 2] = 0.1
    blend = blend_of(predictions, measured)
    np.testing.assert_array_equal(blend.weights[1], 0)
    np.testing.assert_allclose(blend.weights[:, 2], 0, atol=1e-12)
    assert blend.intercept[2] == pytest.approx(0.1)


def test_predictions_that_oppose_the_responses_are_left_out() -> None:
    predictions, _ = draw(2, 5, seed=6, common=0)
    blend = blend_of(predictions, -predictions[0] - predictions[1])
    np.testing.assert_array_equal(blend.weights, 0)


def test_means_far_from_zero_do_not_drown_the_rest() -> None:
    predictions, measured = draw(3, 10, seed=7)
    far = [one.astype(np.float64) + 1e6 for one in predictions]
    sums = BlendSums(3, 10)
    sums.add(far, measured.astype(np.float64) - 1e6)  # type: ignore[arg-type]
    np.testing.assert_allclose(sums.fit().weights, blend_of(predictions, measured).weights, atol=1e-6)


def test_no_problems_are_no_solutions() -> None:
    assert nonnegative_least_squares(np.empty((0, 3, 3)), np.empty((0, 3))).shape == (0, 3)
