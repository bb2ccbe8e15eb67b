"""Runs put together array by array, so that nothing of the training is needed to test what shows them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.run import Run

SETTINGS = Settings(features=("alexnet-features.2-1a2b3c4d",))
N_VALIDATION = 5


def n_vertices(subject: int, hemisphere: str) -> int:
    """Count the vertices that the tiny challenge gives a subject."""
    return (30 if hemisphere == "left" else 40) + subject


def write_run(
    cache_dir: Path, name: str = "a-run", subjects: tuple[int, ...] = (1, 6), finished_at: float = 1e9, extra: int = 0
) -> Run:
    """Write a run that fits the tiny challenge; `extra` vertices make it one of another data folder."""
    run = open_run(cache_dir, name, SETTINGS)
    for subject in subjects:
        rng = np.random.default_rng(subject)
        share = run.start_subject(subject)
        for hemisphere in ("left", "right"):
            n = n_vertices(subject, hemisphere) + extra
            r = rng.uniform(-0.1, 0.7, n)
            share.save(f"{hemisphere}_correlation", r)
            share.save(f"{hemisphere}_fold_correlation", r[None])
            share.save(f"{hemisphere}_pred_validation", rng.standard_normal((N_VALIDATION, n)).astype(np.float32))
            share.save(f"{hemisphere}_pred_test", rng.standard_normal((4, n)).astype(np.float32))
        share.save("validation_rows", rng.permutation(12)[:N_VALIDATION])
        share.save("validation_folds", np.zeros(N_VALIDATION, dtype=np.int64))
        share.finish({"finished_at": finished_at})
    return run
