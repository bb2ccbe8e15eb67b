"""Every lock there is, replaced by a link to a file of somebody's: no command of ours touches that file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.features.stand_in import stand_in
from tests.support.challenge import write_tiny_challenge

MODEL = ["--model", "stand-in", "-l", "edges"]
TRAIN = ["train", *MODEL, "--pca", "5", "--regression", "ridge", "--standardise", "--run", "mine"]
COMMANDS = (
    ["extract", *MODEL, "--device", "cpu"],
    ["import-features", "mine.npy", "--name", "theirs", "--force"],
    [*TRAIN, "--force"],
    ["report", "--run", "mine", "--significance", "--permutations", "20"],
    ["predict", "data/subj01/test_split/test_images", "--run", "mine", "-o", "predicted"],
    ["cache", "gc", "--yes"],
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("links")
    write_tiny_challenge(home / "data", (1,), n_train=60, n_test=4, image_size=24, known_test=True)
    np.save(home / "mine.npy", np.random.default_rng(0).standard_normal((64, 12)).astype(np.float32))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_asked, **_how: stand_in())
        patch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 32)
        patch.setenv("ALGOCLI_DATA_DIR", "data")
        patch.setenv("ALGOCLI_CACHE_DIR", "cache")
        patch.chdir(home)
        for words in COMMANDS:
            result = CliRunner().invoke(app, [*words, "--quiet"])
            assert result.exit_code == 0, (words, result.output)
        yield home


def locks_in(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.name.endswith("lock") or path.parent.name == "locks")


def test_a_link_in_place_of_any_lock_is_refused_and_its_target_untouched(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("not ours")
    locks = [path.relative_to(whole) for path in locks_in(whole / "cache")]
    # Of a cache, of its runs and of a subject that is trained; of a recipe's imports; of a store, of what creates it,
    # of its shards and of two matrices.
    assert {path.name for path in locks} >= {".lock", "lock", "creation.lock", "subj01.lock", "00000"}
    assert {path.parent.name for path in locks} >= {"cache", "runs", "subj01", "theirs", "gram", "locks"}
    refused = set()
    for number, lock in enumerate(locks):
        place = tmp_path / str(number)
        shutil.copytree(whole, place)
        monkeypatch.chdir(place)
        (place / lock).unlink()
        (place / lock).symlink_to(precious)
        # What has been made leaves nothing to do, and takes no lock.
        for made in (*place.glob("cache/features/*/subj01-*/done/*"), *place.glob("cache/features/**/record.json")):
            made.unlink()
        for words in COMMANDS:
            result = CliRunner().invoke(app, [*words, "--quiet"])
            if result.exit_code != 0:
                assert result.exit_code in (3, 4), (words, lock, result.output)
                (told,) = (line for line in result.stderr.splitlines() if line.startswith("error:"))
                if "it is a link, and a lock never is" in told:
                    refused.add(lock)
                    assert result.stderr.splitlines()[-1].startswith("hint:  delete ")
                    assert result.stderr.splitlines()[-1].endswith(str(lock))
            assert precious.read_text() == "not ours", (words, lock)
            assert os.stat(precious).st_nlink == 1
            assert (place / lock).is_symlink() or not os.path.lexists(place / lock), (words, lock)
    assert refused == set(locks)
