"""A disk that is full, read-only or broken: one sentence, exit code 3, and what is finished stays finished."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from tests.faults.conftest import Ended, Jobs, extract, store_in


def assert_one_sentence(ended: Ended, *words: str) -> None:
    """See that a job ended as a fault of the disk should."""
    assert ended.code == 3, ended.said
    assert "Traceback" not in ended.said
    errors = [line for line in ended.said.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, ended.said
    for word in words:
        assert word in ended.said


def test_a_shard_too_large_for_the_disk_leaves_the_smaller_ones_before_it(
    jobs: Jobs, challenge: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "challenge"
    shutil.copytree(challenge, mixed)
    images = sorted((mixed / "subj01/training_split/training_images").glob("*.png"))
    for row, path in enumerate(images):
        # Black images compress to nothing; from row 16 on, noise does not compress at all.
        noise = np.random.default_rng(row).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(noise if row >= 16 else np.zeros_like(noise)).save(path)
    float32 = ["--dtype", "float32"]
    (ended,) = jobs.run(extract(mixed, tmp_path / "cache", rows=8, largest_file=8000, arguments=float32))
    assert_one_sentence(ended, "larger than this file system allows")
    store = store_in(tmp_path / "cache")
    # The last shard is short enough to fit; whether it was tried before the failure was seen is a matter of chance.
    assert [shard.index for shard in store.pending()] in ([2], [2, 3])
    n_done = 27 - sum(map(len, store.pending()))
    assert list(store.damaged()) == []
    (ended,) = jobs.run(extract(mixed, tmp_path / "cache", rows=8, arguments=float32))
    assert ended.code == 0, ended.said
    assert f"{n_done} of 27 images are done already" in ended.said
    assert store_in(tmp_path / "cache").complete


def test_a_file_in_place_of_the_cache_is_one_sentence(jobs: Jobs, challenge: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    (ended,) = jobs.run(extract(challenge, tmp_path / "cache"))
    assert_one_sentence(ended, str(tmp_path / "cache"))
    assert (tmp_path / "cache").read_text() == "not a folder"


def test_a_file_in_place_of_the_records_is_one_sentence(jobs: Jobs, challenge: Path, tmp_path: Path) -> None:
    jobs.run(extract(challenge, tmp_path))
    store = store_in(tmp_path)
    shutil.rmtree(store.folder / "done")
    (store.folder / "done").write_text("not a folder")
    (ended,) = jobs.run(extract(challenge, tmp_path))
    assert_one_sentence(ended, "a file stands where a folder is needed")


def test_a_folder_that_may_not_be_written_is_one_sentence(jobs: Jobs, challenge: Path, tmp_path: Path) -> None:
    # Root may write anywhere: the refusal is played.
    (ended,) = jobs.run(extract(challenge, tmp_path / "cache", at=1, happens="refused"))
    assert_one_sentence(ended, "cannot write", "no permission")


def test_a_cache_that_leads_to_a_disk_that_is_not_mounted_is_one_sentence(
    jobs: Jobs, challenge: Path, tmp_path: Path
) -> None:
    (tmp_path / "cache").symlink_to(tmp_path / "not" / "mounted")
    (ended,) = jobs.run(extract(challenge, tmp_path / "cache"))
    assert_one_sentence(ended, str(tmp_path / "cache"))


def test_an_image_that_is_cut_short_is_named(jobs: Jobs, challenge: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "challenge"
    shutil.copytree(challenge, spoilt)
    (path,) = (spoilt / "subj01/training_split/training_images").glob("train-0019_*.png")
    os.truncate(path, path.stat().st_size - 30)
    (ended,) = jobs.run(extract(spoilt, tmp_path / "cache", rows=8))
    assert_one_sentence(ended, path.name)
    assert [shard.index for shard in store_in(tmp_path / "cache").pending()] == [2, 3]
