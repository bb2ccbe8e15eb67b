"""Blends and banded ridges put together array by array, of layers whose weights or shares are known."""

from __future__ import annotations

import json

import numpy as np

from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from tests.results.by_hand import n_vertices, write_run

LAYERS = ("alexnet-features.2-1a2b3c4d", "alexnet-features.5-1a2b3c4d", "alexnet-features.12-1a2b3c4d")
BLEND = Settings(features=LAYERS, regression="blend", n_components=3)


BANDED = Settings(features=LAYERS, regression="banded", n_components=3, search_seed=0)


def write_recipe(cache, name, model, layer):
    home = cache / "features" / name
    home.mkdir(parents=True)
    (home / "recipe.json").write_text(json.dumps({"model": model, "layer": layer, "weights": "w", "identity": {}}))


def write_blend(cache, settings=BLEND, name="a-blend", n_fits=2):
    """Write a run in which vertex v of a hemisphere has the weights that `weigh` gives it in the last fit."""
    run = open_run(cache, name, settings)
    write_run(cache, "plain")
    share = run.start_subject(1)
    for hemisphere in ("left", "right"):
        n = n_vertices(1, hemisphere)
        r = np.full(n, 0.5)
        r[20] = 0.1
        share.save(f"{hemisphere}_correlation", r)
        share.save(f"{hemisphere}_fold_correlation", r[None])
        array = {"blend": "blend", "banded": "band"}[settings.regression]
        share.save(f"{hemisphere}_{array}", weigh(n_fits, len(settings.features), n))
    share.save("validation_rows", np.arange(5))
    share.save("validation_folds", np.zeros(5, dtype=np.int64))
    share.finish({"finished_at": 2e9})
    return run


def weigh(n_fits, n_layers, n):
    weights = np.zeros((n_fits, n_layers, n), np.float32)
    # Folds would choose the first layer everywhere, the refit the layer v modulo their number, by a hair.
    weights[:-1, 0] = 3
    weights[-1] = 0.4
    weights[-1, np.arange(n) % n_layers, np.arange(n)] = 0.401
    weights[-1, :, 10] = 0
    return weights
