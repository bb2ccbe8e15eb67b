"""A dataset that is nothing like the challenge: people by name, images called by words, one side that is all there is.

Responses are arrays in memory; images are files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import algocli
from algocli.compute.track import Track, silent
from algocli.dataset.naming import SubjectId, check_subject_ids
from algocli.dataset.plain import PlainSubject
from algocli.dataset.protocol import Roi
from algocli.dataset.sides import Side, Split, check_side
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError
from algocli.runs.run import Run
from tests.features.by_hand import extract_one
from tests.features.stand_in import stand_in

WORDS = ("apple", "boat", "cat", "door", "ear", "fox", "goat", "hat", "ink", "jar", "kite", "lamp", "mug", "nut", "owl")
N_TRAIN, N_TEST = 26, 4
Responses = dict[Side, NDArray[np.float32]]


class ToySubject(PlainSubject):
    """Somebody who saw some images; everything is given, nothing is read but images."""

    def __init__(
        self, folder: Path, stimuli: Sequence[Stimulus], measured: Responses, regions: dict[str, dict[Side, list[int]]]
    ) -> None:
        self.name, self.folder, self.sides = folder.name, folder, tuple(measured)
        self.train_stimuli = tuple(one for one in stimuli if one.split == "train")
        self.test_stimuli = tuple(one for one in stimuli if one.split == "test")
        self.unit = "electrode"
        self.rois = tuple(Roi(name, "grids", code) for code, name in enumerate(regions, 1))
        self.measured, self.regions = measured, regions

    def n_vertices(self, side: Side) -> int:
        return self.measured[check_side(side, self.sides)].shape[1]

    def responses(self, split: Split, side: Side) -> NDArray[np.float32]:
        if split == "test":
            raise DataError(f"{self.name} has no test responses")
        return self.measured[check_side(side, self.sides)]

    def digest_responses(self, cache_dir: Path, track: Track = silent) -> dict[Side, str]:
        return {side: hashlib.sha256(array.tobytes()).hexdigest() for side, array in self.measured.items()}

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        name = roi.name if isinstance(roi, Roi) else roi
        return np.array(self.regions[name].get(side, []), dtype=np.int64)


class Toy:
    """Some of these people."""

    def __init__(self, folder: Path, subjects: Sequence[ToySubject]) -> None:
        self.folder = folder
        self._subjects = {one.id: one for one in subjects}
        self.subject_ids: tuple[SubjectId, ...] = tuple(self._subjects)

    def subject(self, which: int | str) -> ToySubject:
        if which not in self._subjects:
            raise DataError(f"nobody is called {which}")
        return self._subjects[which]

    def subjects(self, which: Iterable[int | str] | int | str | None = None) -> list[ToySubject]:
        return [self.subject(one) for one in (self.subject_ids if which is None else check_subject_ids(which))]


@dataclass
class ToyKind:
    """A kind of dataset that is one folder and no other."""

    toy: Toy

    def recognises(self, folder: Path) -> bool:
        return folder.resolve() == self.toy.folder.resolve()

    def open_folder(self, folder: Path) -> Toy:
        return self.toy

    def find_subject(self, which: SubjectId, folder: Path) -> ToySubject | None:
        own = [one for one in self.toy.subjects() if one.id == which and one.folder.resolve() == folder.resolve()]
        return own[0] if own else None


def make_toy(
    folder: Path,
    names: Sequence[str] = ("anna", "ben"),
    sides: tuple[Side, ...] = ("all",),
    *,
    n_test: int = N_TEST,
    regions: dict[str, dict[Side, list[int]]] | None = None,
    n_vertices: int = 7,
) -> Toy:
    """Draw images, and make everybody respond to how light they are here and there."""
    return Toy(folder, [_person(folder, name, sides, n_test, regions or {}, n_vertices) for name in names])


def _person(
    folder: Path, name: str, sides: tuple[Side, ...], n_test: int, regions: dict[str, Any], n_vertices: int
) -> ToySubject:
    rng = np.random.default_rng(list(name.encode()))
    own = folder / name
    own.mkdir(parents=True)
    pictures = rng.integers(0, 256, (N_TRAIN + n_test, 8, 8, 3), dtype=np.uint8)
    stimuli = []
    for place, pixels in enumerate(pictures):
        split: Split = "train" if place < N_TRAIN else "test"
        word = f"{WORDS[place % len(WORDS)]} {place // len(WORDS)}"
        path = own / f"{name}_picture{place}.png"
        Image.fromarray(pixels).resize((40, 40), Image.Resampling.NEAREST).save(path)
        stimuli.append(Stimulus(place if split == "train" else place - N_TRAIN, split, word, path))
    light = pictures.reshape(len(pictures), -1).astype(np.float64) / 255 - 0.5
    measured = {}
    for side in sides:
        weights = rng.standard_normal((light.shape[1], n_vertices))
        signal = light[:N_TRAIN] @ weights
        measured[side] = (signal + 0.1 * rng.standard_normal(signal.shape)).astype(np.float32)
    return ToySubject(own, stimuli, measured, regions)


def learn(toy: Toy, cache: Path, **settings: Any) -> Run:
    """Bring features of everybody into a cache, and train on them."""
    names = {extract_one(one, stand_in(), cache).folder.parent.name for one in toy.subjects()}
    return algocli.train(toy.subjects(), tuple(names), cache_dir=cache, **{"n_components": 8, **settings})


@pytest.fixture(scope="module", name="toy")
def toy_with_regions(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("toy") / "data", regions={"rim": {"all": [0, 2]}, "bay": {"all": []}})


@pytest.fixture(scope="module", name="run")
def run_of_toy(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Shared: to be read only."""
    return learn(toy, tmp_path_factory.mktemp("toy-cache"))
