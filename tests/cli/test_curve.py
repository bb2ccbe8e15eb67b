"""`algocli curve`, and `compare --nested`, as a shell sees them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

LAYERS = ("features.2", "features.5", "features.7")
ORIGIN = ["run", "model", "layer", "weights", "subject", "hemisphere", "roi", "n_vertices"]
ROW = [*ORIGIN, "n_images", "n_components", "n_repeats", "mean_r", "sd"]
END = [*ORIGIN, "n_images", "mean_r", "ceiling", "low", "high", "half_at", "n_lost"]
CHOICE = [
    *ORIGIN, "n_chosen", "n_folds", "by_fold", "mean_r", "median_r", "low", "high", "naive_run", "naive_mean_r",
    "optimism",
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two subjects and a run of each of three layers, in three folds."""
    home = tmp_path_factory.mktemp("curve")
    data = write_tiny_challenge(home / "challenge", n_train=40, n_test=4, image_size=16)
    for subject in Challenge(data).subjects():
        for number, layer in enumerate(LAYERS):
            rows = np.random.default_rng([subject.number, number]).standard_normal((44, 50)).astype(np.float32)
            cache_features(home / "cache", subject, rows, layer=layer, weights="pretrained")
    where = ["--data-dir", str(data), "--cache-dir", str(home / "cache")]
    trained = CliRunner().invoke(app, ["train", *where, "--each", "--folds", "3", "--pca", "5", "--run", "each-*"])
    assert trained.exit_code == 0, trained.output
    return lambda *words: CliRunner().invoke(app, [words[0], *where, *words[1:]], env={"COLUMNS": "80"})


def test_the_json_of_a_curve_is_the_contract(place):
    result = place(
        "curve", "--run", "each-*features.2*", "--sizes", "8,16,24", "--resamples", "20", "-s", "1", "--json"
    )
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    assert list(printed) == ["run", "changed", "held_out", "rows", "ceilings"]
    assert [*printed["rows"][0]] == ROW
    assert [*printed["ceilings"][0]] == END
    assert {row["n_images"] for row in printed["rows"]} == {8, 16, 24}
    absent = [row for row in printed["rows"] if row["roi"] == "mTL-faces"]
    assert {(row["n_vertices"], row["mean_r"], row["sd"]) for row in absent} == {(0, None, None)}


def test_a_curve_fits_a_terminal_and_writes_its_files(place, tmp_path):
    files = ["--csv", str(tmp_path / "rows.csv"), "-o", str(tmp_path / "curve.png")]
    result = place("curve", "--run", "each-*features.2*", "--repeats", "2", "--resamples", "20", *files)
    assert result.exit_code == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "Subject 6, right hemisphere: mean r (validation) by number of fitted images" in result.stdout
    assert "Subject 1, all vertices: mean r by size" in result.stdout
    told = {path.name for path in tmp_path.iterdir()}
    assert told == {"rows.csv", "rows.ceilings.csv", "curve_subj01.png", "curve_subj06.png"}
    assert all(f"wrote {tmp_path / name}" in result.stderr for name in told)
    with (tmp_path / "rows.csv").open() as file:
        assert next(csv.reader(file)) == ROW


def test_other_settings_than_the_runs_are_options(place):
    words = ["--sizes", "10,20", "--resamples", "20", "-s", "1", "--roi", "EBA"]
    result = place("curve", "--run", "each-*features.2*", *words, "--pca", "full", "--regression", "ridge", "--json")
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    assert printed["changed"] == {"n_components": None, "regression": "ridge"}
    assert {row["n_components"] for row in printed["rows"]} == {None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--sizes", "few"], "--sizes few: a whole number is expected"),
        (["--sizes", "10,900"], "--sizes 900: subject 1 has 26 images to fit on"),
        (["--sizes", "1"], "--sizes 1"),
        (["-o", "curve.html"], "a figure cannot be written as curve.html"),
        (["--regression", "rigde"], "rigde"),
    ],
)
def test_a_mistake_is_told_in_options(place, words, said):
    result = place("curve", "--run", "each-*features.2*", "-s", "1", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_choices_in_inner_folds_stand_below_what_is_compared(place, tmp_path):
    words = ["each-*", "--nested", "--resamples", "20", "--roi", "EBA", "--roi", "mTL-faces"]
    result = place("compare", *words, "-s", "1", "--csv", str(tmp_path / "rows.csv"))
    assert result.exit_code == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    table = result.stdout.partition("the best run by inner folds (validation)\n")[2]
    assert table.split()[:10] == ["ROI", "n", "run", "in", "mean", "r", "low", "high", "naive", "its"]
    assert "choosing in inner folds fits 45 models" in result.stderr
    assert "looks better on the images" not in result.stderr
    with (tmp_path / "rows.nested.csv").open() as file:
        assert next(csv.reader(file)) == CHOICE
    again = place("compare", *words, "-s", "1", "--json")
    assert "choosing in inner folds fits" not in again.stderr
    chosen = json.loads(again.stdout)["nested"]
    assert {tuple(row) for row in chosen} == {tuple(CHOICE)}
    eba = next(row for row in chosen if row["roi"] == "EBA")
    assert eba["run"] in eba["by_fold"]
    assert eba["n_folds"] == len(eba["by_fold"]) == 3
    assert eba["optimism"] == eba["naive_mean_r"] - eba["mean_r"]
    absent = next(row for row in chosen if row["roi"] == "mTL-faces")
    assert (absent["run"], absent["by_fold"], absent["mean_r"]) == (None, [], None)


def test_over_subjects_each_has_a_choice_of_its_own(place):
    result = place("compare", "each-*", "--nested", "--group", "--resamples", "20", "--roi", "EBA")
    assert result.exit_code == 0, result.stderr
    assert "2 subjects, left hemisphere: each one's best run by inner folds" in result.stdout


def test_without_it_the_way_out_is_named(place):
    result = place("compare", "each-*", "--resamples", "20", "--roi", "EBA", "-s", "1")
    assert "`compare` with --nested chooses in inner folds, and scores the choice outside them" in result.stderr
