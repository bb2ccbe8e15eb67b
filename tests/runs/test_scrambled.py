"""Nothing fitted knows of the images that it is judged by: for every regression, and every way to join layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.sides import HEMISPHERES
from algocli.runs.run import SubjectRun
from tests.encoding.by_hand import N_TEST, N_TRAIN, World
from tests.features.by_hand import cache_features

LAYERS = ("first", "second")
N_FEATURES = 40
OPTIONS: list[dict[str, Any]] = [
    {},
    {"scaled": False},
    {"standardised": True},
    {"standardised": True, "scaled": False},
    {"join": "components"},
    {"join": "components", "standardised": True, "regression": "ridge"},
    {"regression": "ridge"},
    {"regression": "ridge", "n_components": None},
    {"regression": "ridge", "alpha_by": "kfold"},
    {"regression": "blend"},
    {"regression": "blend", "standardised": True},
    {"regression": "banded", "n_iter": 3, "search_seed": 0},
    {"holdout": None, "folds": 4, "regression": "blend"},
]


def _layers() -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(5)
    spread = (1 + np.arange(N_FEATURES)) ** -0.7
    shape = (N_TRAIN + N_TEST, N_FEATURES)
    return [(rng.standard_normal(shape) * spread).astype(np.float32) for _ in LAYERS]


def _trained(world: World, layers: list[NDArray[np.float32]], options: dict[str, Any]) -> SubjectRun:
    names = tuple(
        cache_features(world.cache, world.subject, rows, layer=name) for name, rows in zip(LAYERS, layers, strict=True)
    )
    return world.train(world.settings(features=names, refit=False, **{"n_components": 10, **options}))


@pytest.mark.parametrize("options", [o for o in OPTIONS if "folds" not in o], ids=str)
def test_what_is_held_out_has_no_part_in_what_is_fitted(world: World, options: dict[str, Any]) -> None:
    layers = _layers()
    before = _trained(world, layers, options)
    rows, rng = before.validation_rows()[:].copy(), np.random.default_rng(6)
    tests = {h: before.test_predictions(h)[:].copy() for h in HEMISPHERES}
    for hemisphere in HEMISPHERES:
        world.change(hemisphere, rows, 100 * rng.standard_normal((len(rows), world.subject.n_vertices(hemisphere))))
    for layer in layers:
        layer[rows] = 30 * rng.standard_normal((len(rows), N_FEATURES))
    after = _trained(world.with_features(world.features), layers, options)
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(after.test_predictions(hemisphere), tests[hemisphere], atol=1e-2)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_is_to_be_predicted_has_no_part_in_what_is_fitted(world: World, options: dict[str, Any]) -> None:
    layers = _layers()
    before = _trained(world, layers, options)
    held_out = {h: before.validation_predictions(h)[:].copy() for h in HEMISPHERES}
    for layer in layers:
        layer[N_TRAIN:] = 30 * np.random.default_rng(7).standard_normal((N_TEST, N_FEATURES))
    after = _trained(world.with_features(world.features), layers, options)
    for hemisphere in HEMISPHERES:
        np.testing.assert_allclose(after.validation_predictions(hemisphere), held_out[hemisphere], atol=1e-2)
