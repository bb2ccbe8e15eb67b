"""A training by torch, on this machine's cpu through the code that a GPU would run."""

from __future__ import annotations

import numpy as np
import pytest

from algocli.features.algebra import TorchAlgebra
from algocli.runs.opening import open_run
from tests.encoding.by_hand import World
from tests.features.by_hand import cache_features


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_components": None, "regression": "ridge"},
        {"regression": "ridge", "alpha_by": "kfold"},
        {"regression": "blend"},
        {"join": "components"},
    ],
    ids=str,
)
def test_a_training_by_torch_predicts_what_one_by_numpy_does(
    world: World, monkeypatch: pytest.MonkeyPatch, options: dict[str, object]
) -> None:
    rng = np.random.default_rng(2)
    names = (world.recipe,)
    if "join" in options or options.get("regression") == "blend":
        rows = rng.standard_normal((len(world.features), 40)).astype(np.float32)
        names = (*names, cache_features(world.cache, world.subject, rows, layer="other"))
    settings = world.settings(features=names, **options)
    by_numpy = world.train(settings).test_predictions("left").copy()
    # What was decomposed by numpy lies in the cache: torch begins anew.
    elsewhere = World(world.subject, world.cache.with_name("elsewhere"), world.features, world.recipe)
    cache_features(elsewhere.cache, world.subject, world.features)
    if len(names) > 1:
        cache_features(elsewhere.cache, world.subject, rows, layer="other")
    monkeypatch.setattr("algocli.encoding.training.algebra_on", TorchAlgebra)
    assert open_run(elsewhere.cache, settings.default_name, settings).subjects == ()
    by_torch = elsewhere.train(settings).test_predictions("left")
    np.testing.assert_allclose(by_torch, by_numpy, atol=2e-3)
