"""Runs scored in inner folds, held against doing all of it by hand with sklearn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge

from algocli.compute.arrays import read_kept
from algocli.encoding.splits import Fold, Split, nested_folds
from algocli.errors import DataError
from algocli.runs.inner_scores import InnerScores
from algocli.runs.run import Run
from algocli.runs.splitting import saved_split
from algocli.runs.subject_run import INNER
from tests.encoding.by_hand import N_COMPONENTS, N_TRAIN, World
from tests.results.many_layers import make_layers

FOLDS: dict[str, Any] = {"holdout": None, "refit": False}


def by_hand(world: World, run: Run, make_model: Any) -> NDArray[np.float64]:
    """Mean r over inner folds, (n_folds, n_vertices), of the left side: PCA and regression anew in each."""
    x, y = world.features[:N_TRAIN].astype(np.float64), world.measured("left")
    split = saved_split(run.subject(1), N_TRAIN)
    scores = []
    for outer in split.folds:
        others = [other.held_out for other in split.folds if other is not outer]
        if len(split.folds) < 4:
            order = np.arange(len(outer.fit))
            np.random.RandomState(run.settings.seed).shuffle(order)
            others = [outer.fit[part] for part in np.array_split(order, 5)]
        r = []
        for part in others:
            rest = np.setdiff1d(outer.fit, part)
            pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[rest])
            predicted = make_model(pca, rest).fit(pca.transform(x[rest]), y[rest]).predict(pca.transform(x[part]))
            r.append([np.corrcoef(a, b)[0, 1] for a, b in zip(y[part].T, predicted.T, strict=True)])
        scores.append(np.mean(r, axis=0))
    return np.array(scores)


def ols(pca: PCA, rest: NDArray[np.int64]) -> Any:
    return LinearRegression()


def ridge(pca: PCA, rest: NDArray[np.int64]) -> Any:
    """The penalty of a grid that has but one to choose, twice over."""
    total = pca.explained_variance_.sum() / pca.explained_variance_ratio_.sum() * (len(rest) - 1)
    return Ridge(alpha=3.0 * total / (len(rest) - 1))


@pytest.mark.parametrize("split", [{"holdout": 0.2}, {**FOLDS, "folds": 2}, {**FOLDS, "folds": 5}])
@pytest.mark.parametrize(
    ("regression", "model"), [({}, ols), ({"regression": "ridge", "alphas": (3.0, 3.0000001, 2)}, ridge)]
)
def test_inner_scores_are_those_of_a_loop_with_sklearn(world: World, split: Any, regression: Any, model: Any) -> None:
    settings = world.settings(**split, **regression)
    world.train(settings)
    run = Run(world.cache / "runs" / settings.default_name)
    found = InnerScores(run, world.subject).read()
    np.testing.assert_allclose(found["left"], by_hand(world, run, model), atol=1e-5)


def test_what_is_held_out_has_no_part_in_inner_scores(world: World) -> None:
    world.train()
    run = Run(world.cache / "runs" / world.settings().default_name)
    before = InnerScores(run, world.subject).read()
    held_out = saved_split(run.subject(1), N_TRAIN).folds[0].held_out
    world.change("left", held_out, 100.0)
    world.train(force=True)
    after = InnerScores(Run(run.folder), world.subject).read()
    np.testing.assert_array_equal(after["left"], before["left"])


def test_they_are_kept_until_the_run_is_trained_again(world: World) -> None:
    world.train()
    run = Run(world.cache / "runs" / world.settings().default_name)
    first = InnerScores(run, world.subject)
    assert first.n_models == 5
    found = first.read()
    again = InnerScores(run, world.subject)
    assert again.n_models == 0
    np.testing.assert_array_equal(again.read()["right"], found["right"])
    assert run.subject(1).faults() == []
    world.train(force=True)
    assert InnerScores(Run(run.folder), world.subject).n_models == 5


def test_damaged_ones_are_made_again(world: World) -> None:
    world.train()
    run = Run(world.cache / "runs" / world.settings().default_name)
    found = InnerScores(run, world.subject).read()
    path = run.subject(1).folder / INNER
    path.write_bytes(path.read_bytes()[:-30])
    assert read_kept(path) is None
    again = InnerScores(run, world.subject)
    assert again.n_models == 5
    np.testing.assert_array_equal(again.read()["left"], found["left"])


def test_what_leaves_out_two_folds_is_one_model_whichever_is_judged(world: World) -> None:
    settings = world.settings(**FOLDS, folds=6)
    world.train(settings)
    assert InnerScores(Run(world.cache / "runs" / settings.default_name), world.subject).n_models == 6 * 5 / 2


def test_fewer_images_have_fewer_components_and_it_is_said(world: World) -> None:
    settings = world.settings(holdout=0.2, n_components=70, regression="ridge")
    world.train(settings)
    said: list[str] = []
    InnerScores(Run(world.cache / "runs" / settings.default_name), world.subject, note=said.append).read()
    assert any("57 images, which allow 56 components, and not 70" in line for line in said)


def test_the_same_image_is_never_fitted_and_left_out(tmp_path: Path) -> None:
    same = {41: 3, 42: 3, 50: 7, 59: 58}
    layers = make_layers(tmp_path, n_layers=1, n_rois=2, seed=0, same=same)
    [run] = layers.train(holdout=0.2)
    for folds in InnerScores(run, layers.subject).inner:
        used = np.unique(np.concatenate([fold.held_out for fold in folds]))
        for fold in folds:
            np.testing.assert_array_equal(np.union1d(fold.fit, fold.held_out), used)
            for copy, original in same.items():
                if copy in used:
                    assert (copy in fold.fit) == (original in fold.fit)


def test_too_few_images_are_refused() -> None:
    split = Split([Fold(np.arange(5), np.arange(5, 9))], np.arange(9))
    with pytest.raises(DataError, match="5 fitted images cannot be divided into inner folds of at least 3"):
        nested_folds(split, np.arange(9), seed=4)
