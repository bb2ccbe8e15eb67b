"""Folds that are fitted once more, held against doing by hand, with sklearn, what each figure stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from algocli.errors import DataError, MissingStep, UsageError
from algocli.runs import between_folds
from algocli.runs.between_folds import FoldsAgain
from algocli.runs.run import Run
from algocli.stats.measures import EXPLAINED
from tests.encoding.by_hand import N_COMPONENTS, N_TRAIN, World

FOLDS: dict[str, Any] = {"holdout": None, "folds": 3, "refit": False}


def folds_again(world: World, **options: Any) -> FoldsAgain:
    settings = world.settings(**FOLDS, **options)
    world.train(settings)
    return FoldsAgain(Run(world.cache / "runs" / settings.default_name), world.subject)


def mean_r(world: World, again: FoldsAgain, y: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Mean r over folds of OLS on sklearn's components, fitted with weights for the images; components stay."""
    r = []
    for fold in again.folds:
        x = world.features[:N_TRAIN].astype(np.float64)
        pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[fold.fit])
        model = LinearRegression().fit(pca.transform(x[fold.fit]), y[fold.fit], weights[fold.fit])
        r.append(np.corrcoef(y[fold.held_out], model.predict(pca.transform(x[fold.held_out])))[0, 1])
    return float(np.mean(r))


def left_of_itself(world: World, again: FoldsAgain, image: int) -> float:
    """What a model leaves of an image it was fitted on, of what it would leave of it unseen: one less its leverage."""
    left = []
    for fold in again.folds:
        if image in fold.fit:
            x = world.features[:N_TRAIN].astype(np.float64)
            scores = PCA(N_COMPONENTS, svd_solver="full").fit_transform(x[fold.fit])
            hat = scores[list(fold.fit).index(image)] / np.linalg.norm(scores, axis=0)
            left.append(1 - 1 / len(fold.fit) - (hat**2).sum())
    return float(np.mean(left))


def test_influence_is_what_weighing_an_image_more_does_to_the_other_folds(world: World) -> None:
    again = folds_again(world)
    y = world.measured("left")[:, 4]
    one = np.zeros((world.subject.n_vertices("left"), 1), np.float32)
    one[4] = 1
    found = again.influence({"left": one})
    assert found is not None
    held_out = len(again.folds[0].held_out)
    scale = np.sqrt(held_out / (held_out - 1) * (held_out + 1) / (held_out - 3))
    step = 1e-4
    for image in (0, 17, 55):
        own = step * (np.arange(N_TRAIN) == image)
        by_weight = (mean_r(world, again, y, 1 + own) - mean_r(world, again, y, 1 - own)) / (2 * step)
        left_in = left_of_itself(world, again, image)
        assert found["left"][image, 0] == pytest.approx(scale * by_weight / left_in, rel=0.1, abs=1e-5)


def mean_r2(world: World, again: FoldsAgain, y: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Mean R² over folds, else as `mean_r`."""
    scores = []
    for fold in again.folds:
        x = world.features[:N_TRAIN].astype(np.float64)
        pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[fold.fit])
        model = LinearRegression().fit(pca.transform(x[fold.fit]), y[fold.fit], weights[fold.fit])
        scores.append(r2_score(y[fold.held_out], model.predict(pca.transform(x[fold.held_out]))))
    return float(np.mean(scores))


def test_influence_on_r2_is_what_weighing_an_image_more_does_to_it(world: World) -> None:
    again = folds_again(world)
    y = world.measured("left")[:, 4]
    one = np.zeros((world.subject.n_vertices("left"), 1), np.float32)
    one[4] = 1
    found = again.influence({"left": one}, EXPLAINED)
    assert found is not None
    scale = EXPLAINED.small_fold(len(again.folds[0].held_out))
    step = 1e-4
    by_hand, told = [], []
    for image in range(0, N_TRAIN, 5):
        own = step * (np.arange(N_TRAIN) == image)
        by_weight = (mean_r2(world, again, y, 1 + own) - mean_r2(world, again, y, 1 - own)) / (2 * step)
        left_in = left_of_itself(world, again, image)
        by_hand.append(scale * by_weight / left_in)
        told.append(found["left"][image, 0])
    # Each fold's own leverage, not their mean, is in what is told.
    np.testing.assert_allclose(told, by_hand, rtol=0.1, atol=0.02 * np.abs(by_hand).max())


def test_chance_is_that_of_responses_permuted_before_anything_is_fitted(world: World) -> None:
    again = folds_again(world)
    null = again.chance(n_draws=2000, seed=1)
    rng = np.random.default_rng(5)
    y = world.measured("left")
    by_hand = [
        mean_r(world, again, rng.permutation(y[:, rng.integers(y.shape[1])]), np.ones(N_TRAIN)) for _ in range(120)
    ]
    assert abs(null.mean()) < 4 * null.std() / np.sqrt(2000) + 0.01
    assert null.std() == pytest.approx(np.std(by_hand), rel=0.25)
    # Predictions taken as they are would say one over the root of as many images as are free.
    assert null.std() > 1.2 / np.sqrt(N_TRAIN - 3)


@pytest.mark.parametrize("regression", ["ridge", "ols"])
def test_the_same_seed_gives_the_same_chance(world: World, regression: str) -> None:
    again = folds_again(world, regression=regression)
    np.testing.assert_array_equal(again.chance(n_draws=50, seed=1), again.chance(n_draws=50, seed=1))


def test_blocks_of_vertices_do_not_matter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    again = folds_again(world, regression="ridge")
    every = {side: np.eye(world.subject.n_vertices(side), 9, dtype=np.float32) for side in world.subject.sides}
    whole = again.influence(every)
    monkeypatch.setattr(between_folds, "VERTICES", 5)
    parts = again.influence(every)
    assert whole is not None
    assert parts is not None
    for side in whole:
        np.testing.assert_allclose(parts[side], whole[side], atol=1e-6)


def test_a_ridge_with_next_to_no_penalty_has_the_influence_of_ols(world: World) -> None:
    every = {"left": np.eye(world.subject.n_vertices("left"), 9, dtype=np.float32)}
    ols = folds_again(world).influence(every)
    ridge = folds_again(world, regression="ridge", alphas=(1e-9, 1e-8, 2)).influence(every)
    assert ols is not None
    assert ridge is not None
    np.testing.assert_allclose(ridge["left"], ols["left"], atol=1e-5)


def test_features_that_are_gone_are_missed(world: World) -> None:
    settings = world.settings(**FOLDS)
    world.train(settings)
    for record in (world.cache / "features").glob("*/*/manifest.json"):
        record.unlink()
    with pytest.raises(MissingStep, match=r"are gone|not complete"):
        FoldsAgain(Run(world.cache / "runs" / settings.default_name), world.subject)


def test_other_responses_are_refused(world: World) -> None:
    settings = world.settings(**FOLDS)
    world.train(settings)
    world.change("left", 3, 1.0)
    with pytest.raises(DataError, match="other responses"):
        FoldsAgain(Run(world.cache / "runs" / settings.default_name), world.subject)


def test_code_of_others_is_not_run_without_a_word(world: World) -> None:
    settings = world.settings(**FOLDS, regression="python:sklearn.cross_decomposition:PLSRegression")
    world.train(settings)
    with pytest.raises(UsageError, match="runs the code of"):
        FoldsAgain(Run(world.cache / "runs" / settings.default_name), world.subject)
