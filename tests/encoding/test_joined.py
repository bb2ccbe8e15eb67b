"""Several layers joined: what features side by side would give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.settings import Settings
from algocli.encoding.splits import make_folds
from algocli.errors import UsageError
from tests.encoding.by_hand import N_COMPONENTS, N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features

EVERY, TEST = np.arange(N_TRAIN), np.arange(N_TRAIN, N_TRAIN + N_TEST)


@pytest.fixture
def others(world: World) -> dict[str, NDArray[np.float32]]:
    """Two more layers, by the names of their features: a large one of other things, and one that never varies."""
    rng = np.random.default_rng(3)
    large = (1000 * rng.standard_normal((N_TRAIN + N_TEST, 40)) + 50 * world.features[:, :40]).astype(np.float32)
    dead = np.full((N_TRAIN + N_TEST, 5), 3, np.float32)
    return {
        cache_features(world.cache, world.subject, rows, layer=layer): rows
        for layer, rows in (("large", large), ("dead", dead))
    }


def side_by_side(layers: list[NDArray[np.float32]], fit: NDArray[np.int64], *, scaled: bool) -> NDArray[np.float64]:
    """Put features side by side, each layer divided by what scales it."""
    parts = []
    for layer in layers:
        x = layer.astype(np.float64)
        total = ((x[fit] - x[fit].mean(axis=0)) ** 2).sum()
        parts.append(x / np.sqrt(total / (len(fit) - 1)) if scaled and total else x)
    return np.hstack(parts)


def predict(
    x: NDArray[np.float64], y: NDArray[np.float64], fit: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predict by scikit-learn."""
    pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[fit])
    predicted: NDArray[np.float64] = (
        LinearRegression().fit(pca.transform(x[fit]), y[fit]).predict(pca.transform(x[rows]))
    )
    return predicted


@pytest.mark.parametrize("hemisphere", HEMISPHERES)
@pytest.mark.parametrize("options", [{}, {"scaled": False}, {"holdout": None, "folds": 3}, {"refit": False}], ids=str)
def test_a_training_on_several_layers_equals_one_on_their_features_side_by_side(
    world: World, others: dict[str, NDArray[np.float32]], options: dict[str, Any], hemisphere: Hemisphere
) -> None:
    settings = Settings(features=(world.recipe, *others), n_components=N_COMPONENTS, **options)
    run = world.train(settings)
    layers, y = [world.features, *others.values()], world.measured(hemisphere)
    folds = make_folds(settings, N_TRAIN)
    designs = [side_by_side(layers, fold.fit, scaled=settings.scaled) for fold in folds]
    predicted = [predict(x, y, fold.fit, fold.held_out) for x, fold in zip(designs, folds, strict=True)]
    scores = [pearsonr(y[fold.held_out], own, axis=0).statistic for fold, own in zip(folds, predicted, strict=True)]
    np.testing.assert_allclose(run.validation_predictions(hemisphere), np.concatenate(predicted), atol=5e-3)
    np.testing.assert_allclose(run.correlation(hemisphere), np.mean(scores, axis=0), atol=1e-3)
    testers = [EVERY] if settings.refit else [fold.fit for fold in folds]
    expected = [predict(side_by_side(layers, fit, scaled=settings.scaled), y, fit, TEST) for fit in testers]
    np.testing.assert_allclose(run.test_predictions(hemisphere), np.mean(expected, axis=0), atol=5e-3)


def test_the_order_of_layers_changes_no_more_than_rounding(
    world: World, others: dict[str, NDArray[np.float32]]
) -> None:
    names = (world.recipe, *others)
    one, other = (
        world.train(Settings(features=order, n_components=N_COMPONENTS)).correlation("left")
        for order in (names, names[::-1])
    )
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_components_of_a_layer_alone_and_joined_are_kept_apart(
    world: World, others: dict[str, NDArray[np.float32]]
) -> None:
    large = next(iter(others))
    alone = world.train().correlation("left").copy()
    joined = world.train(Settings(features=(world.recipe, large), n_components=N_COMPONENTS)).correlation("left").copy()
    assert np.abs(alone - joined).max() > 0.01
    np.testing.assert_array_equal(world.train(force=True).correlation("left"), alone)


def test_the_record_names_every_layer(world: World, others: dict[str, NDArray[np.float32]]) -> None:
    run = world.train(Settings(features=(world.recipe, *others), n_components=N_COMPONENTS))
    assert len(set(run.record["inputs"]["features"])) == 3


def test_a_name_of_many_layers_stays_a_name() -> None:
    layers = tuple(f"alexnet-features.{n}-1a2b3c4d" for n in range(13))
    names = {Settings(features=layers[:n]).default_name for n in range(1, 14)}
    names |= {Settings(features=layers, scaled=False).default_name, Settings(features=layers[::-1]).default_name}
    assert len(names) == 15
    assert max(map(len, names)) < 200


@pytest.mark.parametrize("wrong", [{"features": ()}, {"features": ("a", "a")}, {"features": ("a",), "scaled": False}])
def test_layers_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Settings(**wrong)
