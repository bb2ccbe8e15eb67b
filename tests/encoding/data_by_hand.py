"""Datasets of two subjects, and features for them in one cache: what runs of several datasets are tested on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge


def write_dataset(folder: Path, cache: Path, seed: int = 0, subjects: tuple[int, ...] = (1, 6)) -> Path:
    """Write a dataset whose responses, and nothing else, depend on the seed, and features of its images."""
    write_tiny_challenge(folder, subjects, n_train=40, n_test=6, image_size=8, known_test=False)
    for number in subjects:
        draw_responses(folder, number, seed)
    for subject in Challenge(folder).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((46, 50)).astype(np.float32)
        cache_features(cache, subject, rows, layer="features.2", weights="pretrained")
    return folder


def draw_responses(folder: Path, number: int, seed: int) -> None:
    """Draw a subject's responses anew."""
    rng = np.random.default_rng([number, seed])
    for path in sorted((folder / f"subj{number:02d}/training_split/training_fmri").iterdir()):
        np.save(path, rng.standard_normal(np.load(path).shape).astype(np.float32))


@pytest.fixture(scope="module", name="written")
def written_datasets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets a and b of equal images and subjects 1 and 6, other responses, and a cache with their features."""
    home = tmp_path_factory.mktemp("written")
    for seed, name in enumerate("ab"):
        write_dataset(home / name, home / "cache", seed)
    return home


@pytest.fixture(name="home")
def datasets_to_spoil(tmp_path: Path, written: Path) -> Path:
    """Return a copy of them, of the test's own."""
    shutil.copytree(written, tmp_path / "home")
    return tmp_path / "home"
