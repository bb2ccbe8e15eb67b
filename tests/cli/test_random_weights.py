"""Wherever a number of a network is shown whose weights are random, that is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.compute.vouching import write_sealed
from algocli.runs.finding import find_run
from tests.results.by_hand import write_run
from tests.results.single_layers import write_layer_run

SAID = "the weights of alexnet are random (seed 7), and learned nothing"
DRAWN = {"model": "alexnet", "weights": "random:7", "identity": {}}


def draw_weights(cache: Path, name: str, layer: str) -> None:
    """Let the features of a run be those of a network whose weights are drawn."""
    for features in find_run(cache, name).settings.features:
        home = cache / "features" / features
        home.mkdir(parents=True, exist_ok=True)
        write_sealed(home / "recipe.json", {**DRAWN, "layer": layer, "name": features})


@pytest.fixture
def call(tiny_challenge, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, r in (("low", 0.2), ("high", 0.4)):
        write_layer_run(tmp_path / "cache", name, f"{name}-layer", r)
        draw_weights(tmp_path / "cache", name, f"{name}-layer")
    write_run(tmp_path / "cache", finished_at=2e9)
    draw_weights(tmp_path / "cache", "a-run", "features.2")

    def invoke(*words):
        places = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache")]
        result = CliRunner().invoke(app, [*words, *places])
        assert result.exit_code == 0, result.output
        return result

    return invoke


@pytest.mark.parametrize(
    "words",
    [
        ["report", "--roi", "all", "--html", "page.html"],
        ["plot", "accuracy", "-s", "1", "-o", "page.html"],
        ["plot", "rois", "-s", "1", "-o", "rois.svg"],
        ["plot", "layers", "--run", "low", "--run", "high", "-o", "layers.svg"],
        ["plot", "difference", "--run", "low", "--against", "high", "-o", "page.html"],
        ["plot", "best-layer", "--run", "low", "--run", "high", "-o", "page.html"],
        ["plot", "prediction", "-s", "1", "-o", "page.html"],
        ["plot", "ceiling", "-s", "1", "-o", "ceiling.svg"],
        ["submit", "--partial"],
        ["score"],
        ["export"],
        ["export", "--format", "csv"],
    ],
)
def test_it_is_said_beside_the_numbers_and_on_what_is_written(call, tmp_path, words):
    assert SAID in " ".join(call(*words).stderr.split())
    for page in tmp_path.glob("*.html"):
        text = page.read_text()
        assert "random weights" in text or SAID in text


def test_rows_and_records_say_it_too(call, tmp_path):
    rows = json.loads(call("report", "--json").stdout)["rows"]
    assert {(row["run"], row["model"], row["layer"], row["weights"]) for row in rows} == {
        ("a-run", "alexnet", "features.2", "random:7")
    }
    layers = json.loads(call("plot", "layers", "--run", "low", "--run", "high", "--json").stdout)["rows"]
    assert {(row["run"], row["model"], row["weights"]) for row in layers} == {
        (name, "alexnet", "random:7") for name in ("low", "high")
    }
    call("submit", "--partial")
    [told] = json.loads((tmp_path / "submission.json").read_text())["runs"]
    assert [told[name] for name in ("model", "layer", "weights")] == ["alexnet", "features.2", "random:7"]
