"""Ridge regression with a penalty a vertex, held against scikit-learn's and himalaya's on the same scores."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge, RidgeCV

from algocli.encoding import loadings
from algocli.encoding.components import Components, fit_components
from algocli.encoding.loadings import Loadings, read_loadings, sum_squares
from algocli.encoding.regressions import inner_folds, ridge
from algocli.encoding.regressions.inner_folds import fit_ridge_by_folds
from algocli.encoding.regressions.left_out import gcv
from algocli.encoding.regressions.ols import fit_ols
from algocli.encoding.regressions.ridge import RidgeModel, best, fit_ridge
from algocli.encoding.splits import k_folds
from algocli.errors import UsageError
from algocli.features.store.gram import gram
from algocli.features.store.matrices import Gram
from tests.features.by_hand import make_store

N_STIMULI, N_TRAIN, N_VERTICES = 230, 200, 60
GRID = np.logspace(-2, 4, 13)
Planted = tuple[NDArray[np.float32], Gram, NDArray[np.float32]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    """Features whose variance falls, their kernel, and responses from nearly pure signal to pure noise."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((N_STIMULI, 500)) * (1 + np.arange(500)) ** -0.5 + 3
    signal = (features[:N_TRAIN] - 3) @ rng.standard_normal((500, N_VERTICES))
    signal /= signal.std(axis=0)
    noise = rng.standard_normal((N_TRAIN, N_VERTICES)) * np.linspace(0.1, 6, N_VERTICES)
    responses = (signal + noise + rng.standard_normal(N_VERTICES)).astype(np.float32)
    responses[:, -5:] = rng.standard_normal((N_TRAIN, 5))
    kernel = gram(make_store(tmp_path_factory.mktemp("ridge") / "store", features.astype(np.float32)))
    return features.astype(np.float32), kernel, responses


def folds_of(kernel: Gram, n_components: int) -> list[Components]:
    return [fit_components(kernel, fold.fit, n_components) for fold in k_folds(N_TRAIN, 3, seed=0)]


def alphas_of(model: RidgeModel) -> NDArray[np.float64]:
    """The penalty of each vertex."""
    return model.alphas[model.chosen]


def at_edges(model: RidgeModel) -> tuple[int, int]:
    """How many vertices have the smallest penalty that there was, and how many the largest."""
    return int((model.chosen == 0).sum()), int((model.chosen == len(model.alphas) - 1).sum())


def loadings_of(fold: Components, responses: NDArray[np.float32]) -> tuple[Loadings, NDArray[np.float64]]:
    ((_, (own,)),) = read_loadings([fold], responses)
    return own, sum_squares([fold], responses)[0]


@pytest.mark.parametrize("n_components", [1, 30, 132])
@pytest.mark.parametrize("fit", [fit_ridge, fit_ridge_by_folds])
def test_weights_and_predictions_equal_those_of_sklearn_with_the_same_penalties(
    planted: Planted, n_components: int, fit: object
) -> None:
    _, kernel, responses = planted
    components = folds_of(kernel, n_components)
    for own, model in zip(components, fit(components, responses, GRID), strict=True):  # type: ignore[operator]
        scores = own.scores.astype(np.float64)
        truth = Ridge(alpha=alphas_of(model)).fit(scores, responses[own.fit].astype(np.float64))
        scale = np.abs(truth.coef_.T).max(axis=0)
        assert np.abs(model.weights - truth.coef_.T).max() <= 1e-5 * scale.max()
        np.testing.assert_allclose(model.intercept, truth.intercept_, atol=1e-5)
        others = own.project(kernel, np.arange(N_TRAIN, N_STIMULI))
        np.testing.assert_allclose(model.predict(others), truth.predict(others), atol=1e-4)


def test_predictions_at_full_rank_equal_ridge_on_the_features_themselves(planted: Planted) -> None:
    features, kernel, responses = planted
    fit, others = np.arange(150), np.arange(N_TRAIN, N_STIMULI)
    own = fit_components(kernel, fit, 149)
    (model,) = fit_ridge([own], responses, GRID)
    centred = features.astype(np.float64) - features[fit].mean(axis=0, dtype=np.float64)
    truth = Ridge(alpha=alphas_of(model)).fit(centred[fit], responses[fit].astype(np.float64))
    np.testing.assert_allclose(model.predict(own.project(kernel, others)), truth.predict(centred[others]), atol=1e-3)


