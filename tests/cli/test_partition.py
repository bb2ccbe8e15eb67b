"""`algocli partition` as a shell sees it."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from algocli.cli import app
from algocli.dataset.challenge.subjects import Challenge
from algocli.runs.finding import list_runs
from tests.features.by_hand import cache_features
from tests.support.challenge import write_tiny_challenge

KEYS = ["subject", "hemisphere", "roi", "n_vertices", "part", "explained", "of_explainable"]
LAYERS = ("features.2", "features.5", "features.7", "features.10")
TWO = ("features.2", "features.5+features.7")
THREE = ("features.2", "features.5", "features.7")


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    return write_tiny_challenge(tmp_path_factory.mktemp("partition") / "challenge", n_train=40, n_test=4, image_size=16)


@pytest.fixture(scope="module")
def filled(tmp_path_factory, challenge):
    """A cache of four layers of both subjects, in which three sets have been partitioned for subject 1."""
    cache = tmp_path_factory.mktemp("filled")
    for subject in Challenge(challenge).subjects():
        for number, layer in enumerate(LAYERS):
            rows = np.random.default_rng([subject.number, number]).standard_normal((44, 50)).astype(np.float32)
            cache_features(cache, subject, rows, layer=layer, weights="pretrained")
    result = invoke(challenge, cache, *THREE, "-s", "1")
    assert result.exit_code == 0, result.output
    return cache


def invoke(challenge, cache, *words):
    where = ["--data-dir", str(challenge), "--cache-dir", str(cache)]
    return CliRunner().invoke(app, ["partition", *where, *words])


@pytest.fixture
def partition(challenge, filled):
    """Run the command on a cache that is shared: only what is done already is to be asked of it."""
    return lambda *words: invoke(challenge, filled, *words)


@pytest.fixture
def cache(tmp_path, filled):
    shutil.copytree(filled, tmp_path / "cache")
    return tmp_path / "cache"


def rows_of(result):
    return json.loads(result.stdout)["rows"]


def test_the_json_is_the_contract(partition, filled):
    result = partition(*TWO, "-s", "1", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert list(printed) == ["sets", "models", "rows"]
    assert list(printed["sets"]) == list(TWO)
    assert [name.rpartition("-")[0] for name in printed["sets"][TWO[1]]] == ["alexnet-features.5", "alexnet-features.7"]
    assert [model["sets"] for model in printed["models"]] == [[TWO[0]], [TWO[1]], list(TWO)]
    assert {model["run"] for model in printed["models"]} <= {run.name for run in list_runs(filled)}
    assert {tuple(row) for row in printed["rows"]} == {tuple(KEYS)}
    # Three sides, 31 ROIs and all vertices, three parts and their sum.
    assert len(printed["rows"]) == 3 * 32 * 4
    assert [row["part"] for row in printed["rows"][:4]] == [*TWO, " & ".join(TWO), "total"]


def test_the_table_shows_the_rows_in_percent(partition):
    shown = partition(*THREE, "-s", "1")
    rows = rows_of(partition(*THREE, "-s", "1", "--json"))
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert lines[1:5] == [["A", "features.2"], ["B", "features.5"], ["C", "features.7"], lines[4]]
    assert lines[4] == ["ROI", "n", "A", "B", "C", "AB", "AC", "BC", "ABC", "total"]
    v1 = [row for row in rows if (row["hemisphere"], row["roi"]) == ("both", "V1v")]
    for unit in ("explained", "of_explainable"):
        assert ["V1v", str(v1[0]["n_vertices"]), *(f"{100 * row[unit]:z.1f}" for row in v1)] in lines
    absent = next(line for line in lines if line[:1] == ["aTL-faces"])
    assert set(absent[1:]) == {"–"}
    assert len(absent) == 10
    assert "suppression" in shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 100


def test_four_sets_show_their_shared_parts_by_how_many_share_them(challenge, cache):
    printed = rows_of(invoke(challenge, cache, *LAYERS, "-s", "1", "--json"))
    result = invoke(challenge, cache, *LAYERS, "-s", "1")
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["ROI", "n", "A", "B", "C", "D", "by", "2", "by", "3", "by", "4", "total"] in lines
    everything = [row for row in printed if (row["hemisphere"], row["roi"]) == ("both", "All vertices")]
    assert len(everything) == 16
    pairs = 100 * sum(row["explained"] for row in everything if row["part"].count(" & ") == 1)
    shown = next(line for line in lines if line[:2] == ["All", "vertices"])
    assert shown[7] == f"{pairs:z.1f}"
    assert "--json" in result.stderr


def test_the_second_time_nothing_is_trained(partition, filled):
    before = [run.finished_at for run in list_runs(filled)]
    again = partition(*reversed(THREE), "-s", "1")
    assert again.exit_code == 0
    assert "7 of 7 models are there already" in again.stderr
    assert [run.finished_at for run in list_runs(filled)] == before


def test_a_run_of_another_name_is_found_done(challenge, cache):
    run = max((run for run in list_runs(cache) if len(run.settings.features) == 1), key=lambda run: run.name)
    run.folder.rename(run.folder.with_name("words"))
    n_runs = len(list_runs(cache))
    result = invoke(challenge, cache, *THREE, "-s", "1")
    assert result.exit_code == 0, result.output
    assert "7 of 7 models are there already" in result.stderr
    assert len(list_runs(cache)) == n_runs


def test_several_subjects_have_a_table_of_all_vertices(challenge, cache):
    result = invoke(challenge, cache, *THREE[:2], "--roi", "All vertices", "--no-refit", "--pca", "5")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    place = lines.index("All vertices, subject by subject: percent of variance (validation)")
    assert [line.split()[0] for line in lines[place + 1 :]] == ["A", "B", "subject", "1", "6"]


def test_the_csv_holds_the_same_rows(partition, tmp_path):
    result = partition(*TWO, "-s", "1", "--roi", "ppa", "--json", "--csv", str(tmp_path / "parts.csv"))
    rows = list(csv.DictReader((tmp_path / "parts.csv").read_text().splitlines()))
    assert [list(row) for row in rows] == [KEYS] * 12
    assert [float(row["explained"]) for row in rows] == [row["explained"] for row in rows_of(result)]


def test_the_arrays_average_to_the_rows(partition, tmp_path):
    result = partition(*TWO, "-s", "1", "--roi", "all vertices", "--json", "-o", str(tmp_path / "out"))
    left = {row["part"]: row["explained"] for row in rows_of(result) if row["hemisphere"] == "left"}
    names = [f"unique_{TWO[0]}", f"unique_{TWO[1]}", f"shared_{TWO[0]}_{TWO[1]}", "total"]
    found = [np.load(tmp_path / f"out/subj01/lh_{name}.npy").mean(dtype=float) for name in names]
    np.testing.assert_allclose(found, list(left.values()), atol=1e-6)


def test_a_features_name_stands_for_itself(partition, filled):
    name = next((filled / "features").glob("alexnet-features.2-*")).name
    result = partition(name, "features.5+features.7", "-s", "1", "--json")
    assert json.loads(result.stdout)["sets"][name] == [name]


def test_with_ols_a_union_has_components_of_every_layer(challenge, cache):
    result = invoke(challenge, cache, *THREE[:2], "-s", "1", "--regression", "ols", "--pca", "5", "--json")
    assert result.exit_code == 0, result.output
    names = [model["run"].partition("_")[2] for model in json.loads(result.stdout)["models"]]
    assert names == ["pca5_ols_holdout0.1_seed4", "pca5_ols_holdout0.1_seed4", "pca5each_ols_holdout0.1_seed4"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["features.2"], 2, "between two to five sets of features, not 1"),
        (["features.2", "features.2"], 2, "features.2 and features.2 are the same features"),
        (["features.2+features.5", "features.5+features.2"], 2, "are the same features"),
        (["features.2+features.5", "features.5"], 2, "would be in two sets, features.2+features.5 and features.5"),
        (["features.2+features.2", "features.5"], 2, "features.2+features.2 names the same features twice"),
        (["features.2+", "features.5"], 2, "a set has an empty name"),
        ([*LAYERS, "features.0", "features.1"], 2, "63 models"),
        (["features.2", "features.0"], 4, "algocli extract --model alexnet -l features.0"),
        (["features.2", "fc-9"], 4, "no features of alexnet fc-9"),
        ([*THREE, "--roi", "FFA-9"], 2, "no ROI is named 'FFA-9'"),
        ([*THREE, "--pca", "none"], 2, "--pca none"),
        ([*THREE, "--pca", "39", "-s", "1"], 2, "the rank is 35 at most"),
        ([*THREE, "--alphas", "1:2"], 2, "three numbers are expected"),
        ([*THREE, "--folds", "1"], 2, "at least 2 are needed"),
        ([*THREE, "--regression", "blend"], 2, "blend"),
        ([*THREE, "--intervals", "--holdout", "0.1"], 2, "folds of 4 images do not tell how sure a share of variance"),
        ([*THREE, "--regression", "banded"], 2, "--search-seed 0"),
        ([*LAYERS, "--regression", "banded", "--search-seed", "0"], 2, "--regression banded name two or three sets"),
        ([*THREE, "-s", "5"], 3, "has no subject 5"),
        ([*THREE, "-o", __file__], 2, "is a file; a folder was expected"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(partition, words, code, sentence):
    result = partition(*words)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_what_a_later_subject_lacks_is_told_before_anything_is_trained(challenge, cache):
    shutil.rmtree(cache / "runs")
    shutil.rmtree(next((cache / "features").glob("alexnet-features.5-*/subj06-*")))
    result = invoke(challenge, cache, *THREE)
    assert result.exit_code == 4
    assert "algocli extract --model alexnet -l features.5 --dtype float32 -s 6" in result.stderr
    assert not (cache / "runs").exists()


def test_two_kinds_of_features_are_listed_until_one_is_named(challenge, cache):
    subject = Challenge(challenge).subject(1)
    rows = np.random.default_rng(5).standard_normal((44, 50)).astype(np.float16)
    other = cache_features(cache, subject, rows, layer="features.2", weights="random:1")
    result = invoke(challenge, cache, *TWO, "-s", "1")
    assert result.exit_code == 2
    assert "write the name that is meant in place of features.2" in result.stderr
    assert other in result.stderr
    assert invoke(challenge, cache, other, "features.5", "-s", "1").exit_code == 0


def test_intervals_come_where_they_are_asked_for(challenge, cache):
    asked = (*TWO, "-s", "1", "--folds", "4", "--no-refit", "--resamples", "50")
    result = invoke(challenge, cache, *asked, "--correct", "fdr", "--json", "--csv", str(cache / "parts.csv"))
    assert result.exit_code == 0, result.output
    rows = rows_of(result)
    assert {tuple(row) for row in rows} == {(*KEYS, "low", "high", "p")}
    assert all(row["low"] < row["explained"] < row["high"] and 0 < row["p"] <= 1 for row in rows if row["n_vertices"])
    assert (cache / "parts.csv").read_text().splitlines()[0].split(",") == list(rows[0])
    shown = invoke(challenge, cache, *asked, "--correct", "fdr")
    lines = [line.split() for line in shown.stdout.splitlines()]
    every = [row for row in rows if (row["hemisphere"], row["roi"]) == ("both", "All vertices")]
    cells = []
    for row in every:
        cells += [f"{100 * row[name]:z.1f}" for name in ("explained", "low", "high")] + ["*"] * (row["p"] <= 0.05)
    assert ["All", "vertices", str(every[0]["n_vertices"]), *cells] in lines
    assert "50 resamples of the held-out images, seed 0" in shown.stderr
    assert "p <= .05, corrected by FDR over ROIs" in shown.stderr


def test_parts_with_intervals_stand_below_each_other_on_a_narrow_screen(challenge, cache, monkeypatch):
    asked = (*THREE, "-s", "1", "--folds", "4", "--no-refit", "--intervals")
    wide = invoke(challenge, cache, *asked).stdout
    monkeypatch.setenv("COLUMNS", "80")
    narrow = invoke(challenge, cache, *asked).stdout
    assert max(len(line) for line in narrow.splitlines() if not line.startswith("Subject")) <= 80
    titles = [
        sum(line.startswith("Subject 1: percent of variance") for line in text.splitlines()) for text in (wide, narrow)
    ]
    assert titles[0] == 1
    assert titles[1] > 1
    # Nothing is lost on the way.
    numbers = [sorted(word for word in text.split() if word[-1].isdigit() and "." in word) for text in (wide, narrow)]
    assert set(numbers[0]) == set(numbers[1])


def test_with_banded_ridge_unions_are_searched(challenge, cache):
    asked = (*THREE[:2], "-s", "1", "--pca", "5", "--no-refit", "--roi", "PPA", "--json", "--folds", "3", "--intervals")
    result = invoke(challenge, cache, *asked, "--regression", "banded", "--search-seed", "0", "--n-iter", "2")
    assert result.exit_code == 0, result.output
    names = [model["run"].partition("_")[2] for model in json.loads(result.stdout)["models"]]
    ridge = "pca5_ridge_folds3_seed4_norefit"
    assert names == [ridge, ridge, "pca5_banded-2draws-search0_folds3_seed4_norefit"]
    assert "does not tell how folds depend on each other" in result.stderr
    # The search is made once: whether folds tell anything is known before they are fitted again.
    assert result.stderr.count("searches of 2 draws") == 1


def test_receptive_fields_are_partitioned_and_what_they_take_no_part_in_is_refused(challenge, cache):
    for subject in Challenge(challenge).subjects():
        for number, layer in enumerate(("map-1", "map-2")):
            rows = np.random.default_rng([subject.number, number]).standard_normal((44, 2 * 6 * 6)).astype(np.float32)
            cache_features(cache, subject, rows, layer=layer, weights="pretrained", shape=(2, 6, 6))
    asked = ("map-1", "map-2", "-s", "1", "--no-refit", "--roi", "PPA", "--regression", "fields")
    result = invoke(challenge, cache, *asked, "--fields", "coarse", "--image-width", "9", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    names = [model["run"].partition("_")[2] for model in told["models"]]
    assert names == ["fields-coarse-9deg_holdout0.1_seed4_norefit"] * 3
    parts = {row["part"]: row["explained"] for row in told["rows"] if row["hemisphere"] == "left"}
    assert sum(value for name, value in parts.items() if name != "total") == pytest.approx(parts["total"], abs=1e-6)
    for words, told in (
        ((*asked, "--pca", "5"), "receptive fields take no components"),
        ((*asked, "--fields", "gone.csv"), "gone.csv"),
        ((*asked[:-1], "ridge", "--fields", "coarse"), "looks through no windows"),
        (("features.2", "map-1", "-s", "1", "--regression", "fields"), "has no rows and columns"),
    ):
        result = invoke(challenge, cache, *words)
        assert result.exit_code in (2, 3)
        assert told in " ".join(result.stderr.split())


def test_a_group_has_rows_over_subjects(challenge, cache):
    words = (*TWO, "--holdout", "0.3", "--group", "--resamples", "40")
    result = invoke(challenge, cache, *words, "--json", "--csv", str(cache / "rows.csv"))
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert list(printed) == ["sets", "models", "unit", "subjects", "corrected", "rows"]
    assert (printed["unit"], printed["subjects"]) == ("subject", [1, 6])
    everything = [row for row in printed["rows"] if (row["hemisphere"], row["roi"]) == ("both", "All vertices")]
    assert [row["part"] for row in everything] == [*TWO, " & ".join(TWO), "total"]
    assert [row["n_subjects"] for row in everything] == [2] * 4
    *parts, total = (row["mean"] for row in everything)
    assert sum(parts) == pytest.approx(total)
    with (cache / "rows.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == len(printed["rows"])
    shown = invoke(challenge, cache, *words)
    assert "2 subjects, total: percent of variance" in shown.stdout
    assert "unit: subject, n = 2" in shown.stderr


def test_one_subject_is_no_group_of_parts(partition):
    result = partition(*TWO, "-s", "1", "--group")
    assert result.exit_code == 2
    assert "a group needs 2 subjects at the least" in result.stderr
