"""The same command gives the same bytes: from a fresh cache or a used one, on a quiet machine and on a busy one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from algocli.encoding import eigen
from algocli.encoding.components import fit_components
from algocli.features.store.gram import gram
from tests.features.by_hand import make_store
from tests.support.busy import busy
from tests.support.challenge import write_tiny_challenge

ROOT = Path(__file__).parents[2]
# What is written of the clock, and the digest of what is.
CLOCK = ("seconds", "started_at", "finished_at", "trained_at", "digest")
COMMANDS = (
    "extract --weights random:0 -l features.2 -l features.12 --device cpu",
    "train -l features.2 --pca 20",
    "train -l features.2 -l features.12 --pca 30 --regression ridge --folds 3 --run ridge",
    "train -l features.2 -l features.12 --pca 20 --regression blend --run blend",
    "report --significance --intervals --run ridge --csv rois.csv",
    "submit --partial --run ridge -o submission.zip",
)


def run_everything(data: Path, home: Path, commands: Sequence[str] = COMMANDS) -> dict[str, bytes]:
    """Run the commands one after the other in an empty folder, and return every file that they leave, by name."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ALGOCLI_DATA_DIR": str(data), "ALGOCLI_CACHE_DIR": "cache"}
    for command in commands:
        words = [sys.executable, "-m", "algocli", *command.split(), "--quiet"]
        subprocess.run(words, check=True, capture_output=True, cwd=home, env=environment)
    return {str(path.relative_to(home)): content(path) for path in home.rglob("*") if is_kept(path)}


def is_kept(path: Path) -> bool:
    """Say whether a file holds what was found: a lock holds the number of a process, digests the age of files."""
    return path.is_file() and not path.name.endswith("lock") and not {"locks", "digests"} & set(path.parts)


def content(path: Path) -> bytes:
    """Return what a file holds; of a run's records what does not speak of the clock."""
    if path.suffix != ".json" or "runs" not in path.parts:
        return path.read_bytes()
    record = json.loads(path.read_text())
    return json.dumps({name: value for name, value in record.items() if name not in CLOCK}).encode()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("same-bytes")
    return write_tiny_challenge(home / "challenge", (1,), n_train=130, n_test=20, image_size=32, known_test=False)


def assert_same(first: dict[str, bytes], second: dict[str, bytes]) -> None:
    """Compare two runs of the same commands, naming what differs."""
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_a_fresh_cache_ends_with_the_same_bytes(data: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = run_everything(data, home, COMMANDS[:2])
    assert {"features.zarr", "matrix.npy", "left_pred_test.npy"} <= {
        part for name in first for part in Path(name).parts
    }
    assert_same(run_everything(data, home, COMMANDS[:2]), first)


@pytest.mark.slow
def test_three_fresh_caches_on_a_busy_machine_end_with_the_bytes_of_a_quiet_one(data: Path, tmp_path: Path) -> None:
    quiet = run_everything(data, tmp_path / "home")
    assert "submission.zip" in quiet
    with busy(2 * (os.cpu_count() or 1)):
        for _ in range(3):
            assert_same(run_everything(data, tmp_path / "home"), quiet)


@pytest.mark.parametrize("before", [[], [100], [300], [20, 300], [300, 100]])
def test_components_do_not_show_what_was_asked_for_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[int]
) -> None:
    # So that a few components come of an iteration, and many of a whole decomposition.
    monkeypatch.setattr(eigen, "EXACT_SIZE", 0)
    spread = (1 + np.arange(400)) ** -1.0
    features = (np.random.default_rng(0).standard_normal((1500, 400)) * spread).astype(np.float32)
    fresh, used = (gram(make_store(tmp_path / name, features)) for name in ("fresh", "used"))
    fit = np.arange(1400)
    assert not eigen.is_exact(len(fit), 128)
    assert eigen.is_exact(len(fit), 512)
    for n_components in before:
        fit_components(used, fit, n_components)
    expected, found = (fit_components(kernel, fit, 20) for kernel in (fresh, used))
    np.testing.assert_array_equal(found.scores, expected.scores)
