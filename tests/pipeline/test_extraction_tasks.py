"""Extraction on a cluster: the bytes of no cluster, whoever of the workers dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import algocli
from algocli.compute.executors.crew import Crew
from algocli.compute.executors.lists import work
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import ByHand, DataError, UsageError
from algocli.features.pending import divided
from algocli.features.store.shards import Shard
from tests.features.by_hand import digest_tree, list_stores
from tests.support.challenge import write_tiny_challenge

NETWORK = """
import torch


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 16, 16), torch.nn.Conv2d(4, 300, 2, 2))
"""


@pytest.mark.parametrize("n_parts", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("within", [range(10_000), range(300, 2000)])
def test_every_shard_that_is_left_begins_in_one_part_and_ends_there(n_parts: int, within: range) -> None:
    # Of two stores, one with long shards and one with short ones, some of which are done.
    long = [Shard(number, 256 * number, min(256 * number + 256, 10_000)) for number in range(40)]
    short = [Shard(number, 32 * number, min(32 * number + 32, 10_000)) for number in range(313)]
    left = [shard for shard in (*long[1:5], *long[7:39], *short[48:]) if shard.start in within]
    parts = divided(left, n_parts, within)
    assert parts == sorted(parts, key=lambda part: part.start)
    for shard in left:
        (part,) = [part for part in parts if shard.start in part]
        assert shard.stop <= part.stop or part.stop == within.stop
    # What is done already may lie between two parts; nothing else makes more of them than were asked for.
    assert len(parts) <= n_parts + 1


@pytest.fixture(scope="module")
def challenge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_challenge(tmp_path_factory.mktemp("data") / "challenge", n_train=600, n_test=6, image_size=16)


def left(cache: Path) -> list[str]:
    """Digest what an extraction leaves of each store: features, records, and products."""
    return [
        digest_tree(store.folder / "features.zarr", store.folder / "done", store.folder / "gram")
        for store in list_stores(cache)
    ]


@pytest.mark.slow
def test_any_number_of_workers_leaves_what_no_cluster_does_though_one_is_killed(
    challenge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    notes: dict[str | None, list[str]] = {None: [], "local:1": [], "local:2": []}

    def kill_one() -> None:
        while not list((tmp_path / "local:2").glob("features/*/*/done/*.json")):
            time.sleep(0.002)
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)

    murder = threading.Thread(target=kill_one, daemon=True)
    made = {}
    for cluster, said in notes.items():
        if cluster == "local:2":
            murder.start()
        how = {"weights": "random", "device": "cpu", "cluster": cluster, "cache_dir": tmp_path / str(cluster)}
        features = algocli.extract(
            Challenge(challenge).subjects(), "python:small:network", ["0", "1"], **how, note=said.append
        )
        assert all(store.complete for store in features.stores)
        made[cluster] = left(tmp_path / str(cluster))
    assert made[None] == made["local:1"] == made["local:2"]
    assert len(made[None]) == 4
    assert [line for line in notes["local:2"] if line.endswith("it is tried again")]
    # What is done is not handed out: nothing is said but that.
    again: list[str] = []
    algocli.extract(Challenge(challenge).subjects(), "python:small:network", ["0", "1"], **how, note=again.append)
    assert {line.rpartition(" is ")[2] for line in again if "nothing to do" in line} == {"complete, nothing to do"}
    assert left(tmp_path / "local:2") == made[None]


def test_workers_load_a_network_before_they_are_asked_where_nothing_is_made_and_never_where_all_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Challenge(write_tiny_challenge(tmp_path / "challenge", n_train=6, n_test=2, image_size=16)).subject(1)
    mark = f"__import__('pathlib').Path({str(tmp_path)!r}, str(__import__('os').getpid()) + '.loaded').touch()"
    (tmp_path / "marking.py").write_text(NETWORK.replace("    torch.manual", f"    {mark}\n    torch.manual"))
    monkeypatch.syspath_prepend(tmp_path)
    begun, prepare = list[bool](), Crew.prepare

    def watched(crew: Crew, *what: Any) -> None:
        begun.append(True)
        prepare(crew, *what)

    monkeypatch.setattr(Crew, "prepare", watched)
    how = {"weights": "random", "device": "cpu", "cluster": "local:1", "cache_dir": tmp_path / "cache"}
    (store,) = algocli.extract(subject, "python:marking:network", "0", **how).stores
    assert store.complete
    assert (begun, len(list(tmp_path.glob("*.loaded")))) == ([True], 2)
    for loaded in tmp_path.glob("*.loaded"):
        loaded.unlink()
    algocli.extract(subject, "python:marking:network", "0", **how)
    assert (begun, [path.stem for path in tmp_path.glob("*.loaded")]) == ([True], [str(os.getpid())])


@pytest.mark.slow
def test_an_image_that_cannot_be_read_is_named_when_the_rest_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = write_tiny_challenge(tmp_path / "challenge", n_train=12, n_test=4, image_size=16)
    broken = sorted((spoilt / "subj01/training_split/training_images").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:-30])
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DataError, match=rf"1 of 3 tasks failed; the rest is done:\n  subject 1, .*{broken.name}"):
        algocli.extract(
            Challenge(spoilt).subjects(), "python:small:network", "0", weights="random", device="cpu",
            cluster="local:1", cache_dir=tmp_path / "cache",
        )  # fmt: skip
    assert sorted(store.complete for store in list_stores(tmp_path / "cache")) == [False, True]


def test_a_gpu_that_only_the_nodes_have_is_asked_for_and_missed_where_there_is_none(
    challenge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algocli.features.networks.devices.usable", lambda: ["cpu"])
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    how = {"weights": "random", "device": "cuda", "cache_dir": tmp_path / "cache"}
    subject = Challenge(challenge).subject(1)
    with pytest.raises(UsageError, match="no CUDA device is available"):
        algocli.extract(subject, "python:small:network", "0", **how, cluster="local:1")
    with pytest.raises(ByHand) as written:
        algocli.extract(subject, "python:small:network", "0", **how, cluster="sbatch")
    assert "#SBATCH --gpus-per-node=1" in written.value.script.read_text()
    # What a network takes is known here, and what it will hold.
    assert "#SBATCH --mem=" in written.value.script.read_text()
    outcome = work(written.value.tasks, 0)
    assert isinstance(outcome.error, UsageError)
    assert "no CUDA device is available" in outcome.error.message
