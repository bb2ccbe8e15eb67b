"""Several layers in one pass, killed, doubled or shared out between processes: every store is right."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from algocli.features.store.shards import FeatureStore
from tests.faults.conftest import ROOT, Ended, Jobs, extract, store_in
from tests.features.by_hand import store_digest
from tests.features.stand_in import SHAPES
from tests.support.challenge import write_tiny_challenge

EVERY = tuple(SHAPES)
TWO = ("edges", "wide")
# The second layer's shards are half as long as the others'.
N_SHARDS = {"edges": 4, "wide": 7, "corner": 4}


def several(challenge: Path, cache: Path, layers: Sequence[str] = EVERY, *words: str, **options: Any) -> dict[str, Any]:
    """Return the job of extracting some of the stand-in's layers."""
    arguments = [*(word for layer in layers for word in ("-l", layer)), "--batch-size", "2", "--no-gram", *words]
    return extract(challenge, cache, arguments=arguments, **options)


def digests(cache: Path, layers: Sequence[str] = EVERY) -> dict[str, str]:
    """Digest the store of each layer."""
    return {layer: store_digest(store_in(cache, layer).folder) for layer in layers}


def done_shards(cache: Path, whole: Path) -> dict[str, int]:
    """Count each layer's finished shards, and see that each has the bytes that an undisturbed run gave it."""
    counts = dict.fromkeys(EVERY, 0)
    for layer in EVERY:
        if not list((cache / "features").glob(f"*-{layer}-*/subj01-*/manifest.json")):
            continue
        store, reference = store_in(cache, layer), store_in(whole, layer)
        pending = store.pending()
        for shard in store.shards:
            if shard not in pending:
                for path in (f"features.zarr/c/{shard.index}/0", f"done/{shard.index:05d}.json"):
                    assert (store.folder / path).read_bytes() == (reference.folder / path).read_bytes(), (layer, path)
                counts[layer] += 1
    return counts


def said_by(ended: Sequence[Ended]) -> str:
    return "\n".join(one.said for one in ended)