def test_predictions_at_full_rank_equal_himalayas_from_the_gram_matrix_alone(planted: Planted) -> None:
    himalaya = pytest.importorskip("himalaya.kernel_ridge", reason="himalaya is not installed")
    _, kernel, responses = planted
    fit, others = np.arange(150), np.arange(N_TRAIN, N_STIMULI)
    own = fit_components(kernel, fit, None)
    (model,) = fit_ridge([own], responses, GRID)
    everything = np.arange(N_STIMULI)
    whole = kernel.block(everything, everything).astype(np.float64)
    centre = np.eye(N_STIMULI)
    centre[:, fit] -= 1 / len(fit)
    whole = centre @ whole @ centre.T
    y = responses[fit].astype(np.float64)
    truth = himalaya.KernelRidge(alphas_of(model), kernel="precomputed").fit(
        whole[np.ix_(fit, fit)], y - y.mean(axis=0)
    )
    expected = truth.predict(whole[np.ix_(others, fit)]) + y.mean(axis=0)
    np.testing.assert_allclose(model.predict(own.project(kernel, others)), expected, atol=1e-3)


def test_the_unit_of_penalties_is_the_mean_variance_over_all_dimensions(planted: Planted) -> None:
    features, kernel, _ = planted
    fit = np.arange(3, 153)
    pca = PCA(svd_solver="full").fit(features[fit].astype(np.float64))
    for n_components in (5, 100):
        own = fit_components(kernel, fit, n_components)
        assert own.mean_variance == pytest.approx((pca.singular_values_[:149] ** 2).mean(), rel=1e-5)


@pytest.mark.parametrize("n_components", [20, 132])
def test_generalised_cross_validation_equals_its_definition(planted: Planted, n_components: int) -> None:
    _, kernel, responses = planted
    own = folds_of(kernel, n_components)[0]
    alphas = GRID * own.mean_variance
    n = len(own.fit)
    scores = own.scores.astype(np.float64)
    y = responses[own.fit].astype(np.float64)
    found = gcv(own, alphas).errors(own, *loadings_of(own, responses))
    for alpha, mine in zip(alphas, found, strict=True):
        inverse = np.linalg.inv(scores.T @ scores + alpha * np.eye(n_components))
        hat = scores @ inverse @ scores.T + 1 / n
        residual = y - hat @ y
        np.testing.assert_allclose(mine, n * (residual**2).sum(axis=0) / np.trace(np.eye(n) - hat) ** 2, rtol=2e-4)


def test_generalised_cross_validation_chooses_as_leaving_one_out_does(planted: Planted) -> None:
    _, kernel, responses = planted
    own = folds_of(kernel, 60)[0]
    (model,) = fit_ridge([own], responses, GRID, judge=gcv)
    scores, y = own.scores.astype(np.float64), responses[own.fit].astype(np.float64)
    errors = np.zeros((len(GRID), N_VERTICES))
    for out in range(len(y)):
        kept = np.arange(len(y)) != out
        mean = scores[kept].mean(axis=0)
        x, target = scores[kept] - mean, y[kept] - y[kept].mean(axis=0)
        for i, alpha in enumerate(model.alphas):
            weights = np.linalg.solve(x.T @ x + alpha * np.eye(60), x.T @ target)
            errors[i] += (y[out] - y[kept].mean(axis=0) - (scores[out] - mean) @ weights) ** 2
    steps = np.abs(model.chosen - errors.argmin(axis=0))
    assert (steps <= 1).mean() >= 0.95
    # The oracle's own oracle: scikit-learn's closed form of it.
    closed = RidgeCV(model.alphas, alpha_per_target=True).fit(scores, y)
    np.testing.assert_allclose(closed.alpha_, model.alphas[errors.argmin(axis=0)])


