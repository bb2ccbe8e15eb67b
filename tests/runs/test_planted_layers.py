"""A cortex whose early vertices follow an early layer and whose others follow a late one, under noise of every size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import ROI_CLASSES
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.run import SubjectRun
from algocli.runs.training import train_subject
from tests.encoding.by_hand import SIDES
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

N_TRAIN, N_TEST, N_VERTICES, N_FEATURES, N_CAUSES = 700, 10, 200, 80, 12
EARLY, LATE = 0, 1


@dataclass
class Planted:
    """The layer that each vertex follows, and the share of its variance that this explains."""

    subject: Subject
    cache: Path
    names: tuple[str, str]
    follows: dict[Hemisphere, NDArray[np.int64]]
    ceiling: dict[Hemisphere, NDArray[np.float64]]

    def train(self, **options: Any) -> SubjectRun:
        settings = Settings(**{"features": self.names, "n_components": 40, **options})
        return train_subject(self.subject, open_run(self.cache, settings.default_name, settings), self.cache)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    home = tmp_path_factory.mktemp("planted")
    write_tiny_challenge(
        home / "challenge",
        (1,),
        n_train=N_TRAIN,
        n_test=N_TEST,
        image_size=8,
        n_vertices=N_VERTICES,
        known_test=False,
    )
    subject = Challenge(home / "challenge").subject(1)
    rng = np.random.default_rng(11)
    layers = _layers(rng)
    names = [cache_features(home / "cache", subject, x, layer=name) for name, x in zip("ab", layers, strict=True)]
    follows, ceilings = {}, {}
    for hemisphere in HEMISPHERES:
        n = subject.n_vertices(hemisphere)
        (early,) = [roi for roi in subject.rois if roi.name == "early"]
        follows[hemisphere] = np.full(n, LATE)
        follows[hemisphere][subject.roi_vertices(early, hemisphere)] = EARLY
        ceilings[hemisphere] = rng.uniform(0.02, 0.8, n)
        signal = np.stack(
            [layers[which][:N_TRAIN, :N_CAUSES] @ rng.standard_normal(N_CAUSES) for which in follows[hemisphere]],
            axis=1,
        )
        signal *= np.sqrt(ceilings[hemisphere]) / signal.std(axis=0)
        noise = rng.standard_normal((N_TRAIN, n)) * np.sqrt(1 - ceilings[hemisphere])
        path = subject.layout.folder / f"training_split/training_fmri/{SIDES[hemisphere]}_training_fmri.npy"
        np.save(path, (signal + noise).astype(np.float32))
    return Planted(subject, home / "cache", (names[0], names[1]), follows, ceilings)


def _layers(rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Draw two layers that have much in common, as layers of one network do."""
    common = rng.standard_normal((N_TRAIN + N_TEST, N_FEATURES))
    own = rng.standard_normal((2, N_TRAIN + N_TEST, N_FEATURES))
    spread = (1 + np.arange(N_FEATURES)) ** -0.4
    return [((0.6 * common + 0.8 * one) * spread).astype(np.float32) for one in own]


def test_a_blend_finds_the_layer_of_nearly_every_vertex_that_can_be_explained(planted: Planted) -> None:
    run = planted.train(regression="blend")
    right = [
        (run.blend_weights(h)[-1].argmax(axis=0) == planted.follows[h])[planted.ceiling[h] > 0.2] for h in HEMISPHERES
    ]
    assert np.concatenate(right).mean() > 0.9


@pytest.fixture(scope="module")
def alone(planted: Planted) -> list[SubjectRun]:
    """A ridge model of each layer."""
    return [planted.train(features=(name,), regression="ridge") for name in planted.names]


@pytest.mark.parametrize("roi_class", ROI_CLASSES)
def test_a_blend_beats_the_best_single_layer_in_every_group_of_rois(
    planted: Planted, alone: list[SubjectRun], roi_class: str
) -> None:
    blend = planted.train(regression="blend")
    for hemisphere in HEMISPHERES:
        places = [planted.subject.roi_vertices(r, hemisphere) for r in planted.subject.rois if r.roi_class == roi_class]
        vertices = np.concatenate(places)
        best = max(run.correlation(hemisphere)[vertices].mean() for run in alone)
        assert blend.correlation(hemisphere)[vertices].mean() > best


def test_a_blend_loses_next_to_nothing_where_one_layer_explains_all(planted: Planted, alone: list[SubjectRun]) -> None:
    blend = planted.train(regression="blend")
    for hemisphere in HEMISPHERES:
        for which, run in enumerate(alone):
            vertices = planted.follows[hemisphere] == which
            own = run.correlation(hemisphere)[vertices].mean()
            assert blend.correlation(hemisphere)[vertices].mean() > own - 0.01
