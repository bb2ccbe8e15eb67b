"""`algocli report` as a shell sees it."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.by_hand import write_run


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    write_run(folder, "older", finished_at=1.0)
    write_run(folder, "newer", finished_at=2.0)
    return folder


@pytest.fixture
def report(tiny_challenge, cache):
    def invoke(*words):
        return CliRunner().invoke(app, ["report", "--data-dir", str(tiny_challenge), "--cache-dir", str(cache), *words])

    return invoke


def test_the_json_is_the_contract(report, tiny_challenge, cache):
    result = report("--json", "-s", "1")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert list(printed) == ["run", "rows"]
    assert printed["run"] == "newer"
    assert len(printed["rows"]) == 2 * 32
    keys = ["subject", "hemisphere", "roi", "n_vertices", "median_r", "mean_r", "accuracy"]
    assert {tuple(row) for row in printed["rows"]} == {tuple(keys)}
    r = np.load(cache / "runs/newer/subj01/left_correlation.npy")
    everything = printed["rows"][31]
    assert (everything["hemisphere"], everything["roi"]) == ("left", "All vertices")
    assert everything["n_vertices"] == 31
    assert everything["mean_r"] == pytest.approx(r.mean(), abs=1e-15)
    absent = next(row for row in printed["rows"] if row["roi"] == "mTL-faces")
    assert absent == dict(zip(keys, [1, "left", "mTL-faces", 0, None, None, None], strict=True))


def test_the_table_fits_a_terminal_and_says_what_was_scored(report):
    result = report("-s", "1")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "Subject 1: r on held-out training images (validation)"
    assert lines[1] == "newer"
    assert "above leaderboard scores" in result.stderr


def test_the_table_groups_rois_by_class_with_both_hemispheres_side_by_side(report):
    lines = report("-s", "6").stdout.splitlines()
    words = [line.split() for line in lines]
    assert words[2] == ["ROI", "left", "n", "median", "mean", "acc", "%", "right", "n", "median", "mean", "acc", "%"]
    first = [row[0] for row in words[3:]]
    assert first[:2] == ["prf-visualrois", "V1v"]
    assert first[first.index("floc-faces") + 2] == "FFA-1"
    assert words[-1][:3] == ["All", "vertices", "36"]


def test_an_absent_roi_is_a_row_of_dashes(report):
    lines = report("-s", "1").stdout.splitlines()
    [line] = [line for line in lines if "aTL-faces" in line]
    assert line.split() == ["aTL-faces", *["–"] * 8]


def test_several_subjects_end_in_a_table_that_compares_them(report):
    result = report()
    assert result.stdout.count("Subject ") == 2
    tail = result.stdout[result.stdout.index("All vertices, subject by subject") :].splitlines()
    left = [line.split() for line in tail[3:]]
    assert [row[0] for row in left] == ["1", "6", "median"]
    medians = [float(row[2]) for row in left]
    assert medians[2] == pytest.approx((medians[0] + medians[1]) / 2, abs=1.1e-3)


def test_without_noise_ceilings_there_is_no_column_for_accuracy(tiny_challenge, cache, tmp_path):
    folder = tmp_path / "released"
    shutil.copytree(tiny_challenge, folder, ignore=shutil.ignore_patterns("*.png", "noise_ceiling"))
    result = CliRunner().invoke(app, ["report", "--data-dir", str(folder), "--cache-dir", str(cache)])
    assert result.exit_code == 0
    assert "acc %" not in result.stdout + result.stderr


def test_only_the_rois_asked_for_are_shown(report):
    printed = json.loads(report("--json", "--roi", "FFA-1", "--roi", "PPA").stdout)
    assert {row["roi"] for row in printed["rows"]} == {"FFA-1", "PPA"}


def test_an_unknown_roi_is_a_usage_error_with_a_guess(report):
    result = report("--roi", "FFA1")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "did you mean FFA-1" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_csv_is_written_beside_the_table(report, tmp_path):
    path = tmp_path / "scores.csv"
    result = report("--csv", str(path))
    assert str(path) in result.stderr.replace("\n", "")
    assert "Subject 1" in result.stdout
    with path.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 2 * 2 * 32


def test_quiet_leaves_only_the_result(report):
    assert report("--quiet").stderr == ""


def test_a_run_is_found_by_the_beginning_of_its_name(report):
    assert json.loads(report("--json", "--run", "old").stdout)["run"] == "older"


def test_without_a_run_the_hint_is_the_command_that_makes_one(tiny_challenge, tmp_path):
    result = CliRunner().invoke(app, ["report", "--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path)])
    assert result.exit_code == 4
    assert "algocli train" in result.stderr


def test_a_run_of_another_data_folder_is_a_data_error(tiny_challenge, tmp_path):
    write_run(tmp_path, extra=1)
    result = CliRunner().invoke(app, ["report", "--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path)])
    assert result.exit_code == 3
    assert "another data folder" in result.stderr.replace("\n", " ")
