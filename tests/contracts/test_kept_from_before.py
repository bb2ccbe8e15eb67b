"""Stores and runs that an earlier version wrote open as they did, give the same report, and count as done."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from algocli import Challenge, find_run, train
from algocli.cli import app

# A challenge of one subject, a cache of two layers and four runs, and what `report --json` said of each, as version
# 0.1.0 wrote them.
KEPT = Path(__file__).parent / "kept" / "cache-of-0.1.tar.xz"
LAYERS = ["-l", "features.12", "-l", "features.5"]
TRAININGS = {
    "ols": ["-l", "features.12", "--pca", "5"],
    "ridge": ["-l", "features.12", "--pca", "8", "--regression", "ridge", "--folds", "3"],
    "blend": [*LAYERS, "--pca", "4", "--regression", "blend"],
    "banded": [*LAYERS, "--pca", "4", "--regression", "banded", "--n-iter", "3", "--search-seed", "0"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(KEPT) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ALGOCLI_DATA_DIR", str(home / "data"))
    monkeypatch.setenv("ALGOCLI_CACHE_DIR", str(home / "cache"))
    return home


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("run", TRAININGS)
def test_a_run_from_before_gives_the_same_report(kept: Path, run: str) -> None:
    expected: dict[str, Any] = json.loads((kept / "reports.json").read_text())[run]
    told = json.loads(invoke("report", "--run", run, "--json", "--quiet").stdout)
    assert told["run"] == expected["run"]
    assert [
        {name: row[name] for name in before} for row, before in zip(told["rows"], expected["rows"], strict=True)
    ] == (expected["rows"])
    # What was not told then is beside it.
    assert {name: told["summary"][name] for name in expected["summary"]} == expected["summary"]


@pytest.mark.parametrize("run", ["ols", "banded"])
def test_a_run_from_before_counts_as_done(kept: Path, run: str) -> None:
    record = kept / "cache/runs" / run / "subj01/record.json"
    before = record.read_bytes()
    assert f"subject 1: run {run} is done already" in invoke("train", *TRAININGS[run], "--run", run).stderr
    assert record.read_bytes() == before


@pytest.mark.parametrize("run", ["ridge", "blend"])
def test_a_run_whose_penalties_were_chosen_by_the_rule_of_before_is_not_taken_for_one_of_now(
    kept: Path, run: str
) -> None:
    record = kept / "cache/runs" / run / "subj01/record.json"
    before = record.read_bytes()
    result = CliRunner().invoke(app, ["train", *TRAININGS[run], "--run", run])
    assert result.exit_code == 2
    assert f"run {run} is of an earlier version, which chose each vertex's penalty by another rule" in result.stderr
    assert "--force" in result.stderr
    assert record.read_bytes() == before


def test_p_values_of_folds_from_before_are_computed_again(kept: Path) -> None:
    """They took models that share images for models that do not."""
    folder = kept / "cache/runs/ridge/subj01"
    before = np.load(folder / "left_p.npy")
    invoke("report", "--run", "ridge", "--significance", "--quiet")
    after = np.load(folder / "left_p.npy")
    assert after.shape == before.shape
    low = before < 0.3
    assert (after[low] > before[low]).all()
    assert json.loads((folder / "significance.json").read_text())["schema"] == 2


def test_trained_again_on_a_store_from_before_the_predictions_are_what_they_were(kept: Path) -> None:
    # By the rule of before, which the run's settings stand for.
    settings = find_run(kept / "cache", "ridge").settings
    assert settings.former_penalties
    train(Challenge(kept / "data").subjects(), settings, name="again", cache_dir=kept / "cache")
    old, new = (np.load(kept / "cache/runs" / run / "subj01/left_pred_test.npy") for run in ("ridge", "again"))
    # Another machine's linear algebra may differ in the last digits.
    np.testing.assert_allclose(new, old, rtol=1e-4, atol=1e-5)


def test_extracting_again_finds_the_stores_complete(kept: Path) -> None:
    words = ["--weights", "random:0", "--pool", "2", "--device", "cpu"]
    said = invoke("extract", *LAYERS, *words).stderr
    assert said.count("is complete, nothing to do") == 2
