"""`--cache-dir s3://...` as a shell sees it: one word for features at an address and for a folder of all else."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.main import get_command
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.compute.addresses import Address
from algocli.compute.cache_places import folder_of
from algocli.compute.object_kinds import KINDS, S3, ObjectKind
from algocli.dataset.challenge.subjects import Challenge
from tests.features.by_hand import digest_tree, list_stores
from tests.features.stand_in import stand_in
from tests.pipeline.test_extraction_tasks import NETWORK
from tests.support.challenge import write_tiny_challenge
from tests.support.objects import Objects, system

Invoke = Callable[..., Any]
MACHINES = ("one", "other")
EXTRACT = ("extract", "--device", "cpu")
TRAIN = ("train", "--features", "stand-in*", "--pca", "4", "--each", "--run", "mine")


@pytest.fixture
def at(request: pytest.FixtureRequest, objects_of: Callable[[ObjectKind], Objects], tmp_path: Path) -> Address:
    return objects_of(getattr(request, "param", S3)).at(f"caches{tmp_path}")


@pytest.fixture
def run(challenge: Path, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Run a command with the cache at the address, in a folder that stands for a machine."""
    monkeypatch.setattr("algocli.features.networks.backbones.load_backbone", lambda *_, **__: stand_in())
    monkeypatch.setattr("algocli.features.store.shards.MAX_SHARD_ROWS", 8)

    def invoke(*words: str, on: str = "one", code: int = 0, cache: str | None = None) -> Any:
        (tmp_path / on).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / on)
        data = [] if words[0] in ("cache", "jobs") and words[1:2] != ("verify",) else ["--data-dir", str(challenge)]
        result = CliRunner().invoke(app, [*words, *data, "--cache-dir", str(at) if cache is None else cache])
        assert result.exit_code == code, result.output
        assert not list((tmp_path / on).rglob("*:*"))
        return result

    return invoke


@pytest.fixture
def home(at: Address, tmp_path: Path) -> Callable[[str], Path]:
    """Where a machine has what is not at the address."""
    return lambda on: tmp_path / on / folder_of(at)


def lose_features(at: Address) -> None:
    chunks = list(at.glob("features/*/*/features.zarr/c/*/*"))
    assert chunks
    for chunk in chunks:
        chunk.unlink()


def lines(result: Any) -> str:
    """Return what was said, whatever width it was folded to."""
    return " ".join(result.stderr.split())


def test_features_go_to_the_address_and_runs_to_a_folder_that_is_told(run: Invoke, at: Address, home: Any) -> None:
    said = run(*EXTRACT)
    assert f"features and Gram matrices lie in {at}; runs, and all else of this cache, in {folder_of(at)}" in lines(
        said
    )
    (store,) = list_stores(home("one"))
    assert (str(store.place), store.is_borrowed) == (f"{at}/features/{store.name}/{store.folder.name}", False)
    assert not (store.folder / "features.zarr").exists()
    assert list(at.glob("features/*/*/gram/record.json"))
    run(*TRAIN)
    (made,) = home("one").glob("runs/mine-*/manifest.json")
    assert not list(at.glob(f"runs/{made.parent.name}/*"))
    assert not [name for name in at.read_all() if not name.startswith("features/")]


def test_the_next_step_that_is_told_has_the_same_word_and_works(run: Invoke, at: Address) -> None:
    *_, told = (line for line in run(*EXTRACT).stderr.splitlines() if "next: algocli train" in line)
    words = shlex.split(told.partition("next: algocli ")[2])
    assert words[words.index("--cache-dir") + 1] == str(at)
    assert CliRunner().invoke(app, [*words, "--pca", "4"]).exit_code == 0


def test_another_machine_trains_with_that_word_alone_and_reads_no_feature(run: Invoke, at: Address, home: Any) -> None:
    run(*EXTRACT)
    run(*TRAIN)
    lose_features(at)
    run(*TRAIN, on="other")
    stores = [store for on in MACHINES for store in list_stores(home(on))]
    assert len(stores) == 2
    assert digest_tree(stores[0].folder / "gram") == digest_tree(stores[1].folder / "gram")
    rows = [json.loads(run("report", "--run", "mine", "--json", on=on).stdout)["rows"] for on in MACHINES]
    assert rows[0]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("at", KINDS, ids=lambda kind: kind.scheme, indirect=True)