@pytest.mark.parametrize("n_components", [20, 60, 132])
def test_inner_folds_choose_the_penalties_that_himalaya_chooses(planted: Planted, n_components: int) -> None:
    himalaya = pytest.importorskip("himalaya.ridge", reason="himalaya is not installed")
    _, kernel, responses = planted
    for own in folds_of(kernel, n_components)[:2]:
        (model,) = fit_ridge_by_folds([own], responses, GRID, n_folds=4, seed=3)
        splits = [(fold.fit, fold.held_out) for fold in k_folds(len(own.fit), 4, seed=3)]
        truth = himalaya.RidgeCV(model.alphas, fit_intercept=True, cv=splits, solver_params={"warn": False}).fit(
            own.scores.astype(np.float64), responses[own.fit].astype(np.float64)
        )
        np.testing.assert_allclose(alphas_of(model), truth.best_alphas_, rtol=1e-6)
        np.testing.assert_allclose(model.weights, truth.coef_, atol=1e-5 * np.abs(truth.coef_).max())


def test_errors_of_inner_folds_equal_those_of_refitting_in_each(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, kernel, responses = planted
    own = folds_of(kernel, 70)[0]
    seen = []
    monkeypatch.setattr(inner_folds, "best", lambda errors: seen.append(errors) or best(errors))  # type: ignore[func-returns-value]
    (model,) = fit_ridge_by_folds([own], responses, GRID, n_folds=3, seed=1)
    scores, y = own.scores.astype(np.float64), responses[own.fit].astype(np.float64)
    expected = np.zeros((len(GRID), N_VERTICES))
    for fold in k_folds(len(y), 3, seed=1):
        for i, alpha in enumerate(model.alphas):
            refitted = Ridge(alpha=alpha).fit(scores[fold.fit], y[fold.fit])
            expected[i] += ((refitted.predict(scores[fold.held_out]) - y[fold.held_out]) ** 2).mean(axis=0) / 3
    np.testing.assert_allclose(np.hstack(seen), expected, rtol=1e-4)


@pytest.mark.parametrize("fit", [fit_ridge, fit_ridge_by_folds])
def test_all_folds_at_once_equal_one_by_one(planted: Planted, fit: object) -> None:
    _, kernel, responses = planted
    components = [*folds_of(kernel, 25), fit_components(kernel, np.arange(N_TRAIN), 40)]
    for own, together in zip(components, fit(components, responses, GRID), strict=True):  # type: ignore[operator]
        (alone,) = fit([own], responses, GRID)  # type: ignore[operator]
        np.testing.assert_array_equal(together.chosen, alone.chosen)
        np.testing.assert_allclose(together.weights, alone.weights, atol=1e-6)


@pytest.mark.parametrize("fit", [fit_ridge, fit_ridge_by_folds])
@pytest.mark.parametrize("n_vertices", [1, 7, 59])
def test_no_size_of_blocks_matters(
    planted: Planted, fit: object, n_vertices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, kernel, responses = planted
    components = folds_of(kernel, 25)
    whole = fit(components, responses, GRID)  # type: ignore[operator]
    monkeypatch.setattr(loadings, "BLOCK_BYTES", 12 * 78 * (n_vertices + 1))
    monkeypatch.setattr(loadings, "CACHED_VALUES", 50)
    monkeypatch.setattr(ridge, "VERTICES", n_vertices)
    monkeypatch.setattr(inner_folds, "VERTICES", n_vertices)
    for one, other in zip(whole, fit(components, responses, GRID), strict=True):  # type: ignore[operator]
        np.testing.assert_array_equal(one.chosen, other.chosen)
        np.testing.assert_allclose(one.weights, other.weights, atol=1e-6)
        np.testing.assert_allclose(one.intercept, other.intercept, atol=1e-6)


@pytest.mark.parametrize("fit", [fit_ridge, fit_ridge_by_folds])
def test_held_out_responses_never_reach_the_fit(planted: Planted, fit: object) -> None:
    _, kernel, responses = planted
    own = folds_of(kernel, 25)[0]
    held_out = np.setdiff1d(np.arange(N_TRAIN), own.fit)
    scrambled = responses.copy()
    scrambled[held_out] = 1000 * np.random.default_rng(1).standard_normal((len(held_out), N_VERTICES))
    (before,), (after,) = (fit([own], some, GRID) for some in (responses, scrambled))  # type: ignore[operator]
    np.testing.assert_array_equal(before.chosen, after.chosen)
    np.testing.assert_array_equal(before.weights, after.weights)
    np.testing.assert_array_equal(before.intercept, after.intercept)


@pytest.mark.parametrize("fit", [fit_ridge, fit_ridge_by_folds])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_shows_in_its_own_intercept_alone(planted: Planted, fit: object, bad: float) -> None:
    _, kernel, responses = planted
    spoilt = responses.copy()
    spoilt[30, 5] = bad
    components = [fit_components(kernel, np.arange(N_TRAIN), 20)]
    (clean,), (model,) = (fit(components, some, GRID) for some in (responses, spoilt))  # type: ignore[operator]
    assert np.flatnonzero(~np.isfinite(model.intercept)).tolist() == [5]
    others = np.arange(N_VERTICES) != 5
    np.testing.assert_array_equal(model.chosen[others], clean.chosen[others])


def test_a_mean_far_from_zero_changes_no_choice(planted: Planted) -> None:
    _, kernel, responses = planted
    components = folds_of(kernel, 40)
    far = (responses.astype(np.float64) + 1000).astype(np.float32)
    for fit in (fit_ridge, fit_ridge_by_folds):
        for near, shifted in zip(fit(components, responses, GRID), fit(components, far, GRID), strict=True):
            assert (near.chosen == shifted.chosen).mean() > 0.98
            np.testing.assert_allclose(shifted.intercept, near.intercept + 1000, rtol=1e-5)
            same = near.chosen == shifted.chosen
            scale = np.abs(near.weights[:, same]).max()
            np.testing.assert_allclose(shifted.weights[:, same], near.weights[:, same], atol=1e-2 * scale)


def test_of_penalties_that_are_equally_good_the_largest_is_chosen() -> None:
    errors = np.array([[3.0, 1.0, 2.0, 0.0], [2.0, 1.0, 1.0, 0.0], [2.0, 2.0, 1.0 + 1e-12, 0.0]])
    assert best(errors).tolist() == [2, 1, 2, 2]


def test_a_vertex_that_never_varies_has_the_largest_penalty_and_its_mean_as_prediction(planted: Planted) -> None:
    _, kernel, responses = planted
    dead = responses.copy()
    dead[:, 3] = 0.1
    dead[:, 4] = 0
    components = folds_of(kernel, 40)
    for model in fit_ridge(components, dead, GRID) + fit_ridge_by_folds(components, dead, GRID):
        assert model.chosen[4] == len(GRID) - 1
        np.testing.assert_allclose(model.weights[:, [3, 4]], 0, atol=1e-7)
        np.testing.assert_allclose(model.intercept[[3, 4]], [0.1, 0], atol=1e-6)


def test_vertices_at_either_edge_of_the_grid_are_counted(planted: Planted) -> None:
    _, kernel, responses = planted
    components = folds_of(kernel, 40)[:1]
    grids = (np.logspace(-4, 8, 25), np.array([1.0]))
    (wide,), (narrow,) = (fit_ridge(components, responses, grid, judge=gcv) for grid in grids)
    assert at_edges(narrow) == (N_VERTICES, N_VERTICES)
    assert at_edges(wide)[0] == 0
    # Some vertices are pure noise: for them no penalty is too large.
    assert at_edges(wide)[1] >= 1
    assert (wide.chosen[:20] < 24).all()
    (low,) = fit_ridge(components, responses, np.array([1e6, 1e7]))
    assert sum(at_edges(low)) == N_VERTICES
    assert at_edges(low)[0] > 40


def test_a_vanishing_penalty_is_least_squares(planted: Planted) -> None:
    _, kernel, responses = planted
    components = folds_of(kernel, 25)
    for expected, found in zip(
        fit_ols(components, responses), fit_ridge(components, responses, np.array([1e-9])), strict=True
    ):
        np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("grid", [[], [0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [-1.0]])
def test_penalties_must_be_positive_and_rising(planted: Planted, grid: list[float]) -> None:
    _, kernel, responses = planted
    components = folds_of(kernel, 5)
    for fit in (fit_ridge, fit_ridge_by_folds):
        with pytest.raises(UsageError, match="positive and rising"):
            fit(components, responses, np.array(grid))
