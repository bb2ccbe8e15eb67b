"""A subject whose responses have three causes: one that only layer A holds, one that only B holds, one that both do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, prefix
from algocli.encoding.settings import Settings
from algocli.runs.run import Run
from algocli.runs.unions import measure_features, open_unions, train_unions
from algocli.stats.partition import FeatureSet, Names
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

N_TRAIN, N_TEST = 400, 4
# Shares of every vertex's variance; what is left is noise.
ONLY_A, ONLY_B, BOTH = 0.3, 0.1, 0.2
# Dimensions of each cause.
N_DIMENSIONS = 3


@dataclass(frozen=True)
class Planted:
    """The subject, the runs of A, of B and of both, and the causes that A alone, B alone and both hold."""

    subject: Subject
    causes: list[NDArray[np.float64]]
    sets: list[FeatureSet]
    runs: dict[Names, Run]


def plant(folder: Path) -> Planted:
    """Write the subject and its features, and train every union in five folds."""
    write_tiny_challenge(folder / "challenge", (1,), n_train=N_TRAIN, n_test=N_TEST, image_size=8)
    subject, cache = Challenge(folder / "challenge").subject(1), folder / "cache"
    rng = np.random.default_rng(0)
    drawn = rng.standard_normal((N_TRAIN + N_TEST, 3 * N_DIMENSIONS))
    drawn -= drawn.mean(axis=0)
    a, b, both = np.split(np.sqrt(len(drawn)) * np.linalg.qr(drawn)[0], 3, axis=1)
    sets = []
    for name, own in (("A", a), ("B", b)):
        held = np.hstack([own, both]) @ rng.standard_normal((2 * N_DIMENSIONS, 30))
        rows = (held + 0.01 * rng.standard_normal(held.shape)).astype(np.float32)
        sets.append(FeatureSet(name, (cache_features(cache, subject, rows, layer=name),)))
    for hemisphere in HEMISPHERES:
        n_vertices = subject.n_vertices(hemisphere)
        responses = np.sqrt(1 - ONLY_A - ONLY_B - BOTH) * rng.standard_normal((N_TRAIN, n_vertices))
        for cause, share in ((a, ONLY_A), (b, ONLY_B), (both, BOTH)):
            weights = rng.standard_normal((N_DIMENSIONS, n_vertices))
            responses += np.sqrt(share) * cause[:N_TRAIN] @ (weights / np.linalg.norm(weights, axis=0))
        path = subject.layout.folder / f"training_split/training_fmri/{prefix(hemisphere)}_training_fmri.npy"
        np.save(path, responses.astype(np.float32))
    every = [name for one in sets for name in one.features]
    settings = Settings(features=tuple(every), n_components=15, regression="ridge", holdout=None, folds=5, refit=False)
    runs = open_unions(cache, sets, settings, measure_features([subject], every, cache))
    train_unions(subject, runs, cache)
    return Planted(subject, [a, b, both], sets, runs)
