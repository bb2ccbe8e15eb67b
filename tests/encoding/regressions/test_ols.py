"""Least squares on components, held against scikit-learn's LinearRegression of each fold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from algocli.encoding import loadings
from algocli.encoding.components import Components, fit_components
from algocli.encoding.regressions.ols import fit_ols
from algocli.encoding.regressions.registry import regression_of
from algocli.encoding.settings import Settings
from algocli.encoding.splits import k_folds
from algocli.errors import UsageError
from algocli.features.store.gram import gram
from algocli.features.store.matrices import Gram
from tests.features.by_hand import make_store

N_TRAIN, N_VERTICES = 70, 23
Arrays = tuple[Gram, list[Components], NDArray[np.float32]]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Arrays:
    """A kernel of 80 images, the components of three folds of the first 70, and responses to these."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((80, 200)).astype(np.float32)
    responses = features[:N_TRAIN] @ rng.standard_normal((200, N_VERTICES)) / 10 + rng.standard_normal(N_VERTICES)
    kernel = gram(make_store(tmp_path_factory.mktemp("ols") / "store", features))
    folds = k_folds(N_TRAIN, 3, seed=0)
    return kernel, [fit_components(kernel, fold.fit, 12) for fold in folds], responses.astype(np.float32)


def test_predictions_equal_those_of_sklearn_in_every_fold(fitted: Arrays) -> None:
    kernel, components, responses = fitted
    others = np.arange(N_TRAIN, 80)
    for own, model in zip(components, fit_ols(components, responses), strict=True):
        truth = LinearRegression().fit(own.scores.astype(np.float64), responses[own.fit].astype(np.float64))
        scores = own.project(kernel, others)
        np.testing.assert_allclose(model.weights, truth.coef_.T, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(model.intercept, truth.intercept_, atol=1e-5)
        np.testing.assert_allclose(model.predict(scores), truth.predict(scores), atol=1e-4)


def test_all_folds_at_once_equal_one_by_one(fitted: Arrays) -> None:
    _, components, responses = fitted
    for own, together in zip(components, fit_ols(components, responses), strict=True):
        (alone,) = fit_ols([own], responses)
        np.testing.assert_allclose(together.weights, alone.weights, atol=1e-6)
        np.testing.assert_allclose(together.intercept, alone.intercept, atol=1e-6)


def test_folds_may_differ_in_their_number_of_components(fitted: Arrays) -> None:
    kernel, components, responses = fitted
    mixed = [components[0], fit_components(kernel, np.arange(40), 3), components[2]]
    for own, together in zip(mixed, fit_ols(mixed, responses), strict=True):
        (alone,) = fit_ols([own], responses)
        np.testing.assert_allclose(together.weights, alone.weights, atol=1e-6)
        np.testing.assert_allclose(together.intercept, alone.intercept, atol=1e-6)


@pytest.mark.parametrize("n_rows", [1, 13, 70, 4000])
def test_no_size_of_blocks_matters(fitted: Arrays, n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, components, responses = fitted
    whole = fit_ols(components, responses)
    monkeypatch.setattr(loadings, "BLOCK_ROWS", n_rows)
    for one, other in zip(whole, fit_ols(components, responses), strict=True):
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)
        np.testing.assert_allclose(one.intercept, other.intercept, atol=1e-6)


def test_held_out_responses_never_reach_the_fit(fitted: Arrays) -> None:
    _, components, responses = fitted
    own = components[0]
    scrambled = responses.copy()
    held_out = np.setdiff1d(np.arange(N_TRAIN), own.fit)
    scrambled[held_out] = 1000 * np.random.default_rng(1).standard_normal((len(held_out), N_VERTICES))
    (before,), (after,) = fit_ols([own], responses), fit_ols([own], scrambled)
    np.testing.assert_array_equal(before.weights, after.weights)
    np.testing.assert_array_equal(before.intercept, after.intercept)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", range(0, N_TRAIN, 23))
def test_a_value_that_is_not_finite_shows_in_its_own_intercept_alone(fitted: Arrays, row: int, bad: float) -> None:
    # The model looks for it there instead of reading the responses twice.
    _, components, responses = fitted
    spoilt = responses.copy()
    spoilt[row, 5] = bad
    for model in fit_ols(components, spoilt):
        assert np.flatnonzero(~np.isfinite(model.intercept)).tolist() == [5]


@pytest.mark.parametrize("dtype", [">f4", "f8", "f2"])
def test_responses_of_another_precision_or_byte_order_are_read_as_they_are(fitted: Arrays, dtype: str) -> None:
    _, components, responses = fitted
    rounded = responses.astype("f2")
    (expected,), (found,) = (
        fit_ols(components[:1], rounded.astype("f4")),
        fit_ols(components[:1], rounded.astype(dtype)),
    )
    np.testing.assert_array_equal(found.weights, expected.weights)


def test_responses_may_be_a_memory_map(fitted: Arrays, tmp_path: Path) -> None:
    _, components, responses = fitted
    np.save(tmp_path / "responses.npy", responses)
    mapped = np.load(tmp_path / "responses.npy", mmap_mode="r")
    np.testing.assert_array_equal(fit_ols(components, mapped)[0].weights, fit_ols(components, responses)[0].weights)


# What is left is what n images less their mean have beside the components: two at least, and a hundredth of the images.
@pytest.mark.parametrize(("n_fit", "most"), [(540, 533), (81, 78), (100, 97), (1000, 989), (8857, 8767)])
def test_components_that_leave_no_degrees_of_freedom_are_refused(n_fit: int, most: int) -> None:
    settings = Settings(features=("x",), n_components=n_fit - 2)
    regression_of(settings).check_components(settings, n_fit, most)
    for n_components in (most + 1, n_fit - 1):
        with pytest.raises(
            UsageError, match=f"leave least squares {n_fit - 1 - n_components} degrees of freedom"
        ) as caught:
            regression_of(settings).check_components(settings, n_fit, n_components)
        assert str(caught.value.hint).startswith(f"use n_components={most} or fewer, or regression='ridge'")


def test_of_several_layers_components_count_together() -> None:
    settings = Settings(features=("x", "y", "z"), n_components=30, join="components")
    with pytest.raises(UsageError, match="90 components of 3 layers of 92 fitted images") as caught:
        regression_of(settings).check_components(settings, 92, 90)
    assert "n_components=29 or fewer" in str(caught.value.hint)
    regression_of(settings).check_components(settings, 92, 87)


def test_a_penalty_takes_as_many_as_there_are() -> None:
    settings = Settings(features=("x",), n_components=None, regression="ridge")
    regression_of(settings).check_components(settings, 540, 539)
