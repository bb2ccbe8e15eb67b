"""What images add to a score, held against changing their weights a little, and widening against what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.errors import DataError, UsageError
from algocli.stats.correlation import correlate
from algocli.stats.explained import explained_variance
from algocli.stats.influence import (
    WIDEST,
    Measured,
    of_explained,
    of_predicted,
    small_fold,
    small_fold_explained,
    widening,
)


def weighted_r(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    x, y = x - np.average(x, weights=w), y - np.average(y, weights=w)
    return float(np.average(x * y, weights=w) / np.sqrt(np.average(x * x, weights=w) * np.average(y * y, weights=w)))


def test_influence_and_slope_are_derivatives() -> None:
    rng = np.random.default_rng(0)
    n, step = 40, 1e-5
    x = rng.standard_normal((n, 1))
    y = 5 + 3 * (x + rng.standard_normal((n, 1)))
    found = of_predicted(x, y)
    for image in range(n):
        own = step * (np.arange(n) == image)
        by_weight = (weighted_r(x[:, 0], y[:, 0], 1 + own) - weighted_r(x[:, 0], y[:, 0], 1 - own)) / (2 * step)
        assert found.influence[image, 0] == pytest.approx(by_weight, abs=1e-5)
        higher, lower = (np.corrcoef(x[:, 0], y[:, 0] + sign * own)[0, 1] for sign in (1, -1))
        assert found.slope[image, 0] == pytest.approx((higher - lower) / (2 * step), abs=1e-5)


def test_nothing_depends_on_a_prediction_that_never_varies() -> None:
    found = of_predicted(np.random.default_rng(0).standard_normal((9, 2)), np.full((9, 2), 0.1))
    assert not found.influence.any()
    assert not found.slope.any()


def test_responses_are_held_against_any_number_of_predictions() -> None:
    rng = np.random.default_rng(2)
    responses = rng.standard_normal((30, 400)).astype(np.float32)
    responses[:, 7] = 3
    measured = Measured(responses)
    for weight in (0, 1, 5):
        predicted = weight * responses + rng.standard_normal(responses.shape).astype(np.float32)
        r, influence = measured.correlate_with_influence(predicted)
        np.testing.assert_array_equal(r, measured.correlate(predicted))
        np.testing.assert_array_equal(r, correlate(responses, predicted))
        np.testing.assert_array_equal(influence, of_predicted(responses, predicted).influence)


def test_what_is_not_finite_is_told_once_it_is_correlated() -> None:
    responses = np.ones((5, 3))
    responses[2, 1] = np.nan
    measured = Measured(responses)
    with pytest.raises(DataError, match="measured responses hold NaN"):
        measured.correlate(np.ones((5, 3)))


@pytest.mark.parametrize("symmetric", [True, False])
def test_the_variance_of_a_quadratic_form_of_noise_is_found(symmetric: bool) -> None:
    # y'Ly with nothing on the diagonal, as cross-validation gives: its variance is tr(LL') + tr(LL).
    rng = np.random.default_rng(1)
    n = 400
    form = rng.standard_normal((n, n)) / n
    form = (form + form.T) / np.sqrt(2) if symmetric else form
    np.fill_diagonal(form, 0)
    y = rng.standard_normal((n, 300))
    predicted, fitted = y * (form @ y), y * (form.T @ y)
    estimate = widening(predicted, fitted) ** 2 * np.square(predicted).sum(axis=0)
    exact = np.trace(form @ form.T) + np.trace(form @ form)
    assert np.median(estimate) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("rho", [0, 0.5, 0.8])
@pytest.mark.parametrize("n", [10, 20, 50])
def test_slopes_tell_how_r_varies_where_images_are_few_too(n: int, rho: float) -> None:
    rng = np.random.default_rng(n)
    x, noise = rng.standard_normal((2, n, 4000))
    y = rho * x + np.sqrt(1 - rho**2) * noise
    told = small_fold(n) * np.sqrt(np.square(of_predicted(x, y).influence).sum(axis=0).mean())
    r = [np.corrcoef(x[:, vertex], y[:, vertex])[0, 1] for vertex in range(4000)]
    assert told == pytest.approx(np.std(r), rel=0.12)


def test_folds_of_a_few_images_are_refused() -> None:
    with pytest.raises(UsageError, match="folds of 4 images do not tell how sure"):
        small_fold(4)


def test_what_is_not_known_is_taken_to_be_the_most() -> None:
    np.testing.assert_allclose(widening(np.ones((5, 3)), None), WIDEST)
    np.testing.assert_allclose(widening(np.ones((5, 3)), None, n_roles=4), 2)


def test_what_is_not_told_is_a_share_of_what_is_left_to_the_most() -> None:
    predicted = np.random.default_rng(0).choice([-1.0, 1.0], (50, 2))
    # Two fifths of what predictions alone make of it are told to come from the models: 3/5 are left.
    told, widened = (widening(predicted, 0.4 * predicted, untold=share) ** 2 for share in (0, 1 / 3))
    np.testing.assert_allclose(told, 1.4)
    np.testing.assert_allclose(widened, 1.6)
    np.testing.assert_allclose(widening(predicted, predicted, untold=1 / 3), WIDEST)


def test_nothing_is_made_narrower() -> None:
    predicted = np.random.default_rng(0).standard_normal((50, 4))
    assert (widening(predicted, -3 * predicted) >= 1).all()


def weighted_r2(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    return float(1 - np.average((x - y) ** 2, weights=w) / np.average((x - np.average(x, weights=w)) ** 2, weights=w))


def test_influence_and_slope_of_r2_are_derivatives() -> None:
    rng = np.random.default_rng(0)
    n, step = 40, 1e-5
    x = 7 + rng.standard_normal((n, 1))
    y = 0.3 + x + rng.standard_normal((n, 1))
    found = of_explained(x, y)
    for image in range(n):
        own = step * (np.arange(n) == image)
        by_weight = (weighted_r2(x[:, 0], y[:, 0], 1 + own) - weighted_r2(x[:, 0], y[:, 0], 1 - own)) / (2 * step)
        assert found.influence[image, 0] == pytest.approx(by_weight, abs=1e-5)
        higher, lower = (explained_variance(x, y + sign * own[:, None])[0] for sign in (1, -1))
        assert found.slope[image, 0] == pytest.approx((higher - lower) / (2 * step), abs=1e-5)


def test_no_r2_depends_on_anything_where_responses_never_vary() -> None:
    found = of_explained(np.full((9, 2), 0.1, np.float32), np.random.default_rng(0).standard_normal((9, 2)))
    assert not found.influence.any()
    assert not found.slope.any()


@pytest.mark.parametrize("explained", [0, 0.3])
@pytest.mark.parametrize("n", [10, 20, 50])
def test_slopes_tell_how_r2_varies_where_images_are_few_too(n: int, explained: float) -> None:
    rng = np.random.default_rng(n)
    known, noise = rng.standard_normal((2, n, 8000))
    x = np.sqrt(explained) * known + np.sqrt(1 - explained) * noise
    y = np.sqrt(explained or 0.1) * known
    told = small_fold_explained(n) * np.sqrt(np.square(of_explained(x, y).influence).sum(axis=0).mean())
    assert told == pytest.approx(np.std(explained_variance(x, y)), rel=0.08)


def test_folds_of_a_few_images_do_not_tell_r2_either() -> None:
    with pytest.raises(UsageError, match="folds of 4 images do not tell how sure a share of variance"):
        small_fold_explained(4)
