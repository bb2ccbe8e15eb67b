"""Runs whose receptive fields are known, put together array by array."""

from __future__ import annotations

import numpy as np

from algocli.dataset.sides import HEMISPHERES
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from tests.results.by_hand import n_vertices, write_run

# In degrees from the middle of the image to its edge.
EDGE = 4.2


def draw_fields(n, seed):
    """Return (4, n) float32: a third of the vertices has no window, the others lie on either side of the middle."""
    rng = np.random.default_rng(seed)
    eccentricity, angle = rng.uniform(0.3, 4, n), rng.uniform(0, 2 * np.pi, n)
    size, margin = 0.3 + 0.2 * eccentricity, rng.uniform(0.01, 0.2, n)
    fields = np.stack([eccentricity * np.cos(angle), eccentricity * np.sin(angle), size, margin]).astype(np.float32)
    fields[:, ::3] = np.array([0, 0, np.inf, 0])[:, None]
    return fields


def write_fields_run(cache, name="with-fields", subjects=(1,), finished_at=3e9, fits=None):
    """Write a run of one fold and a refit, in which the refit alone has the fields that `draw_fields` gives it.

    `fits` has, for each hemisphere, the array to write in their place.
    """
    run = write_run(cache, name, subjects, finished_at)
    for subject in subjects:
        share = run.subject(subject)
        for place, hemisphere in enumerate(HEMISPHERES):
            refit = draw_fields(n_vertices(subject, hemisphere), 10 * subject + place)
            array = np.stack([np.zeros_like(refit), refit]) if fits is None else fits[hemisphere]
            share.save(f"{hemisphere}_field", array)
        share.finish(share.record)
    return run


def write_apart_run(cache, name="apart", subjects=(1,), weights=None):
    """Write a run whose two layers have windows of their own, told apart by 10 degrees of x, in a refit alone.

    `weights` are those of both at every vertex, (2, n); by default the first weighs more at even vertices, the second
    at odd ones, and none of both at the last.
    """
    features = ("alexnet-features.2-1a2b3c4d", "alexnet-features.5-1a2b3c4d")
    run = open_run(cache, name, Settings(features, regression="fields", field_per_layer=True, image_width=2 * EDGE))
    for subject in subjects:
        share = run.start_subject(subject)
        for place, hemisphere in enumerate(HEMISPHERES):
            n = n_vertices(subject, hemisphere)
            first = draw_fields(n, 10 * subject + place)
            second = first + np.array([10, 0, 0, 0], np.float32)[:, None]
            share.save(f"{hemisphere}_field", np.stack([np.zeros((2, *first.shape)), [first, second]]))
            drawn = np.stack([np.arange(n) % 2 == 0, np.arange(n) % 2 == 1]).astype(np.float32)
            drawn[:, -1] = 0
            share.save(f"{hemisphere}_blend", np.stack([np.zeros_like(drawn), drawn if weights is None else weights]))
        finish_one_fold(share, {side: n_vertices(subject, side) for side in HEMISPHERES}, 2e9)
    return run


def finish_one_fold(share, n_by_side, finished_at):
    """Give a subject of a run the scores of one fold of five images, the same at every vertex, and finish it."""
    for side, n in n_by_side.items():
        share.save(f"{side}_correlation", np.full(n, 0.3))
        share.save(f"{side}_fold_correlation", np.full((1, n), 0.3))
        share.save(f"{side}_pred_validation", np.zeros((5, n), np.float32))
    share.save("validation_rows", np.arange(5))
    share.save("validation_folds", np.zeros(5, np.int64))
    share.finish({"finished_at": finished_at})
