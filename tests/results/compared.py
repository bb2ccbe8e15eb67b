"""Runs of a chosen quality on a small challenge: what they predict is what was measured, and noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.run import Run
from tests.support.challenge import write_tiny_challenge

N_TRAIN = 60
ROWS = np.random.default_rng(0).permutation(N_TRAIN)[:40]
ONE_FOLD = np.zeros(len(ROWS), np.int64)
FOUR_FOLDS = np.repeat(np.arange(4), 10)
SIDES = {"left": "lh", "right": "rh"}


def write_challenge(folder: Path) -> Path:
    """Write subjects 1 and 6 with enough images for a bootstrap, small ones."""
    return write_tiny_challenge(folder, n_train=N_TRAIN, n_test=2, image_size=8)


def measured(challenge: Path, subject: int, hemisphere: str) -> NDArray[np.float32]:
    """Read the training responses."""
    folder = challenge / f"subj{subject:02d}/training_split/training_fmri"
    found: NDArray[np.float32] = np.load(folder / f"{SIDES[hemisphere]}_training_fmri.npy")
    return found


def correlations(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
    """Correlate columns, one by one."""
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(x.T, y.T, strict=True)])


def write_compared_run(
    cache_dir: Path,
    challenge: Path,
    name: str,
    *,
    noise: float = 1.0,
    noise_seed: int = 0,
    rows: NDArray[np.int64] = ROWS,
    folds: NDArray[np.int64] = ONE_FOLD,
    subjects: Sequence[int] = (1, 6),
    seed: int = 4,
    n_lost: int = 0,
) -> Run:
    """Write a run whose noise on each image depends on `noise_seed` and the image alone.

    Of the first `n_lost` vertices of each hemisphere it predicts nothing but noise.
    """
    n_folds = len(np.unique(folds))
    split = {"holdout": 0.1} if n_folds == 1 else {"holdout": None, "folds": n_folds}
    run = open_run(cache_dir, name, Settings(features=("made-by-hand",), seed=seed, **split))
    for subject in subjects:
        share = run.start_subject(subject)
        for number, hemisphere in enumerate(SIDES):
            responses = measured(challenge, subject, hemisphere)
            rng = np.random.default_rng([noise_seed, subject, number])
            noises = rng.standard_normal(responses.shape)
            predicted = (responses + noise * noises).astype(np.float32)
            predicted[:, :n_lost] = noises[:, :n_lost]
            r = [correlations(responses[rows[folds == f]], predicted[rows[folds == f]]) for f in np.unique(folds)]
            share.save(f"{hemisphere}_pred_validation", predicted[rows])
            share.save(f"{hemisphere}_fold_correlation", np.array(r))
            share.save(f"{hemisphere}_correlation", np.mean(r, axis=0))
        share.save("validation_rows", rows)
        share.save("validation_folds", folds)
        share.finish({"finished_at": 1.0, "data": str(challenge / f"subj{subject:02d}")})
    return run
