"""`algocli cache` as a shell sees it."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app, cache_faults
from algocli.compute.caches import filling
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.settings import Settings
from algocli.features.store.gram import gram
from algocli.features.store.upgrading import adopt
from algocli.runs.opening import open_run
from tests.features.by_hand import cache_features, digest_tree, extract_one, list_stores
from tests.features.stand_in import stand_in


@pytest.fixture
def cache(tiny_challenge, tmp_path, monkeypatch):
    """Hold features of both subjects, in 4 shards each."""
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 4)
    for subject in Challenge(tiny_challenge).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((len(subject.stimuli), 30)).astype(np.float16)
        cache_features(tmp_path, subject, rows)
    return tmp_path


def invoke(*words):
    return CliRunner().invoke(app, ["cache", *map(str, words)])


def test_stores_and_runs_are_listed(cache):
    for number in (1, 2, 3, 6):
        open_run(cache, "mine", Settings(features=("x",))).start_subject(number).finish({"finished_at": 1.0})
    result = invoke("list", "--cache-dir", cache)
    assert result.exit_code == 0
    name, what, head, *rows = (line.split() for line in result.stdout.splitlines()[:5])
    assert name == [list_stores(cache)[0].folder.parent.name]
    assert what == ["alexnet", "by-hand", "--weights", "'by", "hand'"]
    assert head == ["Subject", "State", "Width", "On", "disk", "Age"]
    assert [row[:3] for row in rows] == [["1", "complete", "30"], ["6", "complete", "30"]]
    assert all(row[-1] == "s" for row in rows)
    assert "mine\n  run of subjects 1-3,6, " in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 stores and 1 run take ")


def test_no_line_of_the_list_is_wider_than_a_terminal(cache):
    result = invoke("list", "--cache-dir", cache)
    assert max(len(line.rstrip()) for line in result.stdout.splitlines()) <= 80


def test_an_unfinished_store_shows_how_far_it_is(cache):
    store = list_stores(cache)[1]
    store.forget(store.shards[2])
    assert "12 of 16" in invoke("list", "--cache-dir", cache).stdout
    printed = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)
    assert [(row["subject"], row["n_done"], row["n_stimuli"], row["state"]) for row in printed["features"]] == [
        (1, 16, 16, "complete"),
        (6, 12, 16, "unfinished"),
    ]
    assert all(row["n_bytes"] > 0 for row in printed["features"])
    assert printed["n_bytes"] == sum(row["n_bytes"] for row in printed["features"])
    assert printed["runs"] == []


def test_a_store_of_another_version_is_listed_beside_the_others(cache):
    foreign = list_stores(cache)[0].folder
    rewrite(foreign / "manifest.json", schema=99)
    result = invoke("list", "--cache-dir", cache)
    assert result.exit_code == 0
    assert "written by another version" in result.stdout
    assert "complete" in result.stdout
    first, second = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)["features"]
    assert (first["subject"], first["model"], first["problem"] is None) == (1, "alexnet", False)
    assert (second["state"], second["problem"]) == ("complete", None)


@pytest.mark.parametrize("text", ["{}", '{"schema": 1}', "[]"])
def test_a_manifest_that_says_too_little_is_a_damaged_store(cache, text):
    (list_stores(cache)[0].folder / "manifest.json").write_text(text)
    rows = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)["features"]
    assert [row["state"] for row in rows] == ["damaged", "complete"]
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert (result.exit_code, result.exception.__class__) == (3, SystemExit)


def test_a_recipe_without_its_description_is_damaged_and_hides_nothing(cache):
    (list_stores(cache)[0].folder.parent / "recipe.json").unlink()
    rows = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)["features"]
    assert [(row["state"], row["n_done"]) for row in rows] == [("damaged", 16)] * 2
    assert "recipe.json is missing or damaged" in rows[0]["problem"]


def test_an_empty_cache_is_an_empty_list(tmp_path):
    assert invoke("list", "--cache-dir", tmp_path).exit_code == 0
    empty = {"features": [], "runs": [], "jobs": [], "n_bytes": 0}
    assert json.loads(invoke("list", "--cache-dir", tmp_path / "none", "--json").stdout) == empty
    assert "0 stores are whole" in invoke("verify", "--cache-dir", tmp_path).stdout


def test_whole_stores_are_said_to_be_whole(cache):
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert result.exit_code == 0
    assert result.stdout == "2 stores are whole\n"


def test_what_cannot_be_recomputed_is_said_with_its_reason_and_is_no_error(cache):
    result = invoke("verify", "--cache-dir", cache, "--data-dir", cache / "nowhere")
    assert result.exit_code == 0
    name = list_stores(cache)[0].folder.parent.name
    reason = f"{cache / 'nowhere'} is not a folder"
    assert result.stdout == f"{name}, subj01, subj06: not recomputed: {reason}\n2 stores are whole\n"


def test_a_damaged_shard_is_named_and_only_that_is_made_again(cache, tiny_challenge):
    first, second = list_stores(cache)
    whole = second.read()
    path = second.folder / "features.zarr" / "c" / "1" / "0"
    os.truncate(path, path.stat().st_size - 3)

    result = invoke("verify", "--no-sample", "--cache-dir", cache, "--data-dir", tiny_challenge)
    assert result.exit_code == 3
    assert result.stdout == f"{second.folder}: rows 4 to 8 are damaged\n"
    again = "algocli extract --model alexnet -l by-hand --weights 'by hand' -s 6"
    folders = f"--data-dir {tiny_challenge} --cache-dir {cache}"
    assert result.stderr == (
        f"error: 1 shard is damaged\nhint:  {again} {folders} (makes only the damaged part anew)\n"
    )
    assert [shard.index for shard in second.pending()] == [1]
    assert first.complete

    cache_features(cache, Challenge(tiny_challenge).subject(6), whole)
    assert invoke("verify", "--no-sample", "--cache-dir", cache).exit_code == 0
    np.testing.assert_array_equal(second.read(), whole)


def test_damage_to_imported_features_names_the_import(tiny_challenge, tmp_path):
    rows = np.random.default_rng(0).standard_normal((16, 30))
    np.save(tmp_path / "features.npy", rows)
    np.save(tmp_path / "ids.npy", [s.nsd_id for s in Challenge(tiny_challenge).subject(6).stimuli])
    where = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache")]
    words = [str(tmp_path / "features.npy"), "--name", "mine", "--ids", str(tmp_path / "ids.npy"), "--dtype", "float16"]
    made = CliRunner().invoke(app, ["import-features", *words, "-s", "6", *where])
    assert made.exit_code == 0, made.output
    (store,) = list_stores(tmp_path / "cache")
    # No options: there are none of extract that would make them.
    assert invoke("list", "--cache-dir", str(tmp_path / "cache")).stdout.splitlines()[1] == "  mine imported as float16"
    (store.folder / "features.zarr/c/0/0").unlink()
    result = invoke("verify", *where)
    assert result.exit_code == 3
    assert result.stderr.splitlines()[-1] == f"hint:  {command_line(words, where)} (makes only the damaged part anew)"
    assert CliRunner().invoke(app, ["import-features", *words, "-s", "6", *where]).exit_code == 0
    assert invoke("verify", *where).stdout == "1 store is whole\n"


def command_line(words, where):
    return f"algocli import-features {words[0]} {' '.join(words[1:])} -s 6 {' '.join(where)}"


def test_damage_as_json(cache):
    store = list_stores(cache)[0]
    for index in ("0", "3"):
        (store.folder / "features.zarr" / "c" / index / "0").unlink()
    result = invoke("verify", "--no-sample", "--cache-dir", cache, "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "n_stores": 2,
        "n_runs": 0,
        "damaged": [{"store": str(store.folder), "rows": [0, 4]}, {"store": str(store.folder), "rows": [12, 16]}],
        "unreadable": [],
        "gram": [],
        "derived": [],
        "runs": [],
        "unvouched": [],
        "samples": [],
        "not_recomputed": [],
    }


def test_a_row_that_is_not_what_the_network_says_is_a_fault(cache, tiny_challenge, monkeypatch):
    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_words, **_options: stand_in())
    for subject in Challenge(tiny_challenge).subjects():
        extract_one(subject, stand_in(), cache)
    where = ("--cache-dir", cache, "--data-dir", tiny_challenge)
    whole = invoke("verify", *where)
    assert whole.exit_code == 0
    assert whole.stdout.splitlines()[-1] == "4 stores are whole, 4 rows of 2 computed anew"
    assert "not recomputed: stand-in has no layer by-hand any more" in whole.stdout

    store = next(one for one in list_stores(cache) if "stand-in" in one.folder.parent.name)
    spoil(store)
    result = invoke("verify", *where)
    assert result.exit_code == 3
    assert f"{store.folder}: row 0 (train-0001_nsd-01000.png) is not what the network says" in result.stdout
    assert "error: 1 store is not what its network says\n" in result.stderr
    assert f"hint:  rm -r {store.folder}\n       algocli extract --model stand-in -l edges" in result.stderr
    (fault,) = (one for one in json.loads(invoke("verify", *where, "--json").stdout)["samples"] if not one["agrees"])
    assert (fault["store"], fault["row"], fault["difference"] > 0.4) == (str(store.folder), 0, True)


def test_a_wrong_gram_matrix_is_a_fault(cache):
    store = list_stores(cache)[0]
    gram(store)
    assert invoke("verify", "--no-sample", "--cache-dir", cache).exit_code == 0
    matrix = np.load(store.folder / "gram/matrix.npy", mmap_mode="r+")
    matrix[15, 15] += 20
    matrix.flush()
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert f"{store.folder}/gram/matrix.npy is not what was written" in result.stdout
    # As no accident would: the record, which was taken back, vouches for it.
    gram(store)
    matrix = np.load(store.folder / "gram/matrix.npy", mmap_mode="r+")
    matrix[15, 15] += 20
    matrix.flush()
    adopt(store.folder / "gram/record.json")
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert result.exit_code == 3
    assert f"{store.folder}/gram: the squared distance of rows 0 and 15 is " in result.stdout
    assert "hint:  nothing needs to be done" in result.stderr
    assert invoke("verify", "--no-sample", "--cache-dir", cache).exit_code == 0


def test_wrong_gram_matrices_are_counted(cache):
    for store in list_stores(cache):
        gram(store)
        np.save(store.folder / "gram/matrix.npy", np.zeros((3, 3), np.float32))
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert "error: 2 Gram matrices are wrong\n" in result.stderr
    assert "it is 3 x 3; 16 images were expected" in result.stdout


def test_an_array_that_cannot_be_opened_is_one_sentence(cache):
    store = list_stores(cache)[0]
    (store.folder / "features.zarr" / "zarr.json").unlink()
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert result.exit_code == 3
    assert str(store.folder) in result.stdout
    assert result.stderr.startswith("error: 1 store cannot be read\nhint:  algocli extract")


def test_one_store_that_cannot_be_read_hides_no_other(cache):
    broken, damaged = list_stores(cache)
    (broken.folder / "manifest.json").write_text("{")
    (damaged.folder / "features.zarr" / "c" / "0" / "0").unlink()
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert result.exit_code == 3
    assert f"{damaged.folder}: rows 0 to 4 are damaged\n" in result.stdout
    assert str(broken.folder) in result.stdout

    listed = invoke("list", "--cache-dir", cache)
    assert listed.exit_code == 0
    assert "damaged" in listed.stdout
    assert "12 of 16" in listed.stdout
    assert str(broken.folder) in listed.stderr
    rows = json.loads(invoke("list", "--cache-dir", cache, "--json").stdout)["features"]
    assert [(row["subject"], row["state"]) for row in rows] == [(1, "damaged"), (6, "unfinished")]


def test_a_store_that_another_command_replaces_meanwhile_is_not_damaged(cache, monkeypatch):
    gone, stays = list_stores(cache)
    check = cache_faults._check_store

    def replaced(findings, folder, upgraded):
        if folder == gone.folder:
            (folder / "features.zarr" / "c" / "0" / "0").unlink()
            store = check(findings, folder, upgraded)
            (folder / "manifest.json").unlink()
            return store
        return check(findings, folder, upgraded)

    monkeypatch.setattr(cache_faults, "_check_store", replaced)
    monkeypatch.setattr("algocli.features.store.derived.bare_stores", lambda _: [])
    result = invoke("verify", "--no-sample", "--cache-dir", cache)
    assert (result.exit_code, str(gone.folder) in result.output) == (0, False), result.output
    assert "1 store" in result.output
    assert stays.folder.is_dir()


def test_nothing_cached_is_said_rather_than_shown_as_a_table(tmp_path):
    result = invoke("list", "--cache-dir", tmp_path)
    assert result.stdout == ""
    assert result.stderr == f"nothing is cached in {tmp_path}\n"
    assert invoke("list", "--cache-dir", tmp_path, "--quiet").stderr == ""


def test_nothing_to_delete_is_said_and_needs_no_yes(cache):
    result = invoke("gc", "--cache-dir", cache)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "nothing to delete\n", "")


def test_a_dry_run_lists_and_deletes_nothing(cache):
    leftover = leave(cache)
    before = digest_tree(cache)
    result = invoke("gc", "--dry-run", "--cache-dir", cache)
    assert result.exit_code == 0
    assert str(leftover.relative_to(cache)) in result.stdout
    assert result.stdout.splitlines()[-1] == "1 item to delete, 7 B"
    assert result.stderr == "nothing was deleted\n"
    assert digest_tree(cache) == before


def test_without_a_terminal_deleting_needs_a_yes(cache):
    leftover = leave(cache)
    for words in ((), ("--json",)):
        result = invoke("gc", *words, "--cache-dir", cache)
        assert result.exit_code == 2
        assert "hint:  --yes deletes what is listed; --dry-run only lists it" in result.stderr
    assert leftover.exists()


def test_with_a_yes_only_leftovers_go(cache):
    # The lock stays, as those of stores do.
    with filling(cache):
        pass
    before = digest_tree(cache)
    leftover = leave(cache)
    result = invoke("gc", "--yes", "--cache-dir", cache)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "deleted 1 item, 7 B"
    assert not leftover.exists()
    assert digest_tree(cache) == before


def test_what_was_deleted_as_json(cache):
    leftover = leave(cache)
    printed = json.loads(invoke("gc", "--yes", "--json", "--cache-dir", cache).stdout)
    (item,) = printed["items"]
    assert (item["path"], item["n_bytes"], item["deleted"]) == (str(leftover), 7, True)
    assert (printed["n_bytes"], printed["n_bytes_deleted"]) == (7, 7)


@pytest.mark.parametrize(("answer", "stays"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_on_a_terminal_the_user_is_asked(cache, monkeypatch, answer, stays):
    leftover = leave(cache)
    monkeypatch.setattr("algocli.cli.cache._is_terminal", lambda: True)
    result = CliRunner().invoke(app, ["cache", "gc", "--cache-dir", str(cache)], input=answer)
    assert result.exit_code == 0
    assert leftover.exists() == stays


def test_features_that_no_run_refers_to_go_only_when_asked(cache):
    used, unused = list_stores(cache)
    share = open_run(cache, "mine", Settings(features=("x",))).start_subject(1)
    share.finish({"finished_at": 1.0, "inputs": {"features": [used.key]}})
    assert invoke("gc", "--yes", "--cache-dir", cache).stdout == "nothing to delete\n"
    assert invoke("gc", "--yes", "--unused", "--cache-dir", cache).exit_code == 0
    assert [store.folder for store in list_stores(cache)] == [used.folder]
    assert not unused.folder.exists()


def leave(cache):
    """Leave what a killed process would."""
    leftover = cache / "features" / list_stores(cache)[0].folder.parent.name / "recipe.json.0a1b2c3d.partial"
    leftover.write_text("half of")
    return leftover


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def spoil(store):
    """Change a stored feature and correct the checksum, as no accident would."""
    shard = store.shards[0]
    rows = store.read(slice(shard.start, shard.stop))
    rows[0, 17] += 0.5
    store.forget(shard)
    store.write(shard, rows)


def test_a_word_is_needed():
    assert invoke().exit_code == 2
    assert invoke("nonsense").exit_code == 2
