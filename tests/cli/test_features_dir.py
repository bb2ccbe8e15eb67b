"""`--features-dir s3://...` as a shell sees it: features at an address, and all that is made of them in the cache."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.compute.addresses import Address
from algocli.compute.object_kinds import KINDS, ObjectKind
from algocli.compute.serving import server_of
from algocli.dataset.challenge.subjects import Challenge
from algocli.features.store.shards import FeatureStore
from tests.features.by_hand import digest_of_objects, digest_tree, list_stores
from tests.features.stand_in import stand_in
from tests.pipeline.test_extraction_tasks import NETWORK
from tests.support.challenge import write_tiny_challenge
from tests.support.objects import Objects

ROOT = Path(__file__).parents[2]
Invoke = Callable[..., Any]


@pytest.fixture
def at(objects: Objects, tmp_path: Path) -> Address:
    return objects.at(f"of commands{tmp_path}")


@pytest.fixture
def run(challenge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run a command on a cache, with a network that is made in no time and shards of 8 images."""
    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_, **__: stand_in())
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)

    def invoke(*words: str, cache: str = "cache", code: int = 0) -> Any:
        data = ["--data-dir", str(challenge)] if words[0] != "cache" or words[1] == "verify" else []
        result = CliRunner().invoke(app, [*words, *data, "--cache-dir", str(tmp_path / cache)])
        assert result.exit_code == code, result.output
        return result

    return invoke


def extract(run: Invoke, at: Address, *more: str, **how: Any) -> Any:
    return run("extract", "--device", "cpu", "--features-dir", str(at), *more, **how)


TRAIN = ("train", "--features", "stand-in*", "--pca", "4", "--each", "--run", "mine")


def test_what_lies_at_an_address_is_trained_on_listed_and_verified(run: Invoke, at: Address, tmp_path: Path) -> None:
    (line,) = extract(run, at).stdout.splitlines()
    (store,) = list_stores(tmp_path / "cache")
    assert line.split()[0] == "subj01"
    assert line.endswith(f"  {store.place}")
    assert str(store.place).startswith(f"{at}/features/stand-in")
    assert not (store.folder / "features.zarr").exists()
    assert (store.folder / "gram" / "matrix.npy").is_file()
    # What was made once is found without a word of where.
    assert "is complete, nothing to do" in run("extract", "--device", "cpu").stderr
    run(*TRAIN)
    assert f"read in {store.place}" in run("cache", "list").stdout
    assert run("cache", "verify").stdout == "1 store and 1 run are whole, 2 rows of 1 computed anew\n"


def test_another_cache_trains_on_it_and_has_the_same_run(run: Invoke, at: Address, tmp_path: Path) -> None:
    extract(run, at)
    run(*TRAIN)
    before = digest_of_objects(at), sorted(at.read_all())
    run(*TRAIN, "--features-from", str(at), cache="theirs")
    scores = [json.loads(run("report", "--run", "mine", "--json", cache=cache).stdout) for cache in ("cache", "theirs")]
    assert scores[0]["rows"] == scores[1]["rows"]
    assert scores[0]["rows"]
    assert (digest_of_objects(at), sorted(at.read_all())) == before


def test_damage_is_told_and_mended_where_it_is(run: Invoke, at: Address, tmp_path: Path) -> None:
    extract(run, at)
    (store,) = list_stores(tmp_path / "cache")
    whole = digest_of_objects(at)
    shard = store.shard_path(1)
    assert isinstance(shard, Address)
    shard.write(shard.read()[:-1] + b"?")
    store.shard_path(2).unlink()
    found = run("cache", "verify", code=3)
    assert f"{store.folder}: rows 8 to 16 are damaged" in found.stdout
    assert f"{store.folder}: rows 16 to 24 are damaged" in found.stdout
    assert "algocli extract" in found.stderr
    run("extract", "--device", "cpu")
    assert digest_of_objects(at) == whole


def test_a_damaged_matrix_beside_them_is_told_withdrawn_and_left_there_again(
    run: Invoke, at: Address, tmp_path: Path
) -> None:
    extract(run, at)
    (matrix,) = at.glob("features/*/*/gram/*.npy")
    whole = matrix.read()
    matrix.write(whole[:-1] + b"?")
    # What this cache has itself is whole.
    run(*TRAIN)
    found = run("cache", "verify", code=3)
    assert f"{matrix} is not what was written" in found.stdout
    assert "left there again by the next command" in found.stderr
    run("cache", "verify")
    run("extract", "--device", "cpu")
    assert matrix.read() == whole
    assert list(at.glob("features/*/*/gram/record.json"))


