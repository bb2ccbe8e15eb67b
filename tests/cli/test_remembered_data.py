"""A run knows the folder of its data: no command that is about runs has to be told it again."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.pipeline import reports
from tests.cli.test_report import record_origin
from tests.results.by_hand import write_run
from tests.results.compared import ROWS, write_challenge, write_compared_run
from tests.results.single_layers import write_layer_run


@pytest.fixture
def away(monkeypatch, tmp_path):
    """Run a command in an empty folder, no data folder being named in any way."""
    monkeypatch.delenv("ALGOCLI_DATA_DIR", raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")

    def invoke(*words):
        return CliRunner().invoke(app, [*words, "--cache-dir", str(tmp_path / "cache")])

    return invoke


@pytest.mark.parametrize(
    "words",
    [
        ["plot", "accuracy", "-s", "1", "--dpi", "50"],
        ["plot", "rois", "-s", "6", "--dpi", "50"],
        ["plot", "layers", "--run", "low", "--run", "high", "--dpi", "50"],
        ["plot", "best-layer", "--run", "low", "--run", "high", "--dpi", "50", "-o", "best.html"],
        ["submit", "--partial"],
        ["score"],
        ["score", "a-run", "-s", "6"],
    ],
)
def test_the_data_of_a_run_is_found_where_it_was_trained(away, tiny_challenge, tmp_path, words):
    for name, r in (("low", 0.2), ("high", 0.4)):
        record_origin(write_layer_run(tmp_path / "cache", name, f"features.{name}", r), tiny_challenge)
    record_origin(write_run(tmp_path / "cache", finished_at=2e9), tiny_challenge)
    result = away(*words)
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("words", [["plot", "accuracy"], ["submit", "--partial"], ["score"]])
def test_data_that_is_gone_is_looked_for_in_the_usual_folder(away, tiny_challenge, tmp_path, words):
    record_origin(write_run(tmp_path / "cache"), tmp_path / "moved")
    assert away(*words).exit_code == 3
    usual = tmp_path / "home/algonauts_2023_challenge_data"
    shutil.copytree(tiny_challenge, usual)
    assert away(*words, "-s", "1", *["--dpi", "50"][: 2 * (words[0] == "plot")]).exit_code == 0


def test_python_finds_it_as_well(away, tiny_challenge, tmp_path):
    run = write_run(tmp_path / "cache")
    record_origin(run, tiny_challenge)
    assert algocli.submit(run, "one.zip", partial=True).subjects == (1, 6)
    assert 0 <= algocli.score(run).mean <= 100


def test_what_a_report_says_was_held_out_is_of_the_run_that_it_scored(tmp_path, monkeypatch):
    data, cache = write_challenge(tmp_path / "data"), tmp_path / "cache"
    run = write_compared_run(cache, data, "mine", subjects=[1])
    scored = []

    def replacing(*args, **options):
        found = summarise(*args, **options)
        scored.append(found)
        if len(scored) == 1:
            # Someone trains the run again, on another split, before the report is told.
            shutil.rmtree(cache / "runs/mine")
            write_compared_run(cache, data, "mine", rows=ROWS[:20], folds=np.zeros(20, np.int64), seed=9, subjects=[1])
            record = cache / "runs/mine/subj01/record.json"
            again = json.loads(record.read_text())
            assert again["finished_at"] == 1.0
            run.subject(1).finish({"finished_at": 2.0, "data": str(data / "subj01")})
        return found

    summarise = reports.summarise
    monkeypatch.setattr(reports, "summarise", replacing)
    result = CliRunner().invoke(app, ["report", "--cache-dir", str(cache), "--json"])
    printed = json.loads(result.stdout)
    assert len(scored) == 2
    assert printed["held_out"]["n_images"] == {"1": 20}
    assert printed["held_out"]["seed"] == 9
    everything = next(row for row in printed["rows"] if row["roi"] == "All vertices")
    assert everything["mean_r"] == pytest.approx(np.mean(run.subject(1).correlation("left")))