def test_runs_and_matrices_are_those_of_a_cache_in_a_folder(run: Invoke, home: Any, tmp_path: Path) -> None:
    for cache in (None, "here"):
        run(*EXTRACT, cache=cache)
        run(*TRAIN, cache=cache)
    elsewhere, here = home("one"), tmp_path / "one" / "here"
    trees = [digest_tree(store.folder / "gram") for cache in (elsewhere, here) for store in list_stores(cache)]
    assert len(trees) == 2
    assert trees[0] == trees[1]
    arrays = [
        {path.relative_to(cache): path.read_bytes() for path in (cache / "runs").rglob("*.npy")}
        for cache in (elsewhere, here)
    ]
    assert arrays[0]
    assert arrays[0] == arrays[1]


def test_what_one_machine_has_begun_another_goes_on_with(run: Invoke, at: Address, home: Any) -> None:
    run(*EXTRACT, "--rows", "0:16", "--no-gram")
    refused = run(*TRAIN, on="other", code=4)
    assert "not complete" in lines(refused)
    assert f"--cache-dir {at}" in lines(refused)
    assert "16 of 27 images are done already" in lines(run(*EXTRACT, on="other"))
    assert "is complete, nothing to do" in lines(run(*EXTRACT, on="one"))


def test_every_command_that_reads_takes_the_word(run: Invoke, at: Address, challenge: Path, tmp_path: Path) -> None:
    run(*EXTRACT)
    run(*TRAIN)
    image = next(challenge.rglob("*.png"))
    for words in (
        ("report", "--run", "mine"),
        ("compare", "mine", "mine"),
        ("similarity", "--features", "stand-in*"),
        ("curve", "--run", "mine", "--sizes", "10,20"),
        ("predict", str(image), "--run", "mine", "-s", "1", "-o", str(tmp_path / "predicted")),
        ("export", "--run", "mine", "-o", str(tmp_path / "exported")),
        ("plot", "accuracy", "--run", "mine", "-o", str(tmp_path / "plot.png")),
        ("doctor",),
        ("jobs",),
        ("cache", "gc", "--dry-run"),
    ):
        if words[0] == "doctor":
            assert CliRunner().invoke(app, [*words, "--cache-dir", str(at)]).exit_code == 0
        else:
            run(*words)


def test_no_command_takes_the_word_for_a_folder(run: Invoke, at: Address, tmp_path: Path, challenge: Path) -> None:
    run(*EXTRACT)
    run(*TRAIN)
    program = get_command(app)
    commands = [name for name in program.commands if "--cache-dir" in CliRunner().invoke(app, [name, "--help"]).stdout]
    assert {"extract", "train", "sweep", "submit", "score", "import-words", "jobs", "doctor"} <= set(commands)
    for name in commands:
        words = (
            ["--data-dir", str(challenge)] if "--data-dir" in CliRunner().invoke(app, [name, "--help"]).stdout else []
        )
        result = CliRunner().invoke(app, [name, *words, "--cache-dir", str(at)])
        assert result.exit_code in (0, 2, 3, 4), f"{name}\n{result.output}"
        assert "Traceback" not in result.output
        assert not [path for path in tmp_path.rglob("*") if path.name.startswith("s3:")], name


@pytest.mark.parametrize("at", KINDS, ids=lambda kind: kind.scheme, indirect=True)
def test_what_lies_at_the_address_is_listed_and_verified_by_whoever_comes(run: Invoke, at: Address, home: Any) -> None:
    assert f"nothing is cached in {at}" in lines(run("cache", "list"))
    run(*EXTRACT)
    (row,) = json.loads(run("cache", "list", "--json", on="other").stdout)["features"]
    assert (row["state"], row["subject"]) == ("complete", 1)
    assert "1 store is whole" in run("cache", "verify", on="other").stdout
    (shard, *_) = at.glob("features/*/*/features.zarr/c/1/0")
    shard.write(shard.read()[:-1] + b"?")
    found = run("cache", "verify", on="other", code=3)
    assert "rows 8 to 16 are damaged" in found.stdout
    assert f"--cache-dir {at}" in lines(found)


