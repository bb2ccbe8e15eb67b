"""Differences between runs in folds: what they are widened by, where the runs differ in models and where in choices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from algocli.compute.track import silent
from algocli.encoding.settings import Settings
from algocli.results.held_out import HeldOut, held_out
from algocli.results.redrawing import draw
from algocli.results.resampling import Linearised, resample_rois
from tests.benchmarks.worlds import World, draw_truth

ROIS = {"a": np.arange(6), "b": np.arange(6, 12)}
GRID = {"alphas": (1e-1, 1e5, 7)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    rng = np.random.default_rng(0)
    return World.draw(tmp_path_factory.mktemp("drawn") / "w", rng, draw_truth(rng, 12), n=120, signal=0.6, n_layers=2)


def trained(world: World, **options: Any) -> HeldOut:
    usual = {"features": world.features[:1], "n_components": 20, "regression": "ridge"}
    folds = {"holdout": None, "folds": 3, "refit": False}
    return held_out(world.train(Settings(**{**usual, **folds, **options})), "someone")


def difference(world: World, *others: dict[str, Any]) -> tuple[Linearised, list[str]]:
    notes: list[str] = []
    runs = [trained(world), *(trained(world, **options) for options in others)]
    counts = draw(120, n_resamples=50, seed=1)
    found = resample_rois(world.person, runs, {"all": ROIS}, counts, track=silent, note=notes.append)["all"]["a"]
    assert isinstance(found, Linearised)
    return found, notes


def alone(found: Linearised, weights: list[float]) -> np.ndarray:
    """What a difference would be in every resample, were no image in two models."""
    by_image = np.asarray(weights) @ found.predicted
    return np.asarray(weights) @ found.means + (found.counts - 1) @ by_image


def widened(found: Linearised, weights: list[float]) -> float:
    middle = float(np.asarray(weights) @ found.means)
    ratios = (found.contrast(weights) - middle) / (alone(found, weights) - middle)
    assert np.ptp(ratios) < 1e-6
    return float(ratios[0])


def test_runs_that_differ_only_in_choosing_penalties_are_told_apart_with_the_widest_there_is(world: World) -> None:
    found, notes = difference(world, GRID, {"alpha_by": "kfold"}, {"n_components": 10}, {"regression": "ols"})
    for weights in ([-1, 1, 0, 0, 0], [-1, 0, 1, 0, 0], [0, 1, -1, 0, 0]):
        assert widened(found, weights) == pytest.approx(np.sqrt(2))
    others = [widened(found, weights) for weights in ([-1, 0, 0, 1, 0], [-1, 0, 0, 0, 1], [1, 0, 0, 0, 0])]
    assert all(abs(one - np.sqrt(2)) > 1e-3 for one in others)
    assert notes == []


def test_the_same_choices_for_other_features_are_not_what_differs(world: World) -> None:
    found, _ = difference(world, {"features": world.features[1:]})
    assert found.models.tolist() == [0, 1]
    assert abs(widened(found, [-1, 1]) - np.sqrt(2)) > 1e-3


def test_blends_whose_inner_folds_use_every_image_again_are_widened_more_than_what_they_are_compared_with(
    world: World,
) -> None:
    found, notes = difference(world, {"features": world.features, "regression": "blend"}, {"n_components": 10})
    assert widened(found, [0, 1, 0]) == pytest.approx(2)
    assert widened(found, [-1, 0, 1]) == pytest.approx(np.sqrt(2))
    assert len(notes) == 1
    assert "not tell how folds depend on each other" in notes[0]


def test_what_a_blend_differs_by_from_a_model_of_another_kind_is_as_unsure_as_fits_on_other_images(
    world: World,
) -> None:
    blend = {"features": world.features, "regression": "blend"}
    found, _ = difference(world, blend, blend | {"features": world.features[::-1]}, blend | {"n_components": 10})
    many = replace(found, counts=draw(120, n_resamples=20000, seed=2))
    of_run = np.square(found.predicted).sum(axis=1)
    for first, second, unknown in ((1, 0, 3 * of_run[1] + of_run[0]), (1, 2, 3 * of_run[1] + 3 * of_run[2])):
        weights = np.eye(4)[first] - np.eye(4)[second]
        drawn = many.contrast(weights.tolist())
        assert drawn.mean() == pytest.approx(weights @ found.means, abs=0.03 * drawn.std())
        assert drawn.var() == pytest.approx(np.square(weights @ found.predicted).sum() + unknown, rel=0.04)
    assert widened(found, [0, 1, 0, -1]) == pytest.approx(2)


def test_a_blend_that_predicts_what_its_only_layer_does_is_not_told_to_do_so_on_all_images(world: World) -> None:
    found, _ = difference(world, {"features": world.features, "regression": "blend"})
    same = replace(found, means=found.means[[0, 0]], predicted=found.predicted[[0, 0]])
    # By itself ridge has two roles; the difference has what is unknown of both, three and one.
    assert same.contrast([-1, 1]).std() == pytest.approx(np.sqrt(4 / 2) * same.contrast([1, 0]).std())
