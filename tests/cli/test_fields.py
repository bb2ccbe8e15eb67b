"""What the commands say of receptive fields, as a shell sees it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.by_hand import write_run
from tests.results.fields_by_hand import draw_fields, write_fields_run


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    write_run(folder, "without", finished_at=1e9)
    write_fields_run(folder, subjects=(1, 6))
    return folder


@pytest.fixture
def run(tiny_challenge, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(command, *words):
        return CliRunner().invoke(app, [command, *words, "--data-dir", str(tiny_challenge), "--cache-dir", str(cache)])

    return invoke


def test_a_report_has_a_table_of_windows_below_that_of_scores(run):
    result = run("report", "-s", "1", "--roi", "all")
    scores, windows = result.stdout.split("Subject 1: receptive fields")
    assert "fields %" not in scores
    lines = [line for line in windows.splitlines() if line.startswith((" ROI", " All vertices"))]
    heads, row = map(str.split, lines)
    assert heads[:3] == ["ROI", "left", "fields"]
    x, y, size, margin = draw_fields(31, 10).astype(float)
    has = margin > 0
    told = [f"{100 * has.mean():.0f}", f"{np.median(np.hypot(x, y)[has]):.2f}"]
    angle = np.angle(np.exp(1j * np.arctan2(y, x)[has]).mean(), deg=True) % 360
    told += [f"{angle:.0f}", f"{np.median(size[has]):.2f}", f"{100 * np.median(margin[has]):.1f}"]
    assert row[2:7] == told
    assert "0 right, 90 up" in result.stderr


def test_json_and_csv_have_the_columns_where_there_are_windows_alone(run, tmp_path):
    printed = json.loads(run("report", "-s", "1", "--roi", "all", "--json", "--csv", "rows.csv").stdout)
    with (tmp_path / "rows.csv").open() as stream:
        written = next(csv.DictReader(stream))
    assert 0 < printed["rows"][0]["median_size"] == float(written["median_size"])
    # Which windows were tried this run does not tell.
    assert printed["rows"][0]["rim_share"] is None
    assert "median_size" not in json.loads(run("report", "--run", "without", "--json").stdout)["rows"][0]


def test_runs_are_held_against_what_was_measured(run, tmp_path):
    assert run("export", "-o", "own", "-s", "1").exit_code == 0
    result = run("compare", "with-fields", "--prf", "own/subj01", "-s", "1", "--roi", "all", "--csv", "rows.csv")
    assert result.exit_code == 0, result.stderr
    assert "receptive fields beside those measured" in result.stdout
    row = next(line.split() for line in result.stdout.splitlines() if "All vertices" in line)
    # A field is like itself.
    assert row[3:8] == ["1.000", "0", "1.000", "1.000", "0.00"]
    assert "circular correlation" in result.stderr
    printed = json.loads(run("compare", "with-fields", "--prf", "own/subj01/lh_prfangle.npy", "-s1", "--json").stdout)
    assert printed["runs"] == ["with-fields"]
    assert {row["hemisphere"] for row in printed["rows"]} == {"left"}
    with (tmp_path / "rows.csv").open() as stream:
        assert [row["hemisphere"] for row in csv.DictReader(stream)] == ["left", "right"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["plot", "angle", "--run", "without"], 2, "run without has no receptive fields: its regression is ols"),
        (["plot", "coverage", "--run", "without"], 2, "run without has no receptive fields"),
        (["plot", "angle", "--vmin", "1"], 2, "plot angle takes no --vmin"),
        (["plot", "coverage", "-o", "page.html"], 2, "plot coverage draws a chart"),
        (["plot", "size", "--group", "-s", "1"], 2, "a group needs 2 subjects"),
        (["plot", "rois", "-l", "features.2"], 2, "plot rois takes no --layer"),
        (
            ["plot", "angle", "-l", "features.2"],
            2,
            "has one window of all its layers at each vertex: --layer features.2",
        ),
        (
            ["export", "-l", "features.2"],
            2,
            "has one window of all its layers at each vertex: --layer features.2",
        ),
        (["export", "--run", "without", "-l", "features.2"], 2, "run without has no receptive fields"),
        (["compare", "with-fields", "--prf", "gone.mgz"], 3, "gone.mgz is no file or folder"),
        (
            ["compare", "with-fields", "--prf", ".", "--nested"],
            2,
            "--prf compares receptive fields, and takes no --nested",
        ),
        (["compare", "with-fields", "--prf", "."], 3, "holds no receptive fields"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(run, words, code, told):
    result = run(*words)
    assert result.exit_code == code
    assert told in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