def test_what_was_deleted_at_the_address_is_known_no_more(run: Invoke, at: Address, home: Any) -> None:
    run(*EXTRACT)
    run("cache", "list", on="other")
    assert len(list_stores(home("other"))) == 1
    (at / "features").remove_all()
    run("cache", "list", on="other")
    assert list_stores(home("other")) == []


def test_the_variable_and_the_folder_mean_the_same_cache(
    run: Invoke, at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*EXTRACT)
    listed = run("cache", "list", "--json").stdout
    assert run("cache", "list", "--json", cache=str(folder_of(at))).stdout == listed
    monkeypatch.setenv("ALGOCLI_CACHE_DIR", f"{at}/")
    assert CliRunner().invoke(app, ["cache", "list", "--json"]).stdout == listed
    said = CliRunner().invoke(app, [*EXTRACT, "--data-dir", str(tmp_path / "none")])
    assert "--cache-dir" not in said.stderr


def test_features_of_ones_own_go_there_and_force_replaces_them_for_all(
    run: Invoke, at: Address, home: Any, challenge: Path, tmp_path: Path
) -> None:
    for seed in (0, 1):
        np.save(tmp_path / f"{seed}.npy", np.random.default_rng(seed).standard_normal((27, 6)).astype("float32"))
    run("import-features", str(tmp_path / "0.npy"), "--name", "mine", "-s", "1")
    before = list(at.glob("features/mine/*/manifest.json"))
    assert len(before) == 1
    train = ("train", "--features", "mine", "--pca", "4")
    run(*train, "--run", "first", on="other")
    assert "holds other features of subject 1 already" in lines(
        run("import-features", str(tmp_path / "1.npy"), "--name", "mine", "-s", "1", on="other", code=2)
    )
    run("import-features", str(tmp_path / "1.npy"), "--name", "mine", "-s", "1", "--force", on="other")
    after = list(at.glob("features/mine/*/manifest.json"))
    assert len(after) == 1
    assert after != before
    assert not before[0].parent.read_all()
    for on in MACHINES:
        run(*train, "--run", "second", on=on)
        (store,) = list_stores(home(on))
        assert store.place == after[0].parent


@pytest.mark.parametrize("n_deleted", [0, 1, 4])
def test_of_what_force_replaces_nothing_is_left_there_though_it_was_stopped(
    run: Invoke, at: Address, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_deleted: int
) -> None:
    for seed in (0, 1):
        np.save(tmp_path / f"{seed}.npy", np.random.default_rng(seed).standard_normal((27, 6)).astype("float32"))
    words = ("import-features", str(tmp_path / "1.npy"), "--name", "mine", "-s", "1", "--force")
    run("import-features", str(tmp_path / "0.npy"), "--name", "mine", "-s", "1")
    with monkeypatch.context() as patch:
        real, left = system().rm_file, [n_deleted]

        def delete(path: str) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            real(path)

        patch.setattr(system(), "rm_file", delete)
        run(*words, code=130)
    run(*words)
    assert {name.split("/")[2] for name in at.read_all() if "recipe" not in name} == {
        list_stores(home("one"))[0].folder.name
    }
    assert not list(home("one").rglob(".aside"))


def test_what_is_to_replace_features_there_goes_there_though_it_was_stopped_before_it_was_known_here(
    run: Invoke, at: Address, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in (0, 1):
        np.save(tmp_path / f"{seed}.npy", np.random.default_rng(seed).standard_normal((27, 6)).astype("float32"))
    words = ("import-features", str(tmp_path / "1.npy"), "--name", "mine", "-s", "1", "--force")
    run("import-features", str(tmp_path / "0.npy"), "--name", "mine", "-s", "1")
    with monkeypatch.context() as patch:

        def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr("algocli.features.store.allocation.refer_to", stopped)
        run(*words, code=130)
    run(*words)
    (store,) = list_stores(home("one"))
    assert store.complete
    assert str(store.place) == f"{at}/features/mine/{store.folder.name}"
    assert not list(home("one").rglob("features.zarr"))


def test_sets_of_layers_are_partitioned_as_they_are_in_a_folder(
    run: Invoke, at: Address, home: Any, tmp_path: Path
) -> None:
    for name in ("mine", "yours"):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(len(name)).standard_normal((27, 6)).astype("float32"))
        for cache in (None, "here"):
            run("import-features", str(tmp_path / f"{name}.npy"), "--name", name, "-s", "1", cache=cache)
    words = ("partition", "mine", "yours", "--pca", "3", "--json")
    told = [json.loads(run(*words, on="other").stdout), json.loads(run(*words, cache="here").stdout)]
    assert told[0]["rows"]
    assert told[0]["rows"] == told[1]["rows"]


