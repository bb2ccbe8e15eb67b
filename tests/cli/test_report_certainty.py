"""What `algocli report` says of how sure its scores are, as a shell sees it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.results.compared import FOUR_FOLDS, write_challenge, write_compared_run

EVERYTHING = ("--significance", "--permutations", "199", "--intervals", "--resamples", "50")


@pytest.fixture(scope="module")
def enough_images(tmp_path_factory):
    return write_challenge(tmp_path_factory.mktemp("enough") / "challenge")


@pytest.fixture
def report(enough_images, tmp_path):
    """Run `report` on a run in folds, of which a third of the vertices are nothing but noise."""
    write_compared_run(tmp_path, enough_images, "a-run", noise=0.5, folds=FOUR_FOLDS, n_lost=12)

    def invoke(*words):
        return CliRunner().invoke(app, ["report", "--cache-dir", str(tmp_path), *words])

    return invoke


def test_shares_of_significant_vertices_and_intervals_are_rows_of_the_json(report):
    result = report("--json", *EVERYTHING)
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)["rows"]
    assert {tuple(row)[12:] for row in rows} == {("low", "high", "significant_share")}
    for row in rows:
        if row["roi"] == "All vertices":
            assert row["significant_share"] == pytest.approx(1 - 12 / row["n_vertices"], abs=0.06)
        if row["n_vertices"]:
            assert row["low"] < row["high"]
        else:
            assert (row["low"], row["high"], row["significant_share"]) == (None, None, None)


def test_a_table_with_everything_fits_a_hundred_columns_and_says_what_is_what(report):
    result = report("-s", "1", *EVERYTHING)
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    side = ["n", "mean", "95", "%", "acc", "%", "sig"]
    assert lines[2].split() == ["ROI", "left", *side, "right", *side]
    [line] = [line.split() for line in lines if line.startswith(" All vertices")]
    _, _, n, mean, low, high, _, percent = line[:8]
    assert n == "31"
    assert float(low) < float(mean) < float(high)
    assert float(percent) == pytest.approx(100 * 19 / 31, abs=6)
    assert "(50 resamples of the held-out images, seed 0)" in result.stderr
    # The run is one in folds whose features are gone: they were not fitted again.
    assert "q <= .05 over both hemispheres (199 permutations of the held-out images, seed 0)" in result.stderr


def test_significance_alone_leaves_the_median_in_its_place(report):
    lines = report("-s", "1", "--permutations", "9").stdout.splitlines()
    assert lines[2].split()[1:8] == ["left", "n", "median", "mean", "acc", "%", "sig"]


def test_an_absent_roi_stays_a_row_of_dashes(report):
    lines = report("-s", "1", *EVERYTHING).stdout.splitlines()
    [line] = [line for line in lines if "aTL-faces" in line]
    assert line.split() == ["aTL-faces", *["–"] * 10]


def test_several_subjects_have_a_median_of_shares_and_none_of_intervals(report):
    lines = report(*EVERYTHING).stdout.splitlines()
    one, six, median = [line.split() for line in lines if line.strip()][-5:-2]
    assert [one[0], six[0], median[0]] == ["1", "6", "median"]
    assert float(median[5]) == pytest.approx((float(one[6]) + float(six[6])) / 2, abs=1.1)
    assert median[3] == "–"


def test_a_seed_gives_the_same_certainty_again_and_another_seed_another(report):
    everything = ("--json", "-s", "1", *EVERYTHING)
    once, other, again = report(*everything), report(*everything, "--seed", "1"), report(*everything)
    assert once.stdout == again.stdout != other.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--permutations", "0"], 2, "--permutations"),
        (["--permutations", "100000000000000"], 2, "fewer --permutations need less"),
        (["--resamples", "1000000000000"], 2, "fewer --resamples need less"),
        (["--significance", "--data-dir", "nowhere"], 3, "nowhere is not a folder"),
    ],
)
def test_a_mistake_about_certainty_is_one_sentence_and_an_exit_code(report, words, code, sentence):
    result = report(*words)
    assert result.exit_code == code
    assert result.stdout == ""
    assert sentence in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
