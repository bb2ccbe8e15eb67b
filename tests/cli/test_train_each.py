"""`algocli train --each`, and its function: every layer by itself, a run each."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.dataset.digests import stimuli_digest
from algocli.errors import MissingStep, StorageError, UsageError
from algocli.features.store.keys import recipe
from algocli.features.store.library import create_store
from algocli.features.store.shards import FeatureStore
from algocli.runs.finding import find_runs
from tests.features.by_hand import digest_tree, fill
from tests.support.challenge import write_tiny_challenge

LAYERS = ["features.2", "features.5", "features.10"]


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    return write_tiny_challenge(tmp_path_factory.mktemp("each") / "challenge", n_train=40, n_test=6, image_size=16)


def keep(cache, subject, model="alexnet", layer="features.2", weights="pretrained", **post: Any) -> str:
    """Keep features drawn by chance as those of a network's layer."""
    identity = {"weights": weights, "layer": layer, "architecture": model}
    made = recipe(model, layer, weights, identity, "float32", post=post or "flatten")
    store = create_store(cache, made, subject, stimuli_digest(subject.stimuli, cache), 20, {})
    rng = np.random.default_rng([subject.number, len(made.name), *made.name.encode()])
    fill(store, rng.standard_normal(store.manifest["shape"]).astype(np.float32))
    return made.name


@pytest.fixture(scope="module")
def filled(tmp_path_factory, challenge):
    """A cache with three layers of a network for both subjects, and one of another."""
    cache = tmp_path_factory.mktemp("filled")
    for subject in Challenge(challenge).subjects():
        for layer in LAYERS:
            keep(cache, subject, layer=layer)
        keep(cache, subject, "resnet18", "layer1", "random:3", pool=2)
    return cache


