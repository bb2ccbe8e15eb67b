"""A training by blend: weights of layers that were learned out of fold, and the layer that each vertex follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import nnls

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.components import fit_components
from algocli.encoding.fields import USUAL_ALPHAS
from algocli.encoding.regressions.ridge import fit_ridge
from algocli.encoding.settings import Settings
from algocli.encoding.splits import N_INNER_FOLDS, inner_folds, k_folds, make_folds
from algocli.errors import DataError, UsageError
from algocli.features.store.gram import gram
from tests.encoding.by_hand import N_COMPONENTS, N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features, list_stores

N_FEATURES = 60


def layer(seed: int) -> NDArray[np.float32]:
    """Draw a layer of a few strong directions."""
    rng = np.random.default_rng(seed)
    spread = (1 + np.arange(N_FEATURES)) ** -0.8
    return (rng.standard_normal((N_TRAIN + N_TEST, N_FEATURES)) * spread).astype(np.float32)


@pytest.fixture
def planted(world: World) -> tuple[World, Settings, dict[str, NDArray[np.float32]]]:
    """Two layers: of each hemisphere the first half of the vertices follows one of them, the rest the other."""
    layers = [layer(1), layer(2)]
    names = [
        cache_features(world.cache, world.subject, rows, layer=name)
        for name, rows in zip(("early", "late"), layers, strict=True)
    ]
    for hemisphere in HEMISPHERES:
        n = world.subject.n_vertices(hemisphere)
        rng = np.random.default_rng(n)
        signal = np.hstack(
            [
                rows[:N_TRAIN, :8] @ rng.standard_normal((8, size))
                for rows, size in zip(layers, (n // 2, n - n // 2), strict=True)
            ]
        )
        world.change(hemisphere, slice(None), signal + 0.5 * rng.standard_normal(signal.shape))
    settings = Settings(features=tuple(names), regression="blend", n_components=N_COMPONENTS)
    return world, settings, dict(zip(names, layers, strict=True))


def test_the_layer_of_nearly_every_vertex_is_recovered(planted: tuple[World, Settings, Any]) -> None:
    world, settings, _ = planted
    run = world.train(settings)
    for hemisphere in HEMISPHERES:
        n = world.subject.n_vertices(hemisphere)
        weights = run.blend_weights(hemisphere)
        assert weights.shape == (2, 2, n)
        assert (weights >= 0).all()
        followed = np.repeat([0, 1], [n // 2, n - n // 2])
        assert (weights[-1].argmax(axis=0) == followed).mean() > 0.9
        assert run.alphas(hemisphere).shape == (2, 2, n)


def test_a_blend_beats_each_of_its_layers_in_every_group(planted: tuple[World, Settings, Any]) -> None:
    world, settings, _ = planted
    alone = [
        world.train(Settings(features=(name,), regression="ridge", n_components=N_COMPONENTS))
        for name in settings.features
    ]
    blend = world.train(settings)
    for hemisphere in HEMISPHERES:
        best = max(run.correlation(hemisphere).mean() for run in alone)
        assert blend.correlation(hemisphere).mean() > best + 0.1


def test_weights_are_those_of_least_squares_on_predictions_out_of_fold(planted: tuple[World, Settings, Any]) -> None:
    world, settings, _ = planted
    run = world.train(settings)
    (fold,) = make_folds(settings, N_TRAIN)
    stores = {store.folder.parent.name: store for store in list_stores(world.cache)}
    grams = [gram(stores[name]) for name in settings.features]
    responses = np.asarray(world.measured("left"), dtype=np.float32)
    predicted = np.zeros((2, *responses.shape))
    for inner in k_folds(len(fold.fit), N_INNER_FOLDS, settings.seed):
        fit, rows = fold.fit[inner.fit], fold.fit[inner.held_out]
        for number, kernel in enumerate(grams):
            own = fit_components(kernel, fit, N_COMPONENTS)
            (model,) = fit_ridge([own], responses, np.geomspace(*USUAL_ALPHAS))
            predicted[number, rows] = model.predict(own.project(kernel, rows))
    x, y = predicted[:, fold.fit], responses[fold.fit]
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=0)
    expected = np.stack([nnls(x[:, :, vertex].T, y[:, vertex])[0] for vertex in range(y.shape[1])], axis=1)
    np.testing.assert_allclose(run.blend_weights("left")[0], expected, atol=1e-3)


def test_folds_serve_each_other_as_inner_folds(planted: tuple[World, Settings, Any]) -> None:
    world, settings, _ = planted
    settings = replace(settings, holdout=None, folds=4)
    world.train(settings)
    # Four folds, six pairs of them, and all images: eleven sets where five times five and one would be twenty-six.
    for store in list_stores(world.cache):
        if store.folder.parent.name in settings.features:
            assert len(list((store.folder / "gram" / "spectra").iterdir())) == 11


@pytest.mark.parametrize("n_folds", [2, 3, 4, 5, 6, 7])
def test_inner_folds_leave_out_every_fitted_image_once_and_no_other(n_folds: int) -> None:
    settings = Settings(features=("a", "b"), regression="blend", holdout=None, folds=n_folds)
    for fit in [*(fold.fit for fold in make_folds(settings, N_TRAIN)), np.arange(N_TRAIN)]:
        parts = inner_folds(settings, N_TRAIN, fit)
        assert len(parts) >= 3
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), fit)


def test_held_out_images_have_no_part_in_a_blend(planted: tuple[World, Settings, Any]) -> None:
    world, settings, layers = planted
    settings = Settings(features=settings.features, regression="blend", n_components=N_COMPONENTS, refit=False)
    before = world.train(settings)
    weights, predictions = before.blend_weights("left").copy(), before.test_predictions("left").copy()
    rows = before.validation_rows()
    rng = np.random.default_rng(5)
    for hemisphere in HEMISPHERES:
        world.change(hemisphere, rows, rng.standard_normal((len(rows), world.subject.n_vertices(hemisphere))))
    scrambled = {}
    for name, features in layers.items():
        scrambled[name] = features.copy()
        scrambled[name][rows] = 10 * rng.standard_normal((len(rows), N_FEATURES))
    other = world.with_features(world.features)
    names = [
        cache_features(other.cache, other.subject, rows, layer=which)
        for which, rows in zip(("early", "late"), scrambled.values(), strict=True)
    ]
    after = other.train(Settings(features=tuple(names), regression="blend", n_components=N_COMPONENTS, refit=False))
    np.testing.assert_allclose(after.blend_weights("left"), weights, atol=5e-3)
    np.testing.assert_allclose(after.test_predictions("left"), predictions, atol=5e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_responses_that_are_not_finite_are_refused(planted: tuple[World, Settings, Any], bad: float) -> None:
    world, settings, _ = planted
    world.change("right", (7, 3), bad)
    with pytest.raises(DataError, match="not finite in 1 columns, for instance in row 7, column 3"):
        world.train(settings)


def test_one_layer_is_no_blend() -> None:
    with pytest.raises(UsageError, match="two layers or more"):
        Settings(features=("x",), regression="blend")
    with pytest.raises(UsageError, match="two layers or more"):
        Settings(features=("x", "y"), regression="blend", alpha_by="kfold")
