"""Runs whose receptive fields are known, put together array by array."""

from __future__ import annotations

import numpy as np

from algocli.dataset.sides import HEMISPHERES
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
