"""R² per vertex, held against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import hyp2f1
from scipy.stats import beta
from sklearn.metrics import r2_score

from algocli.errors import DataError, UsageError
from algocli.stats.correlation import correlate
from algocli.stats.explained import explained_variance, unbiased_square


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


@pytest.mark.parametrize("n", [5, 7, 20, 60, 540, 984])
def test_the_square_of_noise_is_zero_on_average_however_many_images_there_are(n: int) -> None:
    # r² of n normal pairs that have nothing in common is distributed so; these are its quantiles.
    r = np.sqrt(beta.ppf((np.arange(200_000) + 0.5) / 200_000, 0.5, (n - 2) / 2))
    square = unbiased_square(r[None], np.array([n]))
    assert abs(square.mean()) < 1e-6
    assert square.min() < 0 < square.max()


def test_it_is_olkin_and_pratts_estimate() -> None:
    r, n = np.array([0.05, 0.3, 0.6, 0.9, 1.0]), 40
    expected = 1 - (n - 3) / (n - 2) * (1 - r**2) * hyp2f1(1, 1, n / 2, 1 - r**2)
    np.testing.assert_allclose(unbiased_square(r[None], np.array([n])), expected, rtol=0, atol=1e-8)
    np.testing.assert_allclose(unbiased_square(-r[None], np.array([n])), -expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("rho", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("n", [60, 200])
def test_one_holdout_tells_the_square_of_what_any_number_of_images_would(n: int, rho: float) -> None:
    rng = np.random.default_rng(8)
    predicted = rng.standard_normal((n, 20_000))
    measured = rho * predicted + np.sqrt(1 - rho**2) * rng.standard_normal(predicted.shape)
    found = unbiased_square(correlate(measured, predicted)[None], np.array([n]))
    error = found.std() / np.sqrt(len(found))
    # At r = 2.5 standard errors a sign is wrong now and then.
    assert found.mean() == pytest.approx(rho**2, abs=4 * error + 0.05 / n)


@pytest.mark.parametrize("n_folds", [2, 5, 10])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_models_of_folds_are_told_the_square_that_they_have_in_truth(n_folds: int, rho: float) -> None:
    rng = np.random.default_rng(9)
    found, truth, naive = [], [], []
    for _ in range(60):
        x, weights = rng.standard_normal((300, 8)), rng.standard_normal((8, 100))
        weights *= rho / np.linalg.norm(weights, axis=0)
        y = x @ weights + np.sqrt(1 - rho**2) * rng.standard_normal((300, 100))
        r, of_models = [], []
        for held_out in np.array_split(np.arange(300), n_folds):
            fit = np.setdiff1d(np.arange(300), held_out)
            slopes = np.linalg.lstsq(x[fit] - x[fit].mean(axis=0), y[fit] - y[fit].mean(axis=0))[0]
            r.append(correlate(y[held_out], x[held_out] @ slopes))
            # What such a model has on images without end: features are independent, of variance 1.
            of_models.append((slopes * weights).sum(axis=0) / np.linalg.norm(slopes, axis=0))
        found.append(unbiased_square(np.array(r), np.full(n_folds, 300 // n_folds)).mean())
        truth.append(np.square(of_models).mean())
        naive.append(np.square(np.maximum(np.mean(r, axis=0), 0)).mean())
    error = np.std(np.subtract(found, truth)) / np.sqrt(len(found))
    assert np.mean(found) == pytest.approx(np.mean(truth), abs=4 * error + 1e-5)
    if rho == 0:
        assert np.mean(naive) > 1 / 600


def test_a_fold_in_which_nothing_varies_adds_nothing_and_too_few_images_are_refused() -> None:
    found = unbiased_square(np.array([[0.0, 0.0], [0.0, 0.6]]), np.array([20, 20]))
    assert found[0] == 0
    assert found[1] == pytest.approx(unbiased_square(np.array([[0.6]]), np.array([20]))[0] / 2)
    with pytest.raises(UsageError, match="cannot be told from 4 images"):
        unbiased_square(np.array([[0.5], [0.5]]), np.array([20, 4]))
