"""Penalties chosen with components that the images left out had no part in, held against PCA refitted without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from algocli.encoding.components import fit_components
from algocli.encoding.loadings import read_loadings, sum_squares
from algocli.encoding.regressions import refitted_folds
from algocli.encoding.regressions.left_out import gcv, left_out
from algocli.encoding.regressions.refitted_folds import leave_out
from algocli.encoding.regressions.ridge import fit_ridge_by_refitting
from algocli.encoding.settings import Settings
from algocli.encoding.splits import inner_folds
from algocli.features.store.matrices import Gram

N_FIT, N_FEATURES, N_VERTICES, N_COMPONENTS = 90, 400, 40, 20
GRID = np.geomspace(1e-2, 1e5, 15)
FIT, OTHERS = np.arange(N_FIT), np.arange(N_FIT, N_FIT + 30)


def planted(slope: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Features whose variance falls, and responses that follow them, from next to nothing to nearly all."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N_FIT + len(OTHERS), N_FEATURES)) * np.arange(1, N_FEATURES + 1.0) ** -(slope / 2) + 2
    signal = (x - 2) @ rng.standard_normal((N_FEATURES, N_VERTICES))
    noise = rng.standard_normal(signal.shape) * np.linspace(0.2, 4, N_VERTICES)
    return x, (signal / signal.std(axis=0) + noise + rng.standard_normal(N_VERTICES)).astype(np.float32)


def kernel_of(x: NDArray[np.float64], folder: Path) -> Gram:
    # As those of stores are: nothing of a mean that all images share is to take up float32's digits.
    centred = x - x.mean(axis=0)
    return Gram(folder, (centred @ centred.T).astype(np.float32))


def squared_errors(
    x: NDArray[np.float64], y: NDArray[np.float32], fit: NDArray[np.int64], out: NDArray[np.int64], n_components: int
) -> NDArray[np.float64]:
    """Refit PCA and ridge without some images, and return the mean squared errors on these, (n_alphas, n_vertices)."""
    pca = PCA(n_components, svd_solver="full").fit(x[fit])
    unit = ((x[fit] - x[fit].mean(axis=0)) ** 2).sum() / (len(fit) - 1)
    models = [Ridge(alpha=alpha * unit).fit(pca.transform(x[fit]), y[fit].astype(np.float64)) for alpha in GRID]
    return np.array([((model.predict(pca.transform(x[out])) - y[out]) ** 2).mean(axis=0) for model in models])


@pytest.mark.parametrize("folds", [None, 3, 5])
@pytest.mark.parametrize("n_components", [5, 50])
def test_inner_folds_choose_as_pca_and_ridge_refitted_in_each(
    tmp_path: Path, folds: int | None, n_components: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = planted(1.0)
    kernel = kernel_of(x, tmp_path)
    settings = Settings(("x",), n_components, "ridge", "kfold", holdout=None if folds else 0.1, folds=folds, seed=3)
    # One of the settings' own folds where there are some: the others are its inner folds.
    fit = np.setdiff1d(FIT, inner_folds(settings, N_FIT, FIT)[0]) if folds == 5 else FIT
    parts = inner_folds(settings, N_FIT, fit)
    expected = np.mean([squared_errors(x, y, np.setdiff1d(fit, out), out, n_components) for out in parts], axis=0)
    components = [fit_components(kernel, fit, n_components)]
    inner = leave_out(settings, N_FIT, [kernel], fit, refitted_folds.ON_CPU)
    monkeypatch.setattr(refitted_folds, "VERTICES", 17)
    (model,) = fit_ridge_by_refitting(components, [inner], y, GRID)
    chosen = expected.argmin(axis=0)
    vertices = np.arange(N_VERTICES)
    # Where they differ, the two penalties are as good as each other to the last digits.
    np.testing.assert_allclose(expected[model.chosen, vertices], expected[chosen, vertices], rtol=1e-5)
    assert (model.chosen == chosen).mean() >= 0.95
    pca = PCA(n_components, svd_solver="full").fit(x[fit])
    truth = Ridge(alpha=model.alphas[model.chosen]).fit(pca.transform(x[fit]), y[fit].astype(np.float64))
    predicted = model.predict(components[0].project(kernel, OTHERS))
    np.testing.assert_allclose(predicted, truth.predict(pca.transform(x[OTHERS])), atol=1e-5 * np.abs(y).max())


@pytest.mark.parametrize("slope", [0.7, 1.5])
@pytest.mark.parametrize("n_components", [5, 40])
def test_errors_are_those_of_leaving_each_image_out_of_pca_and_ridge(
    tmp_path: Path, slope: float, n_components: int
) -> None:
    x, y = planted(slope, seed=1)
    own = fit_components(kernel_of(x, tmp_path), FIT, n_components)
    ((_, (loadings,)),) = read_loadings([own], y[:N_FIT])
    squares = sum_squares([own], y[:N_FIT])[0]
    alphas = GRID * own.mean_variance
    truth = np.mean(
        [squared_errors(x, y, np.setdiff1d(FIT, [out]), np.array([out]), n_components) for out in FIT], axis=0
    )
    truth = truth.sum(axis=1)
    mine, given = (judge(own, alphas).errors(own, loadings, squares).sum(axis=1) for judge in (left_out, gcv))
    np.testing.assert_allclose(mine, truth, rtol=0.04)
    # Where penalties matter most, taking components as given is further off.
    assert np.abs(mine / truth - 1)[:5].max() < np.abs(given / truth - 1)[:5].max()


@pytest.mark.parametrize(("n_features", "n_components"), [(N_FEATURES, N_FIT - 1), (30, 30)])
def test_where_every_component_is_kept_it_is_generalised_cross_validation(
    tmp_path: Path, n_features: int, n_components: int
) -> None:
    x, y = planted(1.0)
    own = fit_components(kernel_of(x[:, :n_features], tmp_path), FIT, n_components)
    ((_, (loadings,)),) = read_loadings([own], y[:N_FIT])
    squares = sum_squares([own], y[:N_FIT])[0]
    alphas = GRID * own.mean_variance
    mine, given = (judge(own, alphas).errors(own, loadings, squares) for judge in (left_out, gcv))
    np.testing.assert_allclose(mine, given, rtol=2e-3)


def test_equal_variances_do_no_harm(tmp_path: Path) -> None:
    x = np.vstack([np.eye(20)] * 4) + np.repeat([[3.0]], 80, axis=0)
    own = fit_components(Gram(tmp_path, (x @ x.T).astype(np.float32)), np.arange(80), 10)
    inside, outside = left_out(own, GRID * own.mean_variance)
    assert np.isfinite(inside).all()
    assert np.isfinite(outside).all()
    assert (inside >= 0).all()
