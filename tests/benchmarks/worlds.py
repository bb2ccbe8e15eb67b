"""Somebody whose responses are drawn at will: to noise, and to what features of a known spectrum cause."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algocli.compute.track import Track, silent
from algocli.dataset.plain import PlainSubject
from algocli.dataset.protocol import Roi
from algocli.dataset.sides import Side, Split
from algocli.dataset.stimuli import Stimulus
from algocli.encoding.settings import Settings
from algocli.runs.opening import open_run
from algocli.runs.run import Run
from algocli.runs.training import train_subject
from tests.features.by_hand import cache_features

N_FEATURES, N_ROIS, ROI_SIZE = 400, 30, 12
# As maps, for regressions that look through windows.
SHAPE = (16, 5, 5)
SPECTRUM = np.arange(1, N_FEATURES + 1) ** -0.5


class Person(PlainSubject):
    """Somebody whose responses are in memory, and whose images are of one colour each; some may be for the test.

    All people of a process share the files of these, and what is remembered of them: what has just been made, or is no
    image, is read at every look, which took longer than all fits.
    """

    sides = ("all",)

    def __init__(self, folder: Path, responses: NDArray[np.float32], n_test: int = 0) -> None:
        self.name, self.folder, self.measured = folder.name, folder, responses
        self.rois: tuple[Roi, ...] = ()
        folder.mkdir()
        n_train = len(responses)
        every = []
        for row in range(n_train + n_test):
            split: Split = "train" if row < n_train else "test"
            every.append(Stimulus(row, split, f"{row}", _image(row)))
        self.train_stimuli = tuple(every[:n_train])
        self.test_stimuli = tuple(every[n_train:])

    def n_vertices(self, side: Side) -> int:
        return self.measured.shape[1]

    def responses(self, split: Split, side: Side) -> NDArray[np.float32]:
        return self.measured

    def digest_responses(self, cache_dir: Path, track: Track = silent) -> Mapping[Side, str]:
        return {"all": hashlib.sha256(self.measured.tobytes()).hexdigest()}

    def roi_vertices(self, roi: Roi | str, side: Side) -> NDArray[np.int64]:
        raise NotImplementedError


@cache
def _shared() -> tempfile.TemporaryDirectory[str]:
    """Make the folder of what all people of this process share; it goes when the process ends."""
    return tempfile.TemporaryDirectory(prefix="people-")


@cache
def _image(row: int) -> Path:
    """Write an image of one colour, its own."""
    path = Path(_shared().name) / f"{row}.png"
    Image.new("RGB", (2, 2), (row >> 16, row >> 8 & 255, row & 255)).save(path)
    return path


def make_cache(folder: Path) -> Path:
    """Make a cache that knows what others remember of the images."""
    memory = Path(_shared().name) / "digests"
    for made in (folder, memory):
        made.mkdir(exist_ok=True)
    (folder / memory.name).symlink_to(memory)
    return folder


def draw_truth(rng: np.random.Generator, n_vertices: int) -> NDArray[np.float64]:
    """Draw what drives each vertex, (N_FEATURES, n_vertices): on average over images with a variance of one."""
    truth = rng.standard_normal((N_FEATURES, n_vertices))
    truth /= np.linalg.norm(SPECTRUM[:, None] * truth, axis=0)
    return truth


@dataclass(frozen=True)
class World:
    """Somebody who has seen images of their own, and features of these; the first layer's drive the responses.

    Where models are to be read off, the test images have one feature each, and the last of them none.
    """

    folder: Path
    person: Person
    features: tuple[str, ...]
    signal: float
    truth: NDArray[np.float64]

    @classmethod
    def draw(
        cls,
        folder: Path,
        rng: np.random.Generator,
        truth: NDArray[np.float64],
        *,
        n: int,
        signal: float = 0,
        n_layers: int = 1,
        alike: float = 0,
        readable: bool = False,
    ) -> World:
        """Draw the features of `n` images, and responses to them of which `signal` squared is the images' doing.

        The features of all layers but the first correlate `alike` with those of the first.
        """
        folder.mkdir()
        n_vertices = truth.shape[1]
        layers = [rng.standard_normal((n, N_FEATURES)) * SPECTRUM for _ in range(n_layers)]
        layers[1:] = [alike * layers[0] + np.sqrt(1 - alike**2) * layer for layer in layers[1:]]
        noise = rng.standard_normal((n, n_vertices))
        if signal:
            # Neighbours share some of their noise, as vertices do.
            shared = rng.standard_normal((n, n_vertices // ROI_SIZE + 1)).repeat(ROI_SIZE, axis=1)[:, :n_vertices]
            noise = np.sqrt(0.7) * noise + np.sqrt(0.3) * shared
        responses = signal * (layers[0] @ truth) + np.sqrt(1 - signal**2) * noise
        single = np.eye(n_layers * N_FEATURES + 1, n_layers * N_FEATURES) if readable else np.empty((0, 0))
        person = Person(folder / "someone", responses.astype(np.float32), len(single))
        names, cache_dir = [], make_cache(folder / "cache")
        for number, layer in enumerate(layers):
            tests = single[:, number * N_FEATURES : (number + 1) * N_FEATURES].reshape(-1, N_FEATURES)
            rows = np.vstack([layer, tests]).astype(np.float32)
            names.append(cache_features(cache_dir, person, rows, layer=f"l{number}", shape=SHAPE))
        return cls(folder, person, tuple(names), signal, truth)

    def train(self, settings: Settings) -> Run:
        """Train as `algocli train` does."""
        run = open_run(self.folder / "cache", settings.default_name, settings)
        train_subject(self.person, run, self.folder / "cache")
        return run

    def true_r(self, run: Run) -> NDArray[np.float64]:
        """Return what a run's model scores on all images that there could be, (n_vertices,)."""
        predicted = run.subject("someone").test_predictions("all").astype(np.float64)
        weights = (predicted[:-1] - predicted[-1]).reshape(-1, N_FEATURES, self.truth.shape[1])
        variance = np.einsum("j,ljv->v", SPECTRUM**2, weights**2)
        covariance = self.signal * np.einsum("j,jv,jv->v", SPECTRUM**2, weights[0], self.truth)
        r: NDArray[np.float64] = np.where(variance > 0, covariance / np.sqrt(np.where(variance > 0, variance, 1)), 0)
        return r
