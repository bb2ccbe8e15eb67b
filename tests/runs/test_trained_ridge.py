"""A training by ridge, held against scikit-learn's own ridge of every fold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding import kernels
from algocli.encoding.settings import Alphas, Settings
from algocli.encoding.splits import make_folds
from algocli.errors import DataError, UsageError
from tests.encoding.by_hand import N_COMPONENTS, N_TEST, N_TRAIN, World

EVERY, TEST = np.arange(N_TRAIN), np.arange(N_TRAIN, N_TRAIN + N_TEST)


def sklearn_ridge(
    world: World,
    hemisphere: Hemisphere,
    fit: NDArray[np.int64],
    others: NDArray[np.int64],
    alphas: NDArray[np.float32],
    n_components: int | None,
) -> NDArray[np.float64]:
    """Predict responses to other images with these penalties, one a vertex, relative to a component's mean variance."""
    x, y = world.features.astype(np.float64), world.measured(hemisphere)
    pca = PCA(n_components or len(fit) - 1, svd_solver="full").fit(x[fit])
    total = ((x[fit] - x[fit].mean(axis=0)) ** 2).sum()
    model = Ridge(alpha=alphas.astype(np.float64) * total / (len(fit) - 1)).fit(pca.transform(x[fit]), y[fit])
    predicted: NDArray[np.float64] = model.predict(pca.transform(x[others]))
    return predicted


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
@pytest.mark.parametrize(
    "options",
    [{}, {"alpha_by": "kfold"}, {"n_components": None}, {"holdout": None, "folds": 3}, {"refit": False}],
    ids=str,
)
def test_a_training_equals_ridge_with_the_penalties_that_it_records(
    shared: World, options: dict[str, Any], hemisphere: Hemisphere
) -> None:
    settings = shared.settings(regression="ridge", **options)
    run = shared.train(settings)
    folds = make_folds(settings, N_TRAIN)
    fits = [fold.fit for fold in folds] + [EVERY] * settings.refit
    alphas = run.alphas(hemisphere)
    assert alphas.shape == (len(fits), shared.subject.n_vertices(hemisphere))
    assert np.isin(alphas, settings.relative_alphas.astype(np.float32)).all()
    held_out = [
        sklearn_ridge(shared, hemisphere, fold.fit, fold.held_out, own, settings.n_components)
        for fold, own in zip(folds, alphas, strict=False)
    ]
    np.testing.assert_allclose(run.validation_predictions(hemisphere), np.concatenate(held_out), atol=3e-3)
    testers = [(fits[-1], alphas[-1])] if settings.refit else list(zip(fits, alphas, strict=True))
    expected = [sklearn_ridge(shared, hemisphere, fit, TEST, own, settings.n_components) for fit, own in testers]
    np.testing.assert_allclose(run.test_predictions(hemisphere), np.mean(expected, axis=0), atol=3e-3)


def test_ridge_at_full_rank_beats_least_squares_where_there_are_hardly_more_images_than_components(
    shared: World,
) -> None:
    ridge, ols = (
        shared.train(shared.settings(n_components=75, regression=regression)).correlation("left")
        for regression in ("ridge", "ols")
    )
    assert np.median(ridge) > np.median(ols) + 0.05


def test_folds_one_at_a_time_are_those_all_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = world.settings(regression="ridge", holdout=None, folds=4)
    together = world.train(settings)
    before = {h: (together.validation_predictions(h)[:].copy(), together.alphas(h)[:].copy()) for h in HEMISPHERES}
    monkeypatch.setattr(kernels, "FITS_BYTES", 1)
    alone = world.train(settings, force=True)
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(alone.validation_predictions(hemisphere), before[hemisphere][0], atol=1e-5)
        np.testing.assert_array_equal(alone.alphas(hemisphere), before[hemisphere][1])


def test_vertices_at_the_edge_of_the_grid_are_told_with_a_remedy(shared: World) -> None:
    notes: list[str] = []
    shared.train(shared.settings(regression="ridge", alphas=Alphas(1e3, 1e5, 4)), note=notes.append)
    edges = [note for note in notes if "have the smallest penalty" in note]
    assert len(edges) == 1
    assert edges[0].startswith("subject 1, left and right: ")
    assert "have the smallest penalty: alphas=(10, 100000, 10) reaches further down" in edges[0]


def test_a_regression_without_penalties_has_none(shared: World) -> None:
    with pytest.raises(DataError, match="left_alpha"):
        shared.train(shared.settings(n_components=N_COMPONENTS)).alphas("left")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"alphas": Alphas(1, 0.1, 5)}, "no grid of penalties"),
        ({"alphas": Alphas(0, 1, 5)}, "no grid of penalties"),
        ({"alphas": Alphas(0.1, 1, 1)}, "no grid of penalties"),
        ({"regression": "ols", "alpha_by": "kfold"}, "ols has no penalty to choose"),
        ({"regression": "ols", "alphas": Alphas(1, 10, 5)}, "ols has no penalty to choose"),
        ({"n_components": None, "alpha_by": "kfold"}, "inner folds at full rank"),
    ],
)
def test_settings_of_ridge_that_make_no_sense_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Settings(features=("x",), **{"regression": "ridge", **wrong})
