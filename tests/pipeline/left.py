"""What commands find in a cache and leave there, whoever does it, and a regression that takes its worker along."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algocli.compute.track import Note
from algocli.dataset.challenge.subjects import Challenge
from tests.contracts.test_same_bytes import CLOCK
from tests.features.by_hand import cache_features, digest_tree
from tests.support.challenge import write_tiny_challenge


def small_challenge(folder: Path) -> Path:
    """Write a challenge of two subjects who saw 60 images and 6."""
    return write_tiny_challenge(folder / "challenge", n_train=60, n_test=6, image_size=16)


def cache_wide_features(cache_dir: Path, challenge: Path, layers: Sequence[str], n_features: int = 3000) -> Path:
    """Cache features of its subjects, wide enough for last digits to hang on how many threads multiply."""
    for subject in Challenge(challenge).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((66, n_features)).astype(np.float32)
        for layer in layers:
            cache_features(cache_dir, subject, rows, layer=layer, weights="pretrained")
            rows = np.maximum(rows, 0)
    return cache_dir


# Of a record, what says how it came about.
PROVENANCE = {*CLOCK, "command_line", "digest"}


class Falls:
    """Of a task: takes its worker with it the first time that one of its kind is done, within `FALLS_IN`."""

    def run(self, note: Note) -> Any:
        fallen = Path(os.environ["FALLS_IN"]) / type(self).__name__
        if not fallen.exists():
            fallen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(note)  # type: ignore[misc]


# Least squares, but for the first time in a folder, when it takes its process with it.
FALLS = """
import os, signal
from pathlib import Path
import numpy as np


class Falls:
    def fit(self, X, y):
        here = Path(os.environ["FALLS_IN"])
        if here.is_dir() and not (here / "fallen").exists():
            (here / "fallen").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        self.weights = np.linalg.lstsq(X, y, rcond=None)[0]
        return self

    def predict(self, X):
        return X @ self.weights
"""


def left(cache: Path) -> dict[str, object]:
    """Return what training leaves: every file but locks and what is remembered, of records what is no provenance."""
    told: dict[str, object] = {
        name: [digest_tree(folder) for folder in sorted(cache.glob(f"features/*/*/{name}"))]
        for name in ("gram", "standardised")
    }
    for path in sorted((cache / "runs").rglob("*")):
        if path.is_file() and not path.name.startswith(".") and path.name != "lock":
            content: object = path.read_bytes()
            if path.name == "record.json":
                content = {word: said for word, said in json.loads(path.read_bytes()).items() if word not in PROVENANCE}
            if path.suffix == ".npz":
                # It says of which training it is.
                content = {name: array.tolist() for name, array in np.load(path).items() if name != "of"}
            told[str(path.relative_to(cache))] = content
    return told
