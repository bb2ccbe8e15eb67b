"""A subject whose responses follow features made by hand, ready to be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.run import Run, SubjectRun
from algocli.runs.training import train_subject
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

N_TRAIN, N_TEST, N_FEATURES, N_COMPONENTS = 90, 12, 150, 12
SIDES: dict[Hemisphere, str] = {"left": "lh", "right": "rh"}


@dataclass
class World:
    """One subject whose responses follow its features, which lie in a cache."""

    subject: Subject
    cache: Path
    features: NDArray[np.float32]
    recipe: str

    def responses_file(self, hemisphere: Hemisphere) -> Path:
        return self.subject.layout.folder / f"training_split/training_fmri/{SIDES[hemisphere]}_training_fmri.npy"

    def measured(self, hemisphere: Hemisphere) -> NDArray[np.float64]:
        return np.load(self.responses_file(hemisphere)).astype(np.float64)

    def settings(self, **options: Any) -> Settings:
        return Settings(**{"features": (self.recipe,), "n_components": N_COMPONENTS, **options})

    def train(self, settings: Settings | None = None, **options: Any) -> SubjectRun:
        """Train under the settings' own name."""
        settings = settings or self.settings()
        return train_subject(self.subject, open_run(self.cache, settings.default_name, settings), self.cache, **options)

    def run(self, settings: Settings | None = None) -> SubjectRun:
        """Return what is trained under the settings' own name."""
        return Run(self.cache / "runs" / (settings or self.settings()).default_name).subject(1)

    def change(self, hemisphere: Hemisphere, rows: Any, values: Any) -> None:
        """Replace rows of the measured responses."""
        responses = np.load(self.responses_file(hemisphere))
        responses[rows] = values
        np.save(self.responses_file(hemisphere), responses)

    def with_features(self, features: NDArray[np.float32]) -> World:
        """Return the same world with other features, in a cache of their own."""
        cache = self.cache.with_name(f"{self.cache.name}-other")
        return World(self.subject, cache, features, cache_features(cache, self.subject, features))


def make_world(folder: Path) -> World:
    write_tiny_challenge(folder / "challenge", (1,), n_train=N_TRAIN, n_test=N_TEST, image_size=16, known_test=False)
    subject = Challenge(folder / "challenge").subject(1)
    rng = np.random.default_rng(7)
    axes = rng.standard_normal((N_TRAIN + N_TEST, N_FEATURES)) * (1 + np.arange(N_FEATURES)) ** -0.7
    features = (2 + axes @ np.linalg.qr(rng.standard_normal((N_FEATURES, N_FEATURES)))[0]).astype(np.float32)
    world = World(subject, folder / "cache", features, cache_features(folder / "cache", subject, features))
    for hemisphere in HEMISPHERES:
        n_vertices = subject.n_vertices(hemisphere)
        signal = features[:N_TRAIN] @ rng.standard_normal((N_FEATURES, n_vertices))
        world.change(hemisphere, slice(None), signal + rng.standard_normal((N_TRAIN, n_vertices)))
    return world
