"""`algocli compare` as a shell sees it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.compared import write_challenge, write_compared_run

KEYS = [
    "run", "model", "layer", "weights", "reference", "subject", "hemisphere", "roi", "n_vertices",
    "mean_r", "reference_mean_r", "difference", "low", "high",
]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_challenge(tmp_path_factory.mktemp("data") / "challenge")


@pytest.fixture(scope="module")
def cache(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("cache")
    write_compared_run(folder, data, "plain", noise=1.2)
    write_compared_run(folder, data, "better", noise=0.5, noise_seed=1)
    write_compared_run(folder, data, "alone", subjects=[6])
    write_compared_run(folder, data, "elsewhere", rows=np.arange(40), seed=7)
    return folder


@pytest.fixture
def compare(cache):
    def invoke(*words):
        return CliRunner().invoke(app, ["compare", "--cache-dir", str(cache), "--resamples", "50", *words])

    return invoke


def test_the_json_is_the_contract(compare):
    result = compare("plain", "better", "-s", "1", "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert list(printed) == ["reference", "rows", "held_out"]
    assert printed["reference"] == "plain"
    assert {tuple(row) for row in printed["rows"]} == {tuple(KEYS)}
    assert len(printed["rows"]) == 2 * 32
    everything = printed["rows"][31]
    assert [everything[key] for key in ("run", *KEYS[4:9])] == ["better", "plain", 1, "left", "All vertices", 31]
    assert everything["difference"] == everything["mean_r"] - everything["reference_mean_r"]
    assert 0 < everything["low"] < everything["difference"] < everything["high"]
    absent = next(row for row in printed["rows"] if row["roi"] == "mTL-faces")
    assert [absent[key] for key in KEYS[8:]] == [0, None, None, None, None, None]


@pytest.mark.parametrize(
    "words", [["[pb]*"], ["--run", "p????", "--run", "b*"], ["better", "--run", "*e*r", "--run", "p*"]]
)
def test_runs_are_named_by_patterns_and_the_first_is_the_reference(compare, words):
    result = compare(*words, "-s", "1", "--json")
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    names = {printed["reference"]: "reference"} | {row["run"]: "other" for row in printed["rows"]}
    first = "plain" if "p????" in words else "better"
    assert names == {first: "reference", ({"plain", "better"} - {first}).pop(): "other"}


def test_two_runs_fit_a_terminal(compare):
    result = compare("plain", "better")
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_table_names_its_runs_and_marks_what_differs(compare):
    result = compare("plain", "better", "-s", "1")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1:3] == [["1", "plain"], ["2", "better"]]
    assert lines[3] == ["ROI", "n", "1", "2", "2", "-", "1", "low", "high"]
    [left, right] = [line for line in lines if line[:2] == ["All", "vertices"]]
    assert (left[2], right[2]) == ("31", "41")
    assert left[-1] == "*"
    assert left[5].startswith("+")
    assert "excludes 0 (50 resamples of the held-out images, seed 0)" in result.stderr


def test_nothing_is_marked_where_nothing_differs(compare):
    result = compare("plain", "plain", "-s", "1")
    assert "*" not in result.stdout
    [left, _] = [line.split() for line in result.stdout.splitlines() if line.startswith(" All vertices")]
    assert left[-3:] == ["0.000"] * 3


def test_an_absent_roi_is_a_row_of_dashes(compare):
    lines = compare("plain", "better", "-s", "1").stdout.splitlines()
    for line in [line for line in lines if "aTL-faces" in line]:
        assert line.split() == ["aTL-faces", *["–"] * 6]


def test_every_further_run_has_columns_of_its_own(compare, cache, data):
    write_compared_run(cache, data, "third", noise=2.0, noise_seed=3)
    lines = compare("plain", "better", "third", "-s", "1", "--roi", "FFA-1").stdout.splitlines()
    assert lines[3].split() == ["3", "third"]
    assert lines[4].split()[2:] == ["1", "2", "2", "-", "1", "low", "high", "3", "3", "-", "1", "low", "high"]


def test_several_subjects_end_in_tables_that_list_them(compare):
    result = compare("plain", "better")
    tail = result.stdout[result.stdout.index("All vertices, right hemisphere, subject by subject") :]
    assert [line.split()[:2] for line in tail.splitlines()[4:]] == [["1", "41"], ["6", "46"]]


def test_a_seed_gives_the_same_intervals_again_and_another_seed_others(compare):
    words = ("plain", "better", "-s", "1", "--roi", "V1v", "--json")
    once, again, other = compare(*words), compare(*words), compare(*words, "--seed", "1")
    assert once.stdout == again.stdout != other.stdout


def test_quiet_leaves_only_the_result(compare):
    assert compare("plain", "better", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["plain"], 2, "one run alone cannot be compared"),
        (["plain", "unheard-of"], 2, "no run is named 'unheard-of'"),
        (["plain", "elsewhere"], 2, "held out different images of subject 1"),
        (["plain", "better", "--roi", "V1x"], 2, "no ROI is named 'V1x'"),
        (["plain", "better", "--resamples", "0"], 2, "--resamples"),
        (["plain", "better", "--resamples", "1000000000000"], 2, "of memory are needed"),
        (["plain", "better", "--data-dir", "gone"], 3, "gone is not a folder"),
        (["plain", "alone", "-s", "1"], 4, "run alone has no subject 1"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(compare, words, code, sentence):
    result = compare(*words)
    assert result.exit_code == code
    assert result.stdout == ""
    assert sentence in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_data_that_has_moved_is_a_data_error_until_its_folder_is_named(data, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(data, first)
    for name in ("a", "b"):
        write_compared_run(tmp_path / "cache", first, name)
    first.rename(second)
    words = ["compare", "a", "b", "--cache-dir", str(tmp_path / "cache"), "--resamples", "2"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 3
    assert "--data-dir" in result.stderr
    assert CliRunner().invoke(app, [*words, "--data-dir", str(second)]).exit_code == 0


def test_what_a_screen_does_not_hold_is_a_table_for_each_run(compare, monkeypatch):
    wide = compare("plain", "better", "plain", "--roi", "EBA", "-s", "1")
    monkeypatch.setenv("COLUMNS", "64")
    narrow = compare("plain", "better", "plain", "--roi", "EBA", "-s", "1")
    assert [len([line for line in one.stdout.splitlines() if " ROI " in f" {line}"]) for one in (wide, narrow)] == [
        2,
        4,
    ]
    assert max(len(line) for line in narrow.stdout.splitlines() if not line.startswith("Subject")) <= 64
