"""A person whose responses are noise, or follow a layer of many, and a run of each layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algocli.dataset.stimuli import Stimulus
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.run import Run
from algocli.runs.training import train_subject
from tests.dataset.toy import ToySubject
from tests.features.by_hand import cache_features

N_FEATURES = 8


@dataclass
class ManyLayers:
    """The subject, its features by layer, where these are cached, and the runs that were trained on them."""

    subject: ToySubject
    features: list[NDArray[np.float32]]
    names: list[str]
    cache: Path

    def train(self, **options: Any) -> list[Run]:
        """Train a run of each layer."""
        runs = []
        for name in self.names:
            settings = Settings(features=(name,), **{"n_components": 5, "refit": False, **options})
            run = open_run(self.cache, settings.default_name, settings)
            train_subject(self.subject, run, self.cache)
            runs.append(run)
        return runs

    def responses(self, vertices: list[int]) -> NDArray[np.float64]:
        return self.subject.measured["all"][:, vertices].astype(np.float64)


def make_layers(
    folder: Path,
    *,
    n_layers: int,
    n_rois: int,
    seed: int,
    n_train: int = 60,
    per_roi: int = 3,
    driven: dict[int, int] | None = None,
    same: dict[int, int] | None = None,
) -> ManyLayers:
    """Draw features of every layer, and noise for every ROI but those that a layer drives.

    Parameters
    ----------
    driven
        By the number of a ROI that of the layer which drives it.
    same
        By the number of an image that of another which has the same pixels and features.
    """
    rng = np.random.default_rng(seed)
    features = [rng.standard_normal((n_train, N_FEATURES)).astype(np.float32) for _ in range(n_layers)]
    pixels = rng.integers(0, 256, (n_train, 6, 6, 3), dtype=np.uint8)
    for copy, original in (same or {}).items():
        pixels[copy] = pixels[original]
        for layer in features:
            layer[copy] = layer[original]
    own = folder / "zoe"
    own.mkdir(parents=True)
    stimuli = []
    for place, image in enumerate(pixels):
        path = own / f"{place}.png"
        Image.fromarray(image).save(path)
        stimuli.append(Stimulus(place, "train", f"word{place}", path))
    measured = rng.standard_normal((n_train, n_rois * per_roi))
    regions: dict[str, Any] = {}
    for roi in range(n_rois):
        vertices = list(range(roi * per_roi, (roi + 1) * per_roi))
        regions[f"roi{roi}"] = {"all": vertices}
        if roi in (driven or {}):
            layer = features[(driven or {})[roi]]
            measured[:, vertices] = layer @ rng.standard_normal((N_FEATURES, per_roi)) + measured[:, vertices]
    subject = ToySubject(own, stimuli, {"all": measured.astype(np.float32)}, regions)
    cache = folder / "cache"
    names = [cache_features(cache, subject, layer, layer=f"layer{n}") for n, layer in enumerate(features)]
    return ManyLayers(subject, features, names, cache)
