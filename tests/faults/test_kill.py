"""Killed at any moment, by any signal, and started again: the same bytes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import ROOT, Jobs, extract, store_in
from tests.features.by_hand import store_digest
from tests.support.challenge import write_tiny_challenge


def left_behind(cache: Path) -> list[Path]:
    """List the unfinished files of the store."""
    return list(store_in(cache).folder.rglob("*.partial"))


def assert_records_tell_the_truth(cache: Path) -> None:
    """See that every finished shard is whole, where there is a store at all."""
    if list((cache / "features").glob("*/subj01-*/manifest.json")):
        assert list(store_in(cache).damaged()) == []


def resume(jobs: Jobs, challenge: Path, cache: Path, rows: int, expected: str) -> None:
    """Give the command again and hold the store against one that nothing disturbed."""
    (ended,) = jobs.run(extract(challenge, cache, rows=rows))
    assert ended.code == 0, ended.said
    assert store_digest(store_in(cache).folder) == expected
    assert left_behind(cache) == []


def test_killed_at_random_moments_it_ends_with_the_same_bytes(
    jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path
) -> None:
    rng = random.Random(0)
    n_killed = 0
    for _ in range(30):
        death = {"signal": signal.SIGKILL, "after": rng.uniform(0.05, 0.8)}
        (ended,) = jobs.run(
            extract(challenge, tmp_path, rows=8, seconds=0.15, arguments=["--batch-size", "2"], **death)
        )
        assert_records_tell_the_truth(tmp_path)
        if ended.code == 0:
            break
        n_killed += 1
    assert n_killed >= 2
    resume(jobs, challenge, tmp_path, 8, whole[8])


def test_killed_again_and_again_it_gets_on(jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path) -> None:
    # Each run does at least one shard's work before it is killed: 4 shards are done after a few runs.
    for _ in range(30):
        (ended,) = jobs.run(extract(challenge, tmp_path, rows=8, at=25, happens="kill"))
        if ended.code == 0:
            break
    assert ended.code == 0
    assert store_digest(store_in(tmp_path).folder) == whole[8]


def test_an_interrupt_from_the_keyboard_ends_with_130_and_resumes(
    jobs: Jobs, challenge: Path, whole: dict[int, str], tmp_path: Path
) -> None:
    stop = {"signal": signal.SIGINT, "after": 0.8}
    (ended,) = jobs.run(extract(challenge, tmp_path, rows=8, seconds=0.2, arguments=["--batch-size", "2"], **stop))
    assert ended.code == 130
    assert "what is finished stays finished" in ended.said
    assert "Traceback" not in ended.said
    assert_records_tell_the_truth(tmp_path)
    resume(jobs, challenge, tmp_path, 8, whole[8])


@pytest.mark.slow
def test_the_program_itself_killed_twice_ends_with_the_same_bytes(tmp_path: Path) -> None:
    # float32 rows of features.2 are 187 kB: shards of 128 rows.
    challenge = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=500, n_test=20, image_size=64)

    def start(cache: Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "algocli", "extract", "--weights", "random:2", "--dtype", "float32"]
        where = ["--data-dir", str(challenge), "--cache-dir", str(cache), "--device", "cpu", "--batch-size", "8"]
        return subprocess.Popen(command + where, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)

    for n_done in (1, 2):
        with start(tmp_path / "killed") as process:
            while process.poll() is None and len(list((tmp_path / "killed").rglob("done/*.json"))) < n_done:
                time.sleep(0.005)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert_records_tell_the_truth(tmp_path / "killed")
    for cache in ("killed", "whole"):
        with start(tmp_path / cache) as process:
            said = "".join(process.communicate())
        assert process.returncode == 0, said
    assert store_digest(store_in(tmp_path / "killed").folder) == store_digest(store_in(tmp_path / "whole").folder)
