"""`algocli cache` as a shell sees it."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.challenge.subjects import Challenge
from algocli.cli import app
from algocli.encoding.runs import open_run
from algocli.encoding.settings import Settings
from algocli.features.library import list_stores
from tests.features.by_hand import cache_features


@pytest.fixture
def cache(tiny_challenge, tmp_path, monkeypatch):
    """Hold features of both subjects, in 4 shards each."""
    monkeypatch.setattr("algocli.features.store.MAX_SHARD_ROWS", 4)
    for subject in Challenge(tiny_challenge).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((len(subject.stimuli), 30)).astype(np.float16)
        cache_features(tmp_path, subject, rows)
    return tmp_path


def invoke(*words):
    return CliRunner().invoke(app, ["cache", *map(str, words)])


def test_stores_and_runs_are_listed(cache):
    for number in (1, 6):
        open_run(cache, "mine", Settings(features=("x",))).start_subject(number).finish({"finished_at": 1.0})
    result = invoke("list", "--cache-dir", cache)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    name = list_stores(cache)[0].folder.parent.name
    assert [line[:6] for line in lines if line[:1] == [name]] == [
        [name, "1", "16", "of", "16", "30"],
        [name, "6", "16", "of", "16", "30"],
    ]
    assert all(line[-2:] == ["by", "hand"] for line in lines if line[:1] == [name])
    assert ["mine", "1,6"] in lines


def test_an_unfinished_store_shows_how_far_it_is(cache):
    store = list_stores(cache)[1]
    store.forget(store.shards[2])
    printed = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)
    assert [(row["subject"], row["n_done"], row["n_stimuli"]) for row in printed["features"]] == [
        (1, 16, 16),
        (6, 12, 16),
    ]
    assert all(row["n_bytes"] > 0 for row in printed["features"])
    assert printed["runs"] == []


def test_an_empty_cache_is_an_empty_list(tmp_path):
    assert invoke("list", "--cache-dir", tmp_path).exit_code == 0
    assert json.loads(invoke("list", "--cache-dir", tmp_path / "none", "--json").stdout) == {"features": [], "runs": []}
    assert "0 stores are whole" in invoke("verify", "--cache-dir", tmp_path).stdout


def test_whole_stores_are_said_to_be_whole(cache):
    result = invoke("verify", "--cache-dir", cache)
    assert result.exit_code == 0
    assert result.stdout == "2 stores are whole\n"


def test_a_damaged_shard_is_named_and_only_that_is_made_again(cache, tiny_challenge):
    first, second = list_stores(cache)
    whole = second.read()
    path = second.folder / "features.zarr" / "c" / "1" / "0"
    os.truncate(path, path.stat().st_size - 3)

    result = invoke("verify", "--cache-dir", cache)
    assert result.exit_code == 3
    assert result.stdout == f"{second.folder}: rows 4 to 8 are damaged\n"
    assert "repeat algocli extract" in result.stderr
    assert [shard.index for shard in second.pending()] == [1]
    assert first.complete

    cache_features(cache, Challenge(tiny_challenge).subject(6), whole)
    assert invoke("verify", "--cache-dir", cache).exit_code == 0
    np.testing.assert_array_equal(second.read(), whole)


def test_damage_as_json(cache):
    store = list_stores(cache)[0]
    for index in ("0", "3"):
        (store.folder / "features.zarr" / "c" / index / "0").unlink()
    result = invoke("verify", "--cache-dir", cache, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "n_stores": 2,
        "damaged": [{"store": str(store.folder), "rows": [0, 4]}, {"store": str(store.folder), "rows": [12, 16]}],
        "unreadable": [],
    }


def test_an_array_that_cannot_be_opened_is_one_sentence(cache):
    store = list_stores(cache)[0]
    (store.folder / "features.zarr" / "zarr.json").unlink()
    result = invoke("verify", "--cache-dir", cache)
    assert result.exit_code == 3
    assert str(store.folder) in result.stdout
    assert result.stderr.startswith("error: 1 store cannot be read, 0 shards damaged\n")


def test_one_store_that_cannot_be_read_hides_no_other(cache):
    broken, damaged = list_stores(cache)
    (broken.folder / "manifest.json").write_text("{")
    (damaged.folder / "features.zarr" / "c" / "0" / "0").unlink()
    result = invoke("verify", "--cache-dir", cache)
    assert result.exit_code == 3
    assert f"{damaged.folder}: rows 0 to 4 are damaged\n" in result.stdout
    assert str(broken.folder) in result.stdout

    listed = invoke("list", "--cache-dir", cache)
    assert listed.exit_code == 0
    assert "damaged" in listed.stdout
    assert "12 of 16" in listed.stdout
    assert str(broken.folder) in listed.stderr
    rows = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)["features"]
    assert [row.get("subject") for row in rows] == [None, 6]


def test_nothing_cached_is_said_rather_than_shown_as_a_table(tmp_path):
    result = invoke("list", "--cache-dir", tmp_path)
    assert result.stdout == ""
    assert result.stderr == f"nothing is cached in {tmp_path}\n"
    assert invoke("list", "--cache-dir", tmp_path, "--quiet").stderr == ""


def test_a_word_is_needed():
    assert invoke().exit_code == 2
    assert invoke("nonsense").exit_code == 2
