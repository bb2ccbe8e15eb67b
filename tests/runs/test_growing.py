"""The points of a learning curve, each held against a model of exactly these images by sklearn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge

from algocli.errors import UsageError
from algocli.runs.growing import Growing
from algocli.runs.run import Run
from algocli.runs.splitting import saved_split
from tests.encoding.by_hand import N_COMPONENTS, N_TRAIN, World
from tests.runs.points import One, one_by_one

SIZES = [20, 30, 50]
MANY = [15, 20, 25, 30, 40, 50, 60]


def grow(world: World, options: dict[str, Any], **how: Any) -> Growing:
    settings = world.settings(**options)
    world.train(settings)
    run = Run(world.cache / "runs" / settings.default_name)
    return Growing(run, world.subject, **{"sizes": SIZES, "n_repeats": 2, "seed": 3, "changed": {}, **how})


def rows_of(fit: Any, n: int, seed: list[int]) -> Any:
    """The images of a subset: the first of a random order, which larger ones go on with."""
    return np.sort(np.random.default_rng(seed).permutation(fit)[:n])


@pytest.mark.parametrize("split", [{"holdout": 0.3}, {"holdout": None, "folds": 3}])
@pytest.mark.parametrize("regression", [{}, {"regression": "ridge", "alphas": (3.0, 3.0000001, 2)}])
def test_each_point_is_a_training_on_exactly_these_images(world: World, split: Any, regression: Any) -> None:
    growing = grow(world, {**split, **regression}, sizes=[*SIZES, 60])
    x, y = world.features[:N_TRAIN].astype(np.float64), world.measured("right")
    found = [one for one in one_by_one(growing) if one.side == "right"]
    # Two of those sizes that have room for two side by side.
    n_models = sum(2 if 2 * size <= growing.n_fit else 1 for size in growing.sizes)
    assert len(found) == len(growing.folds) * n_models == growing.n_models
    for one in found:
        fold = growing.folds[one.point.fold]
        rows = rows_of(fold.fit, one.point.n_images, [3, one.point.repeat, one.point.fold])
        pca = PCA(N_COMPONENTS, svd_solver="full").fit(x[rows])
        model: Any = LinearRegression()
        if regression:
            variances = np.linalg.svd(x[rows] - x[rows].mean(axis=0), compute_uv=False) ** 2
            model = Ridge(alpha=3.0 * variances.sum() / (len(rows) - 1))
        model.fit(pca.transform(x[rows]), y[rows])
        np.testing.assert_allclose(one.predicted, model.predict(pca.transform(x[fold.held_out])), rtol=1e-5, atol=1e-4)
        np.testing.assert_array_equal(one.measured, y[fold.held_out].astype(np.float32))


def test_all_images_give_what_the_run_has(world: World) -> None:
    growing = grow(world, {"holdout": 0.25}, sizes=4)
    assert growing.sizes[-1] == growing.n_fit
    last = [one for one in one_by_one(growing) if one.point.n_images == growing.n_fit and one.side == "left"]
    run = world.run(world.settings(holdout=0.25))
    np.testing.assert_allclose(last[0].predicted, run.validation_predictions("left"), rtol=1e-5)
    assert len(last) == 1


def test_a_model_of_all_images_is_the_one_that_a_training_fits(world: World) -> None:
    ridge = {"regression": "ridge", "n_components": 9}
    run = world.train(world.settings(holdout=0.25, **ridge))
    fitted = grow(world, {"holdout": 0.25}, sizes=4, changed=ridge)
    assert fitted.own is None
    last = [one for one in one_by_one(fitted) if one.point.n_images == fitted.n_fit and one.side == "left"]
    np.testing.assert_allclose(last[0].predicted, run.validation_predictions("left"), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("split", [{"holdout": 0.3}, {"holdout": None, "folds": 3}])
@pytest.mark.parametrize("regression", [{}, {"regression": "ridge"}, {"regression": "ridge", "alpha_by": "kfold"}])
def test_some_vertices_are_predicted_as_they_are_among_all(world: World, split: Any, regression: Any) -> None:
    growing = grow(world, {**split, **regression}, sizes=3, n_repeats=1)
    n_vertices = {side: world.measured(side).shape[1] for side in growing.subject.sides}
    parts = [list(one_by_one(growing, slice(0, 2))), list(one_by_one(growing, slice(2, max(n_vertices.values()))))]
    for one, first, rest in zip(one_by_one(growing), *parts, strict=True):
        assert one.predicted.shape[1] == n_vertices[one.side]
        np.testing.assert_array_equal(np.hstack([first.measured, rest.measured]), one.measured)
        np.testing.assert_allclose(np.hstack([first.predicted, rest.predicted]), one.predicted, rtol=1e-5, atol=1e-6)


def test_models_of_a_repeat_go_together_as_far_as_they_need_no_more_than_the_gram_matrix(world: World) -> None:
    growing = grow(world, {"holdout": 0.25}, sizes=MANY)
    n_held_out = len(growing.folds[0].held_out)
    together = [[point.n_images for point in one.points] for one in growing.predict() if one.side == "left"]
    assert sorted(n for sizes in together for n in sizes) == sorted(
        n for n in MANY for _ in range(growing.repeats_of(n))
    )
    assert max(map(len, together)) > 2
    for sizes in together:
        assert sizes == sorted(sizes, reverse=True)
        assert len(sizes) == 1 or sum((n + n_held_out) ** 2 for n in sizes) <= N_TRAIN**2


def test_what_all_vertices_are_fitted_for_in_one_go_goes_by_itself(world: World) -> None:
    growing = grow(world, {"holdout": 0.25, "regression": "ridge", "alpha_by": "kfold"})
    assert [len(one.points) for one in growing.predict()] == [1] * growing.n_models * len(growing.subject.sides)


@pytest.mark.parametrize("options", [{}, {"regression": "ridge"}, {"n_components": None, "regression": "ridge"}])
def test_a_model_is_the_same_whatever_goes_with_it(world: World, options: Any) -> None:
    among = {one[:2]: one.predicted for one in one_by_one(grow(world, {"holdout": 0.25, **options}, sizes=MANY))}
    few = list(one_by_one(grow(world, {"holdout": 0.25, **options}, sizes=[15, 40])))
    assert {one.point.n_images for one in few} == {15, 40}
    for one in few:
        np.testing.assert_allclose(one.predicted, among[one[:2]], rtol=1e-5, atol=1e-5)


def test_nothing_is_learned_from_what_is_held_out(world: World) -> None:
    before = list(one_by_one(grow(world, {"holdout": 0.25})))
    held_out = saved_split(world.run(world.settings(holdout=0.25)), N_TRAIN).folds[0].held_out
    world.change("left", held_out, -7.0)
    world.train(world.settings(holdout=0.25), force=True)
    again = Growing(
        Run(world.cache / "runs" / world.settings(holdout=0.25).default_name),
        world.subject,
        sizes=SIZES,
        n_repeats=2,
        seed=3,
        changed={},
    )
    for one, two in zip(before, one_by_one(again), strict=True):
        np.testing.assert_array_equal(one.predicted, two.predicted)


def test_other_settings_take_the_place_of_the_runs(world: World) -> None:
    ridge = grow(world, {"holdout": 0.25, "regression": "ridge", "n_components": 9})
    ols = grow(world, {"holdout": 0.25}, changed={"regression": "ridge", "n_components": 9})
    pairs: list[tuple[One, One]] = list(zip(one_by_one(ridge), one_by_one(ols), strict=True))
    for one, two in pairs:
        np.testing.assert_array_equal(one.predicted, two.predicted)


def test_few_images_have_fewer_components(world: World) -> None:
    growing = grow(world, {"holdout": 0.25, "n_components": 40, "regression": "ridge"})
    assert growing.components() == {20: 19, 30: 29, 50: 40}
    assert all(np.isfinite(one.predicted).all() for one in one_by_one(growing))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"sizes": [20, 500]}, "sizes=500: subject 1 has"),
        ({"sizes": [20]}, "two at least"),
        ({"sizes": 1}, "sizes"),
        ({"n_repeats": 0}, "repeats"),
        ({"changed": {"n_components": -3}}, "n_components"),
    ],
)
def test_what_cannot_be_is_refused(world: World, how: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        grow(world, {"holdout": 0.25}, **how)
