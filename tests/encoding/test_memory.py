"""What a training says that it will take, and what it takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.memory import Size, bytes_needed
from algocli.encoding.settings import Settings
from algocli.errors import UsageError
from algocli.runs.finding import find_run
from tests.encoding.by_hand import World
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

FULL = Size(n_train=9841, n_test=159, n_vertices=20544)
GIGABYTE = 10**9
N_TRAIN, N_TEST, N_VERTICES, N_FEATURES = 1700, 100, 8000, 2000
LAYERS = ("one", "two", "three")

# ru_maxrss would be that of this process, which a child inherits; a program's own peak begins with the program.
PROGRAM = """
import sys
from pathlib import Path
from algocli.cli import app
app(sys.argv[1:], standalone_mode=False)
(line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print("peak", 1024 * int(line.split()[1]))
"""


@pytest.mark.parametrize(
    ("options", "gigabytes"),
    [
        ({}, 2),
        ({"folds": 10, "holdout": None}, 2.5),
        ({"regression": "ridge", "n_components": 1000}, 2.5),
        ({"regression": "ridge", "n_components": None}, 4),
        ({"features": tuple("abcde"), "regression": "blend", "folds": 5, "holdout": None}, 2.5),
        ({"features": tuple("abcde"), "regression": "blend", "n_components": 500}, 4),
    ],
    ids=str,
)
def test_a_full_size_subject_is_promised_to_fit_a_laptop(options: dict[str, Any], gigabytes: float) -> None:
    assert bytes_needed(Settings(**{"features": ("a",), **options}), FULL) < gigabytes * GIGABYTE


def test_the_promise_is_told_and_recorded(world: World) -> None:
    notes: list[str] = []
    run = world.train(note=notes.append)
    assert notes[0].startswith("subject 1: up to 0.")
    assert run.record["memory"] > 100_000_000


def test_what_does_not_fit_is_not_begun(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    done = world.train().record
    monkeypatch.setattr("algocli.compute.budget.available_memory", lambda: 10**8)
    with pytest.raises(UsageError, match=r"of memory are needed, 0\.10 GB are available"):
        world.train(force=True)
    # What was there before is still there.
    assert find_run(world.cache).subject(1).record == done


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """A challenge and three layers large enough for the arrays to outweigh the program."""
    home = tmp_path_factory.mktemp("memory")
    write_tiny_challenge(
        home / "challenge", (1,), n_train=N_TRAIN, n_test=N_TEST, image_size=8, n_vertices=N_VERTICES, known_test=False
    )
    subject = Challenge(home / "challenge").subject(1)
    rng = np.random.default_rng(0)
    names = []
    for layer in LAYERS:
        spread = (1 + np.arange(N_FEATURES)) ** -0.5
        rows = (rng.standard_normal((N_TRAIN + N_TEST, N_FEATURES)) * spread).astype(np.float32)
        names.append(cache_features(home / "cache", subject, rows, layer=layer))
    return home / "challenge", home / "cache", names


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the peak of a program is read from /proc")
@pytest.mark.parametrize(
    "words",
    [
        "--pca 100",
        "--pca 100 --folds 10",
        "--pca 500 --regression ridge",
        "--pca full --regression ridge",
        "--pca 300 --regression ridge --alpha-by kfold",
        "--pca 300 --regression ridge --join components",
        "--pca 100 --standardise",
        "--pca 300 --regression blend",
        "--pca 100 --regression blend --folds 3",
    ],
)
def test_a_training_takes_no_more_memory_than_it_says(large: tuple[Path, Path, list[str]], words: str) -> None:
    data, cache, names = large
    several = "--join" in words or "blend" in words or "--standardise" in words
    layers = [word for name in (names if several else names[:1]) for word in ("--features", name)]
    where = ["--data-dir", str(data), "--cache-dir", str(cache)]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "train", *where, *layers, *words.split()],
        check=True,
        capture_output=True,
        text=True,
    )
    peak = int(run.stdout.split("peak ")[1])
    promised = find_run(cache).subject(1).record["memory"]
    assert peak <= promised
    # A promise that is kept by being absurd helps nobody.
    assert promised <= 3 * peak