def test_another_cache_trains_though_no_feature_can_be_read(run: Invoke, at: Address, tmp_path: Path) -> None:
    extract(run, at)
    run(*TRAIN)
    for chunk in at.glob("features/*/*/features.zarr/c/*/*"):
        chunk.unlink()
    run(*TRAIN, "--features-from", str(at), cache="theirs")
    trees = [
        digest_tree(store.folder / "gram") for name in ("cache", "theirs") for store in list_stores(tmp_path / name)
    ]
    assert len(trees) == 2
    assert trees[0] == trees[1]
    scores = [json.loads(run("report", "--run", "mine", "--json", cache=cache).stdout) for cache in ("cache", "theirs")]
    assert scores[0]["rows"] == scores[1]["rows"]


def test_deleting_what_a_cache_knows_of_it_leaves_the_objects(run: Invoke, at: Address, tmp_path: Path) -> None:
    extract(run, at)
    before = sorted(at.read_all())
    (store,) = list_stores(tmp_path / "cache")
    assert f"what lies in {store.place} stays there" in run("cache", "gc", "--unused", "--yes").output
    assert list_stores(tmp_path / "cache") == []
    assert sorted(at.read_all()) == before
    assert "is complete, nothing to do" in extract(run, at).stderr


@pytest.mark.parametrize("word", ["elsewhere", "sftp://host/x", "s3://", "s3://bucket/*", "https://server/x"])
def test_what_is_no_address_is_refused_in_one_sentence(run: Invoke, word: str) -> None:
    result = run("extract", "--features-dir", word, code=2)
    assert f"--features-dir {word}: an address such as s3://BUCKET/PREFIX was expected" in result.stderr


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.scheme)
def test_without_the_package_it_is_named(run: Invoke, kind: ObjectKind, monkeypatch: pytest.MonkeyPatch) -> None:
    server_of.cache_clear()
    monkeypatch.setitem(sys.modules, kind.package, None)
    result = run("extract", "--features-dir", f"{kind.scheme}://bucket/x", code=2)
    assert f"need the package {kind.package}" in result.stderr
    assert f".[{kind.extra}]" in result.stderr


def test_a_bucket_that_is_not_there_is_one_sentence(run: Invoke, objects: Objects) -> None:
    result = run("extract", "--device", "cpu", "--features-dir", "s3://nobody-has-this/x", code=3)
    assert "there is no such bucket" in result.stderr


_SLOWLY = """
import sys
from algocli.cli import main
from algocli.features.networks import backbones
from algocli.features.store import shards
from tests.features.stand_in import stand_in
seconds = float(sys.argv.pop(1))
backbones.load_backbone = lambda *_, **__: stand_in(seconds=seconds)
shards.MAX_SHARD_ROWS = 8
main()
"""


@pytest.mark.slow
def test_an_extraction_that_is_killed_goes_on_to_the_same_bytes(
    run: Invoke, at: Address, challenge: Path, tmp_path: Path
) -> None:
    fixed = ["--device", "cpu", "--batch-size", "4", "--data-dir", str(challenge), "--quiet"]
    words = ["extract", *fixed, "--features-dir", str(at / "killed"), "--cache-dir", str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    begun = subprocess.Popen([sys.executable, "-c", _SLOWLY, "3", *words], env=environment)
    while not list((at / "killed").glob("features/*/*/done/*.json")):
        assert begun.poll() is None
        time.sleep(0.1)
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    (store,) = list_stores(tmp_path / "killed")
    assert 0 < len(store.pending()) < 4
    extract(run, at / "killed", "--batch-size", "4", cache="killed")
    extract(run, at / "whole", "--batch-size", "4", cache="whole")
    (again,) = list_stores(tmp_path / "killed")
    (whole,) = list_stores(tmp_path / "whole")
    assert isinstance(again.place, Address)
    assert isinstance(whole.place, Address)
    assert FeatureStore(again.folder).complete
    assert digest_of_objects(again.place) == digest_of_objects(whole.place)


@pytest.mark.slow
def test_workers_of_a_cluster_fill_it_to_the_bytes_of_none(
    at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=600, n_test=6, image_size=16)
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    made = []
    for name, cluster in (("none", None), ("two", "local:2")):
        how = {"weights": "random", "device": "cpu", "cluster": cluster, "cache_dir": tmp_path / name}
        words = Challenge(data).subjects(), "python:small:network", ["0"]
        (store,) = algocli.extract(*words, **how, features_dir=str(at / name)).stores
        assert isinstance(store.place, Address)
        made.append((digest_of_objects(store.place), digest_tree(store.folder / "gram")))
    assert made[0] == made[1]
