"""The commands work with regressions that the package does not have, one of a program's own and one of scikit-learn."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.encoding.regressions.registry import regressions
from algocli.encoding.settings import Settings
from algocli.features.extraction import extract
from algocli.features.passage import Passage
from algocli.runs.finding import find_run
from tests.encoding.regressions.newcomer import Mean, registered
from tests.features.stand_in import stand_in
from tests.support.challenge import write_tiny_challenge

LINEAR = "python:sklearn.linear_model:LinearRegression"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a cache of one subject's features."""
    folder = tmp_path_factory.mktemp("newcomers")
    write_tiny_challenge(folder / "challenge", (1,), n_train=40, n_test=4, image_size=40)
    subject = Challenge(folder / "challenge").subject(1)
    extract(subject, stand_in(("edges", "corner")), folder / "cache", Passage("float32"))
    return folder


@pytest.fixture
def run(trained, monkeypatch):
    monkeypatch.setattr(
        "algocli.features.networks.backbones.load_backbone", lambda *_asked, **_options: stand_in(("edges", "corner"))
    )
    names = sorted(path.parent.name for path in (trained / "cache/features").glob("*/recipe.json"))

    def invoke(command, *words):
        where = ["--data-dir", trained / "challenge", "--cache-dir", trained / "cache"]
        if command == "train":
            words = ("--features", names[0], "--pca", "5", *words)
        return CliRunner().invoke(app, [str(word) for word in (command, *words, *where)])

    return invoke


@pytest.mark.parametrize("regression", ["mean", LINEAR])
def test_train_report_predict_export_and_submit_work_with_it(run, trained, tmp_path, regression):
    image = next((trained / "challenge/subj01/training_split/training_images").iterdir())
    with registered(Mean()):
        for words in (
            ("train", "--regression", regression, "--run", f"of-{len(regression)}"),
            ("report",),
            ("report", "--html", tmp_path / "report.html"),
            ("predict", image, "-o", tmp_path / "predicted"),
            ("export", "-o", tmp_path / "npy"),
            ("export", "--format", "csv", "-o", tmp_path / "csv"),
            ("submit", "-o", tmp_path / "s.zip", "--partial"),
        ):
            result = run(*words)
            assert result.exit_code == 0, result.output
        share = find_run(trained / "cache").subject(1)
        predicted = np.load(tmp_path / "predicted/subj01/lh_pred.npy")
        assert predicted.shape == (1, 31)
        with (tmp_path / "csv/subj01/vertices.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [float(row["r"]) for row in rows[:31]] == share.correlation("left").tolist()
        assert (tmp_path / "npy/subj01/lh_sign.npy").exists() == (regression == "mean")


def test_the_help_of_train_lists_what_is_registered(run):
    with registered(Mean()):
        shown = " ".join(run("train", "--help").stdout.split())
        assert "mean: the mean, plus or minus one" in shown
        assert all(one.help in shown for one in regressions())


def test_the_defaults_that_help_shows_are_those_of_the_settings(run):
    # From one option to the next.
    shown = re.split(r"\n  (?=-)", run("train", "--help").stdout)
    usual = Settings(("a",))
    told = {
        "--pca": usual.n_components,
        "--regression": usual.regression,
        "--alpha-by": usual.alpha_by,
        "--seed": usual.seed,
        "--join": usual.join,
        "--n-iter": usual.n_iter,
        "--holdout": usual.holdout,
    }
    for option, value in told.items():
        [own] = [" ".join(part.split()) for part in shown if part.startswith(f"{option} ")]
        assert re.search(rf"\[default: {re.escape(str(value))}[\];]", own), own


def test_what_is_no_regression_is_told_before_anything_is_read(run):
    result = run("train", "--regression", "rigde", "--data-dir", "/nowhere")
    assert result.exit_code == 2
    assert "--regression rigde is not known (did you mean ridge?)" in result.stderr
    assert "python:MODULE:CALLABLE" in result.stderr


def test_a_module_that_is_not_there_is_a_usage_error(run):
    result = run("train", "--regression", "python:no_such_module_here:make")
    assert result.exit_code == 2
    assert "there is no module no_such_module_here" in result.stderr


def test_the_report_says_whose_estimator_it_was(run, trained):
    run("train", "--regression", LINEAR)
    told = json.loads(run("report", "--json").stdout)["run"]
    assert "python-sklearn.linear-model,LinearRegression" in told
    assert Path(find_run(trained / "cache", told).folder).exists()