def test_a_sweep_leaves_its_features_at_the_address(run: Invoke, at: Address, home: Any) -> None:
    run("sweep", "stand-in", "-l", "0", "--pca", "4", "--device", "cpu")
    (store,) = list_stores(home("one"))
    assert store.complete
    assert isinstance(store.place, Address)
    again = run("sweep", "stand-in", "-l", "0", "--pca", "4", "--device", "cpu", "--dry-run", on="other")
    assert "extracted already" in lines(again)


@pytest.mark.parametrize("word", ["sftp://host/x", "s3://bucket/*", "s3://", "https://server/x"])
def test_an_address_that_cannot_be_one_is_refused_and_makes_nothing(run: Invoke, word: str, tmp_path: Path) -> None:
    for words in (EXTRACT, ("train",), ("cache", "list"), ("report",)):
        run(*words, cache=word, code=2)
    assert not list((tmp_path / "one").iterdir())


def test_a_bucket_that_is_not_there_is_one_sentence(run: Invoke, objects: Objects) -> None:
    assert "there is no such bucket" in lines(run(*EXTRACT, cache="s3://nobody-has-this/x", code=3))
    assert "no features" in lines(run("train", cache="s3://nobody-has-this/x", code=4))


def test_from_python_the_word_is_the_same(run: Invoke, at: Address, challenge: Path, home: Any) -> None:
    run(*EXTRACT)
    (subject,) = Challenge(challenge).subjects()
    (name,) = {store.name for store in list_stores(home("one"))}
    trained = algocli.train(subject, name, n_components=4, name="here", cache_dir=str(at))
    assert algocli.find_run(str(at), "here").folder == trained.folder
    assert [found.name for found in algocli.find_runs(str(at), "*")] == ["here"]
    assert os.path.realpath(trained.cache_dir) == os.path.realpath(home("one"))


@pytest.mark.slow
def test_workers_of_a_cluster_make_the_same_there_and_here(
    at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=600, n_test=6, image_size=16, known_test=False)
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = []
    for name, cluster in (("none", None), ("two", "local:2")):
        cache = str(at / name)
        how = {"cluster": cluster, "cache_dir": cache}
        subjects = Challenge(data).subjects()
        words = subjects, "python:small:network", ["0"]
        (store,) = algocli.extract(*words, weights="random", device="cpu", **how).stores
        assert isinstance(store.place, Address)
        trained = algocli.train(subjects, store.name, n_components=4, name="mine", **how)
        arrays = {path.relative_to(trained.folder): path.read_bytes() for path in trained.folder.rglob("*.npy")}
        made.append((digest_tree(store.folder / "gram"), sorted((at / name).read_all()), arrays))
    assert made[0] == made[1]


@pytest.mark.slow
def test_workers_of_a_sweep_leave_its_features_there(
    at: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_tiny_challenge(tmp_path / "challenge", (1,), n_train=60, n_test=6, image_size=16, known_test=False)
    (tmp_path / "small.py").write_text(NETWORK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    subjects, how = Challenge(data).subjects(), {"weights": "random", "n_components": [4], "device": "cpu"}
    words = subjects, "python:small:network", ["0"]
    there = algocli.sweep(*words, **how, cluster="local:2", cache_dir=str(at))
    here = algocli.sweep(*words, **how, cache_dir="here")
    assert there.rows
    assert there.rows == here.rows
    (store,) = list_stores(folder_of(at))
    assert isinstance(store.place, Address)
    assert store.complete
    assert list(at.glob("features/*/*/gram/record.json"))
