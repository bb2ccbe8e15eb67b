"""`algocli train` as a shell sees it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.runs.finding import find_run
from algocli.runs.run import Run
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    return write_tiny_challenge(tmp_path_factory.mktemp("train") / "challenge", n_train=40, n_test=6, image_size=16)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, challenge):
    """A cache that holds features of both subjects."""
    cache = tmp_path_factory.mktemp("filled")
    for subject in Challenge(challenge).subjects():
        rows = np.random.default_rng(subject.number).standard_normal((46, 50)).astype(np.float32)
        cache_features(cache, subject, rows, layer="features.2", weights="pretrained")
    return cache


@pytest.fixture
def cache(tmp_path, filled):
    shutil.copytree(filled, tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def train(challenge, cache):
    def invoke(*words):
        where = ["--data-dir", str(challenge), "--cache-dir", str(cache), "--pca", "5"]
        return CliRunner().invoke(app, ["train", *where, *words])

    return invoke


def test_the_default_run_names_its_settings_and_is_the_latest(train, cache):
    result = train()
    assert result.exit_code == 0, result.output
    run = find_run(cache)
    assert run.subjects == (1, 6)
    assert run.name.startswith("alexnet-features.2-")
    assert run.name.endswith("_pca5_ols_holdout0.1_seed4")
    assert result.stdout.splitlines()[0] == f"run {run.name}"
    assert "next: algocli report" in result.stderr


def test_the_table_shows_the_medians(train, cache):
    rows = [line.split() for line in train("--folds", "4").stdout.splitlines()]
    run = find_run(cache)
    for number in (1, 6):
        medians = [f"{np.median(run.subject(number).correlation(h)):.3f}" for h in ("left", "right")]
        assert [str(number), *medians] in rows


def test_the_json_is_the_same_at_full_precision(train, cache):
    result = train("--json", "-s", "6")
    printed = json.loads(result.stdout)
    run = find_run(cache)
    assert printed == {
        "run": run.name,
        "path": str(run.folder),
        "rows": [
            {
                "subject": 6,
                "median_r": {h: float(np.median(run.subject(6).correlation(h))) for h in ("left", "right")},
            }
        ],
    }


def test_the_record_holds_the_command_line(train, cache, monkeypatch):
    monkeypatch.setattr("sys.argv", ["algocli", "train", "--seed", "7"])
    train("--seed", "7", "-s", "1")
    assert find_run(cache).subject(1).record["command_line"] == ["algocli", "train", "--seed", "7"]


def test_the_same_command_twice_finds_the_work_done(train):
    first, second = train(), train()
    assert second.exit_code == 0
    assert second.stderr.count("is done already") == 2
    assert second.stdout == first.stdout


def test_a_subject_can_be_added_to_a_run(train, cache):
    train("-s", "1", "--run", "mine")
    assert find_run(cache, "mine").subjects == (1,)
    result = train("-s", "6", "--run", "mine")
    assert find_run(cache, "mine").subjects == (1, 6)
    assert "is done already" not in result.stderr


def test_every_setting_reaches_the_run(train, cache):
    result = train("--folds", "3", "--seed", "8", "--no-refit", "--run", "mine", "-s", "1")
    assert result.exit_code == 0, result.output
    settings = find_run(cache, "mine").settings
    assert (settings.n_components, settings.folds, settings.holdout) == (5, 3, None)
    assert (settings.seed, settings.refit, settings.regression) == (8, False, "ols")
    assert find_run(cache, "mine").subject(1).fold_correlations("left").shape == (3, 31)


def test_several_layers_are_joined(train, cache, challenge):
    for subject in Challenge(challenge).subjects():
        rows = np.random.default_rng(9).standard_normal((46, 30)).astype(np.float32)
        cache_features(cache, subject, rows, layer="features.5", weights="pretrained")
    assert train("-l", "features.2", "-l", "features.5", "--no-scale", "-s", "1").exit_code == 0
    settings = find_run(cache).settings
    assert [name.rpartition("-")[0] for name in settings.features] == ["alexnet-features.2", "alexnet-features.5"]
    assert not settings.scaled
    named = train("--features", settings.features[0], "--features", settings.features[1], "-s", "1")
    assert named.exit_code == 0
    assert find_run(cache).settings.features == settings.features
    assert train("-l", "features.2", "-l", "features.2").exit_code == 2


def test_ridge_takes_its_components_and_penalties_from_the_shell(train, cache):
    result = train("--pca", "full", "--regression", "ridge", "--alphas", "0.1:1e3:8", "-s", "1", "--run", "mine")
    assert result.exit_code == 0, result.output
    settings = find_run(cache, "mine").settings
    assert (settings.n_components, settings.regression, settings.alpha_by) == (None, "ridge", "gcv")
    assert settings.alphas == (0.1, 1e3, 8)
    assert "have the smallest penalty" in result.stderr
    assert find_run(cache, "mine").subject(1).alphas("left").shape == (2, 31)
    assert train("--regression", "ridge", "--alpha-by", "kfold", "-s", "1").exit_code == 0
    assert "_pca5_ridge-kfold_holdout0.1_seed4" in find_run(cache).name


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--pca", "0"], "--pca 0: a whole number from 1 on is expected, or full"),
        (["--pca", "many"], "--pca many"),
        (["--alphas", "1:2"], "--alphas 1:2: three numbers are expected"),
        (["--regression", "ridge", "--alphas", "5:1:9"], "no grid of penalties"),
        (["--alpha-by", "kfold"], "ols has no penalty to choose"),
        (["--regression", "ridge", "--alpha-by", "kfold", "--pca", "full"], "inner folds at full rank"),
    ],
)
def test_wrong_choices_of_components_and_penalties_are_sentences(train, words, sentence):
    result = train(*words)
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output


def test_a_run_that_was_trained_before_becomes_the_latest_again(train, cache):
    train("--run", "first", "-s", "1")
    train("--run", "second", "-s", "1", "--seed", "5")
    assert find_run(cache).name == "second"
    train("--run", "first", "-s", "1")
    assert find_run(cache).name == "first"


def test_other_settings_under_the_same_name_are_refused_unless_forced(train, cache):
    train("--run", "mine")
    refused = train("--run", "mine", "--seed", "5")
    assert refused.exit_code == 2
    assert "made with other settings" in refused.stderr
    assert "--force" in refused.stderr
    assert find_run(cache, "mine").settings.seed == 4
    forced = train("--run", "mine", "--seed", "5", "-s", "1", "--force")
    assert forced.exit_code == 0
    run = find_run(cache, "mine")
    # Subject 6 belonged to the settings that were replaced.
    assert (run.settings.seed, run.subjects) == (5, (1,))


def test_forcing_one_subject_of_a_run_leaves_the_others(train, cache):
    train("--run", "mine")
    before = find_run(cache, "mine").subject(6).record
    assert train("--run", "mine", "-s", "1", "--force").exit_code == 0
    assert find_run(cache, "mine").subjects == (1, 6)
    assert find_run(cache, "mine").subject(6).record == before


def test_where_features_are_missing_the_command_is_named(train, challenge, tmp_path):
    where = ["--data-dir", str(challenge), "--cache-dir", str(tmp_path / "empty")]
    result = CliRunner().invoke(app, ["train", *where, "--model", "resnet18", "-l", "layer2"])
    assert result.exit_code == 4
    assert "no features of resnet18 layer2" in result.stderr
    assert "algocli extract --model resnet18 -l layer2" in result.stderr
    assert result.stdout == ""


def test_where_one_subjects_features_are_missing_the_command_names_it(train, cache):
    shutil.rmtree(next((cache / "features").glob("*/subj06-*")))
    result = train()
    assert result.exit_code == 4
    assert "algocli extract --model alexnet -l features.2 --dtype float32 -s 6" in result.stderr
    # Subject 1 was finished first, and stays so.
    (run,) = (cache / "runs").glob("alexnet-*")
    assert Run(run).subjects == (1,)


def test_two_kinds_of_features_are_listed_until_one_is_chosen(train, cache, challenge):
    subject = Challenge(challenge).subject(1)
    rows = np.random.default_rng(5).standard_normal((46, 50)).astype(np.float16)
    other = cache_features(cache, subject, rows, layer="features.2", weights="random:1")
    result = train("-s", "1")
    assert result.exit_code == 2
    assert "2 kinds of features of alexnet features.2" in result.stderr
    assert other in result.stderr
    chosen = train("-s", "1", "--features", other)
    assert chosen.exit_code == 0, chosen.output
    assert find_run(cache).settings.features == (other,)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--pca", "0"], 2, "pca"),
        (["--pca", "36"], 2, "the rank is 35 at most"),
        (["--holdout", "0"], 2, "no share between 0 and 1"),
        (["--holdout", "1.5"], 2, "no share between 0 and 1"),
        (["--holdout", "nan"], 2, "no share between 0 and 1"),
        (["--holdout", "0.01"], 3, "40 images cannot be split"),
        (["--folds", "1"], 2, "at least 2 are needed"),
        (["--folds", "21"], 3, "40 images cannot be split into 21 folds"),
        (["--folds", "3", "--holdout", "0.1"], 2, "not both"),
        (["--seed", "-1"], 2, "seed"),
        (["--seed", str(2**32)], 2, "a seed is a whole number from 0 to 4294967295"),
        (["--regression", "magic"], 2, "magic"),
        (["--run", "latest"], 2, "cannot be a run's name"),
        (["--run", "../outside"], 2, "cannot be a run's name"),
        (["--run", "/tmp/outside"], 2, "cannot be a run's name"),
        (["--run", "x" * 300], 2, "cannot be a run's name"),
        (["--features", "nonsense"], 4, "no features are named nonsense"),
        (["--features", "../features"], 4, "no features are named ../features"),
        (["-s", "5"], 3, "has no subject 5"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(train, cache, words, code, sentence):
    result = train(*words)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert list(cache.parent.glob("outside*")) == []


def test_damaged_features_are_one_sentence(train, cache):
    path = next((cache / "features").glob("*/subj01-*")) / "features.zarr" / "c" / "0" / "0"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = train("-s", "1")
    assert result.exit_code == 3
    assert "is damaged" in result.stderr
    assert "algocli cache verify" in result.stderr


def test_a_cache_that_may_not_be_written_is_one_sentence(train, cache):
    (cache / "runs").write_text("not a folder")
    result = train("-s", "1")
    assert result.exit_code == 3
    assert str(cache / "runs") in result.stderr
    assert "Traceback" not in result.output


def test_a_preset_is_its_options(train, cache):
    assert train("--preset", "tutorial").exit_code == 0
    assert find_run(cache).name.endswith("_pca5_ols_holdout0.1_seed4_norefit")


def test_options_that_are_given_change_a_preset(train, cache):
    assert train("--preset", "tutorial", "--refit", "--folds", "3", "--regression", "ridge").exit_code == 0
    assert find_run(cache).name.endswith("_pca5_ridge_folds3_seed4")


def test_a_preset_without_its_features_says_how_to_get_them(train):
    result = train("--preset", "strong")
    assert result.exit_code == 4
    assert "algocli extract --preset strong" in result.stderr


def test_an_unknown_preset_is_refused(train):
    assert train("--preset", "weak").exit_code == 2


def test_one_layer_alone_is_not_joined_by_components(train):
    result = train("-l", "features.2", "--join", "components")
    assert result.exit_code == 2
    assert "side by side" in result.stderr


def test_features_are_standardised_when_asked(train, cache):
    assert train("--standardise").exit_code == 0
    assert "_standardised_pca5_" in find_run(cache).name


def test_a_device_that_is_not_there_is_refused(train):
    result = train("--device", "cuda")
    assert result.exit_code == 2
    assert "no CUDA device" in result.stderr