@pytest.fixture(scope="module")
def undisturbed(jobs: Jobs, challenge: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of all layers that nothing disturbed."""
    return undisturbed_by(jobs, challenge, tmp_path_factory.mktemp("undisturbed"))


def undisturbed_by(jobs: Jobs, challenge: Path, cache: Path) -> Path:
    (ended,) = jobs.run(several(challenge, cache))
    assert ended.code == 0, ended.said
    assert all(store_in(cache, layer).complete for layer in EVERY)
    return cache


def test_layers_of_different_widths_have_shards_of_their_own(undisturbed: Path) -> None:
    assert {layer: len(store_in(undisturbed, layer).shards) for layer in EVERY} == N_SHARDS


def kill_again_and_again(jobs: Jobs, challenge: Path, whole: Path, cache: Path, n_kills: int) -> None:
    """Kill an extraction, by turns at a random moment and at a random change to the disk, and let it end at last.

    After every kill each finished shard is whole, and no shard that was finished is finished no more.
    """
    rng = random.Random(n_kills)
    done, met = done_shards(cache, whole), set()
    n_killed = 0
    for turn in range(n_kills):
        moment = {"signal": signal.SIGKILL, "after": rng.uniform(0.1, 0.6)}
        change = {"at": rng.randrange(1, 160), "happens": "kill"}
        (ended,) = jobs.run(several(challenge, cache, seconds=0.1, **(change if turn % 2 else moment)))
        assert ended.code in (0, -signal.SIGKILL), ended.said
        n_killed += ended.code != 0
        before, done = done, done_shards(cache, whole)
        assert all(done[layer] >= before[layer] for layer in EVERY), (before, done)
        met.add(tuple(done.values()))
    # Dead in the middle: most had work left, and found more done than the one before.
    assert n_killed > 0.8 * n_kills
    assert len(met) > n_kills / 4
    (ended,) = jobs.run(several(challenge, cache))
    assert ended.code == 0, ended.said
    assert digests(cache) == digests(whole)
    assert list((cache / "features").glob("*/subj01-*/**/*.partial")) == []


def test_eight_kills_lose_nothing_of_any_layer(jobs: Jobs, tmp_path: Path) -> None:
    challenge = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=60, n_test=6, image_size=40)
    whole = undisturbed_by(jobs, challenge, tmp_path / "whole")
    kill_again_and_again(jobs, challenge, whole, tmp_path / "cache", 8)


@pytest.mark.slow
def test_thirty_kills_lose_nothing_of_any_layer(jobs: Jobs, tmp_path: Path) -> None:
    challenge = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=290, n_test=6, image_size=40)
    whole = undisturbed_by(jobs, challenge, tmp_path / "whole")
    kill_again_and_again(jobs, challenge, whole, tmp_path / "cache", 30)


def test_two_that_begin_together_leave_one_right_store_of_each_layer(
    jobs: Jobs, challenge: Path, undisturbed: Path, tmp_path: Path
) -> None:
    ended = jobs.run(*(several(challenge, tmp_path, seconds=0.02) for _ in range(3)))
    assert [one.code for one in ended] == [0, 0, 0], said_by(ended)
    assert digests(tmp_path) == digests(undisturbed)


@pytest.mark.parametrize(
    "sets",
    [
        pytest.param([("edges", "wide"), ("wide", "edges")], id="opposite"),
        pytest.param([("edges", "wide"), ("corner", "wide")], id="overlapping"),
        pytest.param([("edges", "wide"), ("wide", "corner"), ("corner", "edges")], id="round"),
    ],
)
def test_layers_that_several_share_in_any_order_leave_one_right_store_each(
    jobs: Jobs, challenge: Path, undisturbed: Path, tmp_path: Path, sets: list[tuple[str, ...]]
) -> None:
    # Each takes one lock, and rests before the next: whoever takes them in an order of its own waits for ever.
    ended = jobs.run(*(several(challenge, tmp_path, layers, dwell=0.1, at_most=20) for layers in sets))
    assert [one.code for one in ended] == [0] * len(sets), said_by(ended)
    made = {layer for layers in sets for layer in layers}
    assert digests(tmp_path, sorted(made)) == digests(undisturbed, sorted(made))


@pytest.mark.parametrize("cuts", [(8, 16), (5, 6), (1, 13), (0, 27)], ids=str)
def test_rows_shared_out_between_three_processes_are_the_bytes_of_one(
    jobs: Jobs, challenge: Path, undisturbed: Path, tmp_path: Path, cuts: tuple[int, int]
) -> None:
    first, second = cuts
    parts = (f":{first}", f"{first}:{second}", f"{second}:")
    ended = jobs.run(*(several(challenge, tmp_path, TWO, "--rows", rows, seconds=0.01) for rows in parts))
    assert [one.code for one in ended] == [0, 0, 0], said_by(ended)
    assert digests(tmp_path, TWO) == digests(undisturbed, TWO)


@pytest.mark.parametrize("number", range(8, 64, 7))
def test_one_of_three_that_is_killed_is_repeated_alone(
    jobs: Jobs, challenge: Path, undisturbed: Path, tmp_path: Path, number: int
) -> None:
    first, second, third = (several(challenge, tmp_path, TWO, "--rows", rows) for rows in (":5", "5:22", "22:"))
    ended = jobs.run(first, {**second, "at": number, "happens": "kill"}, third)
    assert [one.code for one in ended] == [0, -signal.SIGKILL, 0], said_by(ended)
    done_shards(tmp_path, undisturbed)
    (ended_again,) = jobs.run(second)
    assert ended_again.code == 0, ended_again.said
    # Leftovers would show: the digest is of all files.
    assert digests(tmp_path, TWO) == digests(undisturbed, TWO)


@pytest.mark.parametrize("number", range(50, 120, 7))
def test_rows_given_twice_and_killed_once_lose_nothing(
    jobs: Jobs, challenge: Path, undisturbed: Path, tmp_path: Path, number: int
) -> None:
    # As when a job is taken for lost, and repeated while it still runs.
    job = several(challenge, tmp_path, TWO, "--rows", ":20")
    ended = jobs.run(job, {**job, "at": number, "happens": "kill"}, several(challenge, tmp_path, TWO, "--rows", "9:"))
    assert [ended[0].code, ended[2].code] == [0, 0], said_by(ended)
    assert done_shards(tmp_path, undisturbed) == {**N_SHARDS, "corner": 0}


@pytest.mark.slow
def test_the_program_itself_shared_out_between_three_processes_gives_the_bytes_of_one(tmp_path: Path) -> None:
    # float32 rows of features.0 are 774 kB and of features.2 187 kB: shards of 32 and of 128 rows.
    challenge = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=280, n_test=20, image_size=64)

    def start(cache: str, *rows: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "algocli", "extract", "--weights", "random:2", "--dtype", "float32"]
        where = ["--data-dir", str(challenge), "--cache-dir", str(tmp_path / cache), "--device", "cpu"]
        what = ["-l", "features.0", "-l", "features.2", "--no-gram", *rows]
        return subprocess.Popen([*command, *where, *what], text=True, stderr=subprocess.PIPE, cwd=ROOT)

    def stores(cache: str) -> list[FeatureStore]:
        return [store_in(tmp_path / cache, layer) for layer in ("features.0", "features.2")]

    def wait(*processes: subprocess.Popen[str]) -> None:
        said = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(said)

    wait(*(start("parts", "--rows", rows) for rows in (":50", "50:131", "131:")))
    wait(start("whole"))
    assert [len(store.shards) for store in stores("whole")] == [10, 3]
    for part, whole in zip(stores("parts"), stores("whole"), strict=True):
        assert part.complete
        assert store_digest(part.folder) == store_digest(whole.folder)
