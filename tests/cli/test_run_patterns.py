"""Wherever a run is named, a pattern names it: one where one is meant, all that fit where several are."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.by_hand import write_run

NAMES = ["alexnet-2", "alexnet-10", "zoo"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    for name in NAMES:
        write_run(folder, name)
    return folder


@pytest.fixture
def invoke(tiny_challenge, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    places = ["--data-dir", str(tiny_challenge), "--cache-dir", str(cache)]
    return lambda *words: CliRunner().invoke(app, [*words, *places])


ONE = {
    "report": ["report", "--json", "--run"],
    "score": ["score", "--json"],
    "score --run": ["score", "--json", "--run"],
    "export": ["export", "--json", "--run"],
    "plot": ["plot", "rois", "--dpi", "50", "--json", "--run"],
}


@pytest.mark.parametrize("words", ONE.values(), ids=ONE)
def test_one_run_is_named_by_a_pattern_that_fits_no_other(invoke, words):
    result = invoke(*words, "*-1?", "-s", "1")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told.get("run", told.get("source")) == "alexnet-10" or told["source"] == "*-1?"


@pytest.mark.parametrize(
    "words", [*ONE.values(), ["plot", "difference", "--run", "zoo", "--against"]], ids=[*ONE, "against"]
)
def test_several_that_fit_are_listed_where_one_is_meant(invoke, words):
    result = invoke(*words, "alexnet-*")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "'alexnet-*' fits 2 runs; there are:\n  alexnet-2\n  alexnet-10\n" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [*ONE.values(), ["compare"], ["compare", "--run"], ["submit", "--partial"]], ids=str)
def test_a_pattern_that_fits_none_shows_what_there_is(invoke, words):
    result = invoke(*words, "zooo*")
    assert result.exit_code == 2
    assert "no run fits 'zooo*'; there are:\n  zoo\n" in result.stderr


def test_compare_without_a_run_says_how_they_are_named(invoke):
    result = invoke("compare")
    assert result.exit_code == 2
    assert "algocli compare 'alexnet*'" in result.stderr


def test_figures_of_layers_take_all_that_fit(invoke):
    result = invoke("plot", "layers", "--run", "alexnet-*", "--run", "zoo", "--dpi", "50", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["runs"] == NAMES
