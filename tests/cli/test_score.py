"""`algocli score` as a shell sees it."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from tests.results.by_hand import write_run


@pytest.fixture
def score(tiny_challenge, tmp_path):
    write_run(tmp_path / "cache")

    def invoke(*words):
        places = ["--data-dir", str(tiny_challenge), "--cache-dir", str(tmp_path / "cache")]
        return CliRunner().invoke(app, ["score", *words, *places])

    return invoke


def test_a_run_is_scored_and_its_parts_are_shown(score):
    result = score()
    assert result.exit_code == 0, result.stderr
    assert "a-run" in result.stdout
    assert "score: mean" in result.stdout
    assert "of subject 1, 6 only" in result.stderr


def test_the_json_has_the_score_and_the_rows(score, tmp_path):
    printed = json.loads(score("a-run", "-s", "6", "--json", "-o", str(tmp_path / "out")).stdout)
    assert {"mean", "median", "n_zero_ceiling", "mean_without_zero_ceiling", "rows"} <= set(printed)
    assert {row["subject"] for row in printed["rows"]} == {6}
    assert next(row for row in printed["rows"] if row["roi"] == "aTL-faces")["mean"] is None
    assert (tmp_path / "out/scores.txt").read_text() == f"All_vertices: {printed['mean']}\n"


def test_ceilings_may_come_from_nsds_signal_to_noise_ratios(score, tiny_challenge, tmp_path):
    ratios = np.random.default_rng(0).uniform(0.1, 1, 163_842).astype(np.float32)
    for side in ("lh", "rh"):
        folder = tmp_path / "nsd/subj01"
        folder.mkdir(parents=True, exist_ok=True)
        nibabel.save(nibabel.MGHImage(ratios[:, None, None], np.eye(4)), folder / f"{side}.ncsnr.mgh")
    words = ("-s", "1", "--nsd", str(tmp_path / "nsd"), "--json")
    printed = json.loads(score(*words, "--repeats", "2,1,1").stdout)
    r = {}
    for hemisphere in ("left", "right"):
        subject = Challenge(tiny_challenge).subject(1)
        measured = subject.responses("test", hemisphere)
        predicted = np.load(tmp_path / f"cache/runs/a-run/subj01/{hemisphere}_pred_test.npy")
        r[hemisphere] = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(measured.T, predicted.T, strict=True)])
    squares = {h: ratios[subject.fsaverage_vertices(h)].astype(np.float64) ** 2 for h in r}
    noise = (2 / 3 + 1 / 2 + 1) / 4
    percent = [np.minimum(100, 100 * np.maximum(r[h], 0) ** 2 / (squares[h] / (squares[h] + noise))) for h in r]
    assert printed["mean"] == pytest.approx(np.concatenate(percent).mean(), rel=1e-6)
    assert printed["unit_assumed"] == "ncsnr"


def test_ceilings_themselves_are_not_taken_for_ratios(score, tmp_path):
    for side in ("lh", "rh"):
        (tmp_path / "nsd").mkdir(exist_ok=True)
        np.save(tmp_path / f"nsd/{side}_noise_ceiling.npy", np.full(31, 0.5))
    result = score("-s", "1", "--nsd", str(tmp_path / "nsd"))
    assert result.exit_code == 2
    assert "--nsd is for ncsnr.mgh files" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["nothing.zip"], 3, "nothing.zip is missing"),
        (["b-run"], 2, "b-run"),
        (["--repeats", "1,2,3"], 2, "are for --nsd"),
        (["-s", "2"], 3, "subject 2"),
    ],
)
def test_what_cannot_be_scored_is_told_in_a_sentence(score, words, code, told):
    result = score(*words)
    assert result.exit_code == code
    assert told in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.output
