"""Features that are standardised, and layers joined by their components: what scikit-learn makes of the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import StandardScaler

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import UsageError
from tests.encoding.by_hand import N_COMPONENTS, N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features

EVERY, TEST = np.arange(N_TRAIN), np.arange(N_TRAIN, N_TRAIN + N_TEST)


@pytest.fixture
def other(world: World) -> tuple[str, NDArray[np.float32]]:
    """Another layer: columns of very different spread, one that never varies, one that does in test images only."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((N_TRAIN + N_TEST, 40)) * np.geomspace(0.01, 100, 40) + world.features[:, :40]
    rows[:, 5] = 3
    rows[:N_TRAIN, 6] = 0
    rows = rows.astype(np.float32)
    return cache_features(world.cache, world.subject, rows, layer="other"), rows


def standardise(x: NDArray[np.floating], fit: NDArray[np.int64]) -> NDArray[np.float64]:
    scaler = StandardScaler().fit(x[fit].astype(np.float64))
    found: NDArray[np.float64] = scaler.transform(x.astype(np.float64))
    # scikit-learn leaves what never varies in the fitted rows as it is; no model of these rows can use it.
    found[:, x[fit].std(axis=0) == 0] = 0
    return found


def on_one_scale(x: NDArray[np.floating], fit: NDArray[np.int64]) -> NDArray[np.float64]:
    x = x.astype(np.float64)
    scaled: NDArray[np.float64] = x / np.sqrt(((x[fit] - x[fit].mean(axis=0)) ** 2).sum() / (len(fit) - 1))
    return scaled


def own_components(x: NDArray[np.floating], fit: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = PCA(N_COMPONENTS, svd_solver="full").fit(x[fit]).transform(x)
    return found


def by_pca_and_ols(
    x: NDArray[np.float64], y: NDArray[np.float64], fit: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    scores = own_components(x, fit)
    predicted: NDArray[np.float64] = LinearRegression().fit(scores[fit], y[fit]).predict(scores[rows])
    return predicted


@pytest.mark.parametrize("options", [{}, {"holdout": None, "folds": 3}, {"refit": False}], ids=str)
def test_a_training_on_standardised_features_equals_scikit_learns(
    world: World, other: tuple[str, NDArray[np.float32]], options: dict[str, Any]
) -> None:
    name, rows = other
    settings = Settings(features=(name,), n_components=N_COMPONENTS, standardised=True, **options)
    run = world.train(settings)
    folds = make_folds(settings, N_TRAIN)
    for hemisphere in HEMISPHERES:
        y = world.measured(hemisphere)
        expected = [by_pca_and_ols(standardise(rows, f.fit), y, f.fit, f.held_out) for f in folds]
        np.testing.assert_allclose(run.validation_predictions(hemisphere), np.concatenate(expected), atol=5e-3)
        fits = [EVERY] if settings.refit else [fold.fit for fold in folds]
        tested = [by_pca_and_ols(standardise(rows, fit), y, fit, TEST) for fit in fits]
        np.testing.assert_allclose(run.test_predictions(hemisphere), np.mean(tested, axis=0), atol=5e-3)


@pytest.mark.parametrize("scaled", [True, False])
def test_standardised_layers_are_joined_with_or_without_one_scale(
    world: World, other: tuple[str, NDArray[np.float32]], scaled: bool
) -> None:
    name, rows = other
    settings = Settings(features=(world.recipe, name), n_components=N_COMPONENTS, standardised=True, scaled=scaled)
    run = world.train(settings)
    (fold,) = make_folds(settings, N_TRAIN)
    layers = [standardise(x, fold.fit) for x in (world.features, rows)]
    design = np.hstack([on_one_scale(x, fold.fit) for x in layers] if scaled else layers)
    expected = by_pca_and_ols(design, world.measured("left"), fold.fit, fold.held_out)
    np.testing.assert_allclose(run.validation_predictions("left"), expected, atol=5e-3)


def test_a_standardised_matrix_is_kept_for_the_next_training(
    world: World, other: tuple[str, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(features=(other[0],), n_components=N_COMPONENTS, standardised=True)
    before = world.train(settings).correlation("left").copy()
    monkeypatch.setattr("algocli.features.store.gram._accumulate", None)
    again = Settings(features=(other[0],), n_components=N_COMPONENTS, standardised=True, regression="ridge")
    world.train(again)
    np.testing.assert_array_equal(world.train(settings, force=True).correlation("left"), before)


@pytest.mark.parametrize("regression", ["ols", "ridge"])
@pytest.mark.parametrize("scaled", [True, False])
def test_layers_joined_by_components_equal_their_scores_side_by_side(
    world: World, other: tuple[str, NDArray[np.float32]], regression: Any, scaled: bool
) -> None:
    name, rows = other
    settings = Settings(
        features=(world.recipe, name),
        n_components=N_COMPONENTS,
        join="components",
        scaled=scaled,
        regression=regression,
    )
    run = world.train(settings)
    (fold,) = make_folds(settings, N_TRAIN)
    y = world.measured("left")
    layers = [x.astype(np.float64) for x in (world.features, rows)]
    totals = [((x[fold.fit] - x[fold.fit].mean(axis=0)) ** 2).sum() for x in layers]
    if scaled:
        layers = [on_one_scale(x, fold.fit) for x in layers]
        totals = [len(fold.fit) - 1] * 2
    design = np.hstack([own_components(x, fold.fit) for x in layers])
    if regression == "ols":
        model: Any = LinearRegression()
    else:
        model = Ridge(alpha=run.alphas("left")[0].astype(np.float64) * sum(totals) / (len(fold.fit) - 1))
    predicted = model.fit(design[fold.fit], y[fold.fit]).predict(design[fold.held_out])
    np.testing.assert_allclose(run.validation_predictions("left"), predicted, atol=5e-3)


def test_layers_that_say_the_same_are_one_when_joined_by_components(world: World) -> None:
    twin = cache_features(world.cache, world.subject, 2 * world.features, layer="twin")
    both = world.settings(features=(world.recipe, twin), join="components")
    np.testing.assert_allclose(world.train(both).correlation("left"), world.train().correlation("left"), atol=1e-3)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"join": "components", "features": ("a",)}, "side by side"),
        ({"join": "components", "regression": "blend"}, "side by side"),
        ({"join": "components", "n_components": None}, "more than there are images"),
    ],
)
def test_joins_that_make_no_sense_are_refused(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Settings(**{"features": ("a", "b"), **wrong})


def test_more_components_of_all_layers_than_images_are_refused(
    world: World, other: tuple[str, NDArray[np.float32]]
) -> None:
    settings = Settings(features=(world.recipe, other[0]), n_components=30, join="components", folds=2, holdout=None)
    with pytest.raises(UsageError, match=r"60 components of 2 layers cannot be had from 45 images"):
        world.train(settings)


def test_names_tell_apart_how_features_were_prepared() -> None:
    options: list[dict[str, Any]] = [{}, {"standardised": True}, {"join": "components"}, {"scaled": False}]
    assert len({Settings(features=("a", "b"), **own).default_name for own in options}) == len(options)