@pytest.fixture
def cache(tmp_path, filled):
    shutil.copytree(filled, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def invoke(challenge, cache):
    def run(*words):
        where = ["--data-dir", str(challenge), "--cache-dir", str(cache)]
        return CliRunner().invoke(app, [*words, *where])

    return run


@pytest.fixture
def train(invoke):
    return lambda *words: invoke("train", "--each", "--pca", "4", *words)


def layers_of(runs):
    return [run.settings.features[0].rsplit("-", 1)[0] for run in runs]


def test_every_layer_has_a_run_that_is_told(train, invoke, cache):
    result = train("--model", "alexnet")
    assert result.exit_code == 0, result.output
    runs = find_runs(cache, "alexnet*")
    assert layers_of(runs) == [f"alexnet-{layer}" for layer in LAYERS]
    assert {run.subjects for run in runs} == {(1, 6)}
    lines = result.stdout.splitlines()
    assert lines[:3] == [f"run {place}  {run.name}" for place, run in enumerate(runs, start=1)]
    medians = [np.mean([np.median(runs[0].subject(n).correlation(side)) for n in (1, 6)]) for side in ("left", "right")]
    row = next(line.split() for line in lines if line.split()[:1] == ["1"])
    assert row[:3] == ["1", "alexnet", "features.2"]
    assert row[-2:] == [f"{value:.3f}" for value in medians]
    # What is proposed can be pasted, and is about these runs and no others.
    proposed = re.search(r"next: algocli (compare --run .*)", result.stderr)
    compared = invoke(*shlex.split(proposed[1].partition(" --data-dir")[0]), "--json")
    told = json.loads(compared.stdout)
    assert told["reference"] == runs[0].name
    assert {row["run"] for row in told["rows"]} == {run.name for run in runs[1:]}


def test_they_are_what_each_alone_gives(train, invoke, cache):
    assert train("-l", "features.*", "-s", "1").exit_code == 0
    (first, *_) = find_runs(cache, "alexnet*")
    before = digest_tree(first.folder / "subj01")
    alone = invoke("train", "--pca", "4", "-l", "features.2", "-s", "1")
    assert "is done already" in alone.stderr
    assert digest_tree(first.folder / "subj01") == before
    # And the other way round: what was trained alone is not trained once more.
    assert invoke("train", "--pca", "3", "-l", "features.5", "-s", "1").exit_code == 0
    again = invoke("train", "--each", "--pca", "3", "-l", "features.*", "-s", "1")
    assert again.stderr.count("is done already") == 1
    assert len(find_runs(cache, "*pca3*")) == 3


def test_where_nothing_is_chosen_it_is_everything(train, cache, challenge):
    subject = Challenge(challenge).subject(1)
    np.save(cache.parent / "mine.npy", np.random.default_rng(0).standard_normal((46, 9)))
    algocli.import_features(subject, cache.parent / "mine.npy", "mine", cache_dir=cache)
    rows = json.loads(train("-s", "1", "--json", "--quiet").stdout)["runs"]
    told = ["alexnet features.2 --dtype float32", "alexnet features.5 --dtype float32"]
    told += ["alexnet features.10 --dtype float32", "mine"]
    told += ["resnet18 layer1 --weights random:3 --pool 2 --dtype float32"]
    assert [row["what"] for row in rows] == told
    assert [row["rows"][0]["subject"] for row in rows] == [1] * 5


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--model", "alexnet", "--run", "mine"], [f"mine-{layer}_dtype-float32" for layer in LAYERS]),
        (["-l", "features.?", "--run", "a-*-b"], [f"a-{layer}_dtype-float32-b" for layer in LAYERS[:2]]),
        (["--features", "resnet*", "--run", "r"], ["r-resnet18-layer1_weights-random.3_pool-2_dtype-float32"]),
    ],
)
def test_a_name_says_where_the_layer_goes(train, cache, words, names):
    result = train("-s", "1", *words)
    assert result.exit_code == 0, result.output
    assert [run.name for run in find_runs(cache)] == names
    again = train("-s", "1", *words)
    assert again.stderr.count("is done already") == len(names)
    other = train("-s", "1", *words, "--seed", "5")
    assert other.exit_code == 2
    assert "exists and was made with other settings" in other.stderr
    assert train("-s", "1", *words, "--seed", "5", "--force").exit_code == 0
    assert {run.settings.seed for run in find_runs(cache)} == {5}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--run", "a*b*"], "one star stands for the layer"),
        (["--run", "a?"], "one star stands for the layer"),
        (["--run", "a b"], "cannot be a run's name"),
        (["--join", "components"], "name several layers"),
        (["--no-scale"], "one layer alone is never scaled"),
        (["--regression", "banded", "--search-seed", "1"], "two layers or more"),
        (["-l", "classifier.*"], "no layer fits 'classifier.*'"),
        (["--model", "vgg*"], "no model fits 'vgg*'"),
        (["--weights", "random:9"], "--weights random:9"),
        (["--pool", "0"], "--pool 0: a whole number from 1 on is expected, or none"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_first_run(train, cache, words, told):
    result = train("-s", "1", *words)
    assert result.exit_code in (2, 4)
    assert told in result.stderr
    assert not list((cache / "runs").glob("*/manifest.json"))


def test_kinds_of_one_layer_have_names_of_their_own(train, cache, challenge):
    subject = Challenge(challenge).subject(1)
    for weights in ("random:1", "/nets/best.pth"):
        keep(cache, subject, weights=weights)
    assert train("-l", "features.2", "-s", "1").exit_code == 0
    ends = [run.name.partition("seed4")[2] for run in find_runs(cache)]
    assert sorted(ends) == ["_dtype-float32", "_weights-best.pth_dtype-float32", "_weights-random.1_dtype-float32"]


def test_what_is_refused_of_one_does_not_hinder_the_others(train, cache):
    (broken,) = (cache / "features").glob("alexnet-features.5-*/subj06-*")
    store = FeatureStore(broken)
    store.forget(store.shards[0])
    result = train("-l", "features.*")
    assert result.exit_code == 4
    assert layers_of(
        find_runs(
            cache,
            "*features.2-*",
        )
    ) == ["alexnet-features.2"]
    assert [run.subjects for run in find_runs(cache)] == [(1, 6), (1,), (1, 6)]
    assert "1 of 3 models could not be trained; the rest is done:" in result.stderr
    assert "46 of 46 images are left" in result.stderr
    assert "algocli extract" in result.stderr.partition("hint:")[2]
    assert len([line for line in result.stdout.splitlines() if line.startswith("run ")]) == 2
    fill(store, np.ones((46, 20), np.float32))
    assert train("-l", "features.*").stderr.count("is done already") == 5


def test_a_full_disk_ends_it(challenge, cache, monkeypatch):
    calls: list[object] = []

    def full(*_args: object, **_options: object) -> None:
        calls.append(1)
        raise StorageError("the disk is full")

    monkeypatch.setattr("algocli.pipeline.training_job.train_subject", full)
    with pytest.raises(StorageError):
        algocli.train(Challenge(challenge).subjects(), each=True, cache_dir=cache)
    assert len(calls) == 1


def test_stopped_anywhere_the_same_command_goes_on(challenge, cache, tmp_path, monkeypatch):
    from algocli.runs.training import train_subject

    subjects, how = Challenge(challenge).subjects(), {"model": "alexnet", "n_components": 4, "each": True}
    whole = [digest_arrays(run) for run in algocli.train(subjects, cache_dir=copied(cache, tmp_path), **how)]
    for n_before in range(6):
        left = n_before

        def stopped(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise KeyboardInterrupt
            return train_subject(*args, **options)

        monkeypatch.setattr("algocli.pipeline.training_job.train_subject", stopped)
        with pytest.raises(KeyboardInterrupt):
            algocli.train(subjects, cache_dir=cache, **how)
    monkeypatch.setattr("algocli.pipeline.training_job.train_subject", train_subject)
    said: list[str] = []
    runs = algocli.train(subjects, cache_dir=cache, note=said.append, **how)
    assert [digest_arrays(run) for run in runs] == whole
    assert sum("is done already" in line for line in said) == 5


def copied(cache, tmp_path):
    shutil.copytree(cache, tmp_path / "undisturbed")
    return tmp_path / "undisturbed"


def digest_arrays(run):
    return {path.name: path.read_bytes() for path in sorted(run.folder.glob("subj*/*.npy"))}


def test_from_python_a_list_of_runs_comes_back(challenge, cache):
    subject = Challenge(challenge).subject(1)
    made: list[algocli.Run] = []
    runs = algocli.train(
        subject, layers=["features.5", "features.2"], each=True, n_components=4, cache_dir=cache, made=made.append
    )
    assert layers_of(runs) == ["alexnet-features.2", "alexnet-features.5"]
    assert made == runs
    joined = algocli.train(subject, layers="features.*", n_components=4, cache_dir=cache)
    assert [name.rsplit("-", 1)[0] for name in joined.settings.features] == [f"alexnet-{layer}" for layer in LAYERS]
    whole = algocli.train(subject, joined.settings, each=True, cache_dir=cache)
    assert layers_of(whole) == [f"alexnet-{layer}" for layer in LAYERS]
    with pytest.raises(UsageError, match="each='no'"):
        algocli.train(subject, each="no", cache_dir=cache)  # type: ignore[call-overload]
    with pytest.raises(MissingStep, match="no layer fits"):
        algocli.train(subject, layers="conv*", each=True, cache_dir=cache)


def test_a_preset_gives_its_layers_and_settings(challenge, cache):
    subject, said = Challenge(challenge).subject(1), []
    with pytest.raises(MissingStep) as caught:
        algocli.train(subject, preset="strong", each=True, cache_dir=cache)
    assert caught.value.hint == "algocli extract --preset strong"
    runs = algocli.train(subject, layers="features.*", preset="baseline", each=True, cache_dir=cache, note=said.append)
    assert [(run.settings.standardised, run.settings.scaled) for run in runs] == [(True, True)] * 3
    # 36 of 40 images are fitted, and least squares must keep two degrees of freedom beside the mean's.
    assert {run.settings.n_components for run in runs} == {33}
    assert said.count("36 images are fitted: the preset takes the 33 components that OLS can do with, not 100") == 1


@pytest.mark.parametrize(
    ("how", "most"),
    [
        ({"preset": "baseline"}, 33),
        ({"preset": "tutorial"}, 33),
        ({"preset": "tutorial", "folds": 4}, 27),
        ({"preset": "strong"}, None),
        ({"preset": "strong", "alpha_by": "kfold"}, 27),
        ({"preset": "strong", "regression": "blend"}, 27),
        ({"preset": "strong", "join": "components"}, 11),
        ({"preset": "strong", "regression": "ols", "join": "components"}, 11),
    ],
    ids=str,
)
def test_a_preset_on_few_images_takes_the_components_there_are(challenge, cache, how, most):
    said: list[str] = []
    run = algocli.train(Challenge(challenge).subject(1), layers=LAYERS, cache_dir=cache, note=said.append, **how)
    assert run.settings.n_components == most
    assert any("images are fitted: the preset takes the" in line for line in said)
    assert np.isfinite(run.subject(1).correlation("left")).all()
