"""A subject whose features come of a small network, which can be asked for those of any other image."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.encoding.settings import Settings
from algocli.features.axes import Axes
from algocli.features.extraction import extract
from algocli.features.passage import Passage
from algocli.features.pictures import PictureFeatures, list_pictures
from algocli.features.rebuilding import rebuild
from algocli.features.store.shards import FeatureStore
from algocli.runs.predictor import Predictor, open_predictor, stores_of
from algocli.runs.run import Run, SubjectRun, open_run
from algocli.runs.training import train_subject
from tests.features.stand_in import stand_in
from tests.support.challenge import write_tiny_challenge

N_TRAIN, N_TEST, N_COMPONENTS = 60, 7, 10
LAYERS = ("edges", "corner")
SIDES: dict[Hemisphere, str] = {"left": "lh", "right": "rh"}


@dataclass
class Place:
    """A challenge folder of one subject, and a cache that has two layers of it."""

    folder: Path
    stores: list[FeatureStore]

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    @property
    def subject(self) -> Subject:
        return Challenge(self.folder / "challenge").subject(1)

    @property
    def recipes(self) -> tuple[str, ...]:
        return tuple(store.folder.parent.name for store in self.stores)

    def responses_file(self, hemisphere: Hemisphere) -> Path:
        return self.subject.layout.folder / f"training_split/training_fmri/{SIDES[hemisphere]}_training_fmri.npy"

    def train(self, n_layers: int = 1, *, force: bool = False, **options: Any) -> Run:
        settings = Settings(features=self.recipes[:n_layers], **{"n_components": N_COMPONENTS, **options})
        run = open_run(self.cache, settings.default_name, settings)
        train_subject(self.subject, run, self.cache, force=force)
        return run

    def share(self, run: Run) -> SubjectRun:
        return run.subject(1)

    def open(self, run: Run, **options: Any) -> Predictor:
        subject = options.pop("subject", self.subject)
        return open_predictor(run, 1, stores_of(run, 1, self.cache), subject, self.cache, **options)

    def features(self, run: Run, paths: list[Path]) -> list[NDArray[Any]]:
        layers = rebuild(stores_of(run, 1, self.cache), "cpu")
        (part,) = PictureFeatures(list_pictures(paths), layers).parts()
        return part

    def predict(self, run: Run, paths: list[Path], **options: Any) -> dict[Hemisphere, NDArray[np.float32]]:
        """Predict responses to images from files, both hemispheres'."""
        predictor = self.open(run, **options)
        scores = predictor.score(self.features(run, paths))
        return {hemisphere: predictor.predict(hemisphere, scores) for hemisphere in HEMISPHERES}

    @property
    def test_files(self) -> list[Path]:
        return [stimulus.path for stimulus in self.subject.test_stimuli]


def make_place(folder: Path, dtype: Any = "float32") -> Place:
    """Write a challenge and extract two layers of the stand-in network."""
    write_tiny_challenge(folder / "challenge", (1,), n_train=N_TRAIN, n_test=N_TEST, image_size=40, known_test=False)
    subject = Challenge(folder / "challenge").subject(1)
    stores = extract(subject, stand_in(LAYERS), folder / "cache", Passage(dtype))
    return Place(folder, stores)


def new_images(folder: Path, n: int = 3) -> list[Path]:
    """Write photographs of odd sizes that are in no set."""
    rng = np.random.default_rng(11)
    paths = []
    for number in range(n):
        pixels = rng.integers(0, 256, (6, 5 + number, 3), dtype=np.uint8).repeat(9, axis=0).repeat(7, axis=1)
        paths.append(folder / f"new-{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def no_axes(*_anything: Any, **_options: Any) -> list[Axes]:
    """Stand for what must not be done again."""
    raise AssertionError("a second pass over the store")


@pytest.fixture(autouse=True)
def _network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "algocli.features.networks.backbones.load_backbone", lambda *_asked, **_options: stand_in(LAYERS)
    )


@pytest.fixture(scope="module", name="shared")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """To be added to, never to be spoilt."""
    return make_place(tmp_path_factory.mktemp("place"))


@pytest.fixture(name="place")
def place_to_spoil(tmp_path: Path, shared: Place) -> Place:
    """A place of the test's own, to be spoilt."""
    for name in ("challenge", "cache/features"):
        shutil.copytree(shared.folder / name, tmp_path / name, ignore=shutil.ignore_patterns("axes"))
    copied = [tmp_path / store.folder.relative_to(shared.folder) for store in shared.stores]
    return Place(tmp_path, [FeatureStore(folder) for folder in copied])
