"""Runs of one layer each, whose r at every vertex is known."""

from __future__ import annotations

import numpy as np

from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from tests.results.by_hand import n_vertices

SIDES = ("left", "right")


def write_layer_run(cache, name, layer, r, rows=(1, 4, 7)):
    """Write subject 1's share of a run of one layer; `r` is one number for all vertices, or says a hemisphere's."""
    run = open_run(cache, name, Settings(features=(f"alexnet-{layer}-1a2b3c4d",), regression="ridge"))
    share = run.start_subject(1)
    for hemisphere in SIDES:
        value = r(hemisphere) if callable(r) else r
        share.save(f"{hemisphere}_correlation", np.broadcast_to(value, n_vertices(1, hemisphere)).astype(float))
    share.save("validation_rows", np.array(rows))
    share.save("validation_folds", np.zeros(len(rows), np.int64))
    share.finish({"finished_at": 1e9})
    return run


def roi_codes(challenge_folder, roi_class, hemisphere):
    """Read the codes of a hemisphere's vertices from the challenge's own file."""
    side = {"left": "lh", "right": "rh"}[hemisphere]
    return np.load(challenge_folder / f"subj01/roi_masks/{side}.{roi_class}_challenge_space.npy")
