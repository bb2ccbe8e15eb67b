"""`--group` of `algocli report` and `algocli compare` as a shell sees it."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from tests.dataset.toy import run_of_toy, toy_with_regions  # noqa: F401
from tests.results.compared import write_challenge, write_compared_run

NUMBERS = [
    "n_subjects", "mean", "low", "high", "sd", "sd_between", "effect_size", "p", "p_wilcoxon", "p_corrected",
    "n_showing", "prevalence", "prevalence_low", "prevalence_high",
]  # fmt: skip


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Runs of subjects 1 and 6."""
    data = write_challenge(tmp_path_factory.mktemp("data") / "challenge")
    folder = tmp_path_factory.mktemp("cache")
    write_compared_run(folder, data, "plain", noise=1.2)
    write_compared_run(folder, data, "better", noise=0.5, noise_seed=1)
    return folder


@pytest.fixture
def invoke(cache):
    def run(*words):
        return CliRunner().invoke(app, [*words, "--cache-dir", str(cache), "--resamples", "50", "--group"])

    return run


def test_the_json_of_a_report_is_rows_over_subjects(invoke, tmp_path):
    result = invoke("report", "--run", "plain", "--json", "--csv", str(tmp_path / "rows.csv"))
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert list(printed) == ["run", "unit", "subjects", "corrected", "rows", "summary", "held_out"]
    assert (printed["unit"], printed["subjects"], printed["corrected"]) == ("subject", [1, 6], "fdr")
    assert {tuple(row) for row in printed["rows"]} == {
        ("run", "model", "layer", "weights", "hemisphere", "roi", *NUMBERS, "accuracy", "adjusted_accuracy")
    }
    assert len(printed["rows"]) == 2 * 32
    everything = printed["rows"][31]
    assert [everything[key] for key in ("hemisphere", "roi", "n_subjects", "p")] == ["left", "All vertices", 2, 0.25]
    assert everything["low"] < everything["mean"] < everything["high"]
    with (tmp_path / "rows.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [row["mean"] for row in rows] == ["" if r["mean"] is None else str(r["mean"]) for r in printed["rows"]]
    assert "of 2 subjects no p can reach .05" in result.stderr


def test_the_table_says_its_unit(invoke, tmp_path):
    result = invoke("report", "--run", "plain", "--roi", "EBA", "--correct", "max", "--html", str(tmp_path / "r.html"))
    assert result.exit_code == 0
    assert "2 subjects, left hemisphere: mean r on held-out training images" in result.stdout
    assert "p max" in result.stdout
    assert "unit: subject, n = 2; intervals are of the mean over subjects" in result.stderr
    page = (tmp_path / "r.html").read_text()
    assert "unit: subject, n = 2" in page
    assert "--group --correct max" in page
    assert "Over subjects the unit is a person" in page


def test_a_narrow_screen_has_the_corrected_p_and_the_interval(invoke, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = invoke("report", "--run", "plain")
    assert result.exit_code == 0
    headings = [line.split() for line in result.stdout.splitlines() if line.startswith("ROI")]
    assert headings
    for heading in headings:
        assert "sd" not in heading
        assert " ".join(heading).startswith("ROI subj mean r 95 %")
        assert "p fdr" in " ".join(heading)
    assert max(len(line) for line in result.stdout.splitlines() if not line.startswith("images")) <= 80


def test_a_comparison_says_which_run_is_best(invoke, tmp_path):
    result = invoke("compare", "plain", "better", "--roi", "All vertices", "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert list(printed) == ["reference", "unit", "subjects", "corrected", "rows", "best", "held_out"]
    more = ["mean_r", "reference_mean_r", "n_better", "n_worse"]
    assert list(printed["rows"][0]) == [
        *("run", "model", "layer", "weights", "reference", "hemisphere", "roi"),
        *NUMBERS,
        *more,
    ]
    assert [row["n_better"] for row in printed["rows"]] == [2, 2]
    assert [(best["run"], best["stability"], best["shares"]) for best in printed["best"]] == [
        ("better", 1.0, {"plain": 0.0, "better": 1.0})
    ] * 2
    shown = invoke("compare", "plain", "better", "--html", str(tmp_path / "c.html"))
    assert shown.exit_code == 0
    assert "best  stable" in shown.stdout
    assert "the best run by ROI" in (tmp_path / "c.html").read_text()


@pytest.mark.parametrize("command", [("report", "--run", "plain"), ("compare", "plain", "better")])
def test_one_subject_is_no_group(invoke, command):
    result = invoke(*command, "-s", "6")
    assert result.exit_code == 2
    assert "a group needs 2 subjects at the least, and there is subject 6 alone" in result.stderr
    assert "name more with -s ..." in result.stderr


def test_a_report_of_each_subject_has_nothing_to_correct(cache):
    words = ["report", "--run", "plain", "--cache-dir", str(cache), "--correct", "fdr"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "--correct fdr is about p over subjects" in result.stderr
    assert "add --group" in result.stderr


def test_people_with_names_and_one_side_are_a_group_too(toy, run):
    group = algocli.report(run, data_dir=toy, group=True, n_resamples=20)
    assert group.subjects == ("anna", "ben")
    assert [(row.hemisphere, row.roi, row.n_subjects) for row in group.rows] == [
        ("all", "rim", 2),
        ("all", "bay", 0),
        ("all", "All vertices", 2),
    ]
    each = algocli.report(run, data_dir=toy)
    assert group.rows[0].mean == pytest.approx(sum(r.mean_r for r in each.rows if r.roi == "rim") / 2)
