"""Many runs side by side as a shell sees them: runs are rows, the best first, and files have all the rest."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from tests.results.compared import write_challenge, write_compared_run

# Not in the order of their quality, and with names as long as those that training gives.
NOISES = {f"net-layer.{place}-0a1b2c3d_pca{10 * place}_ols_holdout0.1_seed4": noise for place, noise in enumerate(
    [1.2, 0.9, 3.0, 0.4, 2.0, 0.6, 1.5, *[1.0 + place / 10 for place in range(17)]], start=1
)}  # fmt: skip
NAMES = list(NOISES)
BEST = NAMES[3]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    data = write_challenge(folder / "challenge")
    for seed, (name, noise) in enumerate(NOISES.items()):
        write_compared_run(folder / "cache", data, name, noise=noise, noise_seed=seed)
    return folder / "cache"


@pytest.fixture
def compare(cache, monkeypatch):
    def invoke(*words, columns=80):
        monkeypatch.setenv("COLUMNS", str(columns))
        result = CliRunner().invoke(app, ["compare", "--cache-dir", str(cache), "--resamples", "30", *words])
        assert result.exit_code == 0, result.stderr
        return result

    return invoke


def tables(stdout):
    """Read the tables by their titles, each as lines of words."""
    blocks = [block.splitlines() for block in stdout.strip().split("\n\n") if block.strip()]
    return {block[0]: [line.split() for line in block[1:]] for block in blocks}


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("more", [[], ["--group"], ["--correct", "max"], ["--roi", "floc-faces", "--roi", "V1+V2"]])
def test_nothing_of_many_runs_is_wider_than_the_screen(compare, columns, more):
    stdout = compare(*NAMES, *more, "--quiet", columns=columns).stdout
    assert max(map(len, stdout.splitlines())) <= columns
    # Whoever looks sees every run by a name in the last table.
    last = list(tables(stdout).values())[-1]
    assert len({line[-1] for line in last[1:]}) == len(NAMES)


@pytest.mark.parametrize(("n_runs", "is_turned"), [(4, False), (5, True), (6, True)])
def test_more_than_four_runs_turn_the_table(compare, n_runs, is_turned):
    found = tables(compare(*NAMES[:n_runs], "-s", "1", "--roi", "all", columns=200).stdout)
    lines = next(iter(found.values()))
    heads = [line[0] for line in lines if line]
    assert ("run" in heads, "ROI" in heads) == (is_turned, not is_turned)


def test_the_best_run_comes_first_and_numbers_are_those_of_the_json(compare):
    words = [*NAMES, "-s", "1"]
    found = tables(compare(*words, columns=200).stdout)
    rows = json.loads(compare(*words, "--json").stdout)["rows"]
    for side in ("left", "right"):
        own = [row for row in rows if (row["hemisphere"], row["roi"]) == (side, "All vertices")]
        scores = {row["run"]: row["mean_r"] for row in own} | {NAMES[0]: own[0]["reference_mean_r"]}
        lines = found[f"Subject 1, {side} hemisphere, all vertices: mean r (validation), best run first"]
        ordered = sorted(scores, key=lambda name: -scores[name])
        assert [line[-1] for line in lines[1:]] == ordered
        assert ordered[0] == BEST
        assert [line[:2] for line in lines[1:]] == [
            [str(NAMES.index(name) + 1), f"{scores[name]:.3f}"] for name in ordered
        ]
        row = next(row for row in own if row["run"] == BEST)
        assert lines[1][2:6] == [*(f"{row[name]:+.3f}" for name in ("difference", "low", "high")), "*"]


def test_a_class_is_the_mean_over_its_vertices_on_both_sides(compare):
    words = [*NAMES[:6], "-s", "1"]
    found = tables(compare(*words).stdout)
    rows = json.loads(compare(*words, "--json").stdout)["rows"]
    places = ("OPA", "PPA", "RSC")
    own = [row for row in rows if row["run"] == BEST and row["roi"] in places and row["n_vertices"]]
    mean = sum(row["n_vertices"] * row["mean_r"] for row in own) / sum(row["n_vertices"] for row in own)
    lines = found["Subject 1, both hemispheres, by class: mean r (validation), best run first"]
    assert lines[1][0] == "4"
    assert lines[1][1 + lines[0][1:].index("places")] == f"{mean:.3f}"
    assert lines[-1][0] == "best"


def test_few_rois_have_a_column_each_with_the_stars_of_their_rows(compare):
    words = [*NAMES[:7], "-s", "1", "--roi", "V1", "--roi", "V1+V2"]
    found = tables(compare(*words).stdout)
    rows = json.loads(compare(*words, "--json").stdout)["rows"]
    lines = found["Subject 1, left hemisphere: mean r (validation), best run first"]
    assert lines[0][:4] == ["run", "V1v", "V1d", "V1+V2"]
    for line in lines[1:-1]:
        for place, roi in enumerate(("V1v", "V1d", "V1+V2"), start=1):
            own = [row for row in rows if (row["hemisphere"], row["roi"]) == ("left", roi)]
            row = next((row for row in own if row["run"] == NAMES[int(line[0]) - 1]), None)
            if row is None:
                assert line[place] == f"{own[0]['reference_mean_r']:.3f}"
            else:
                assert line[place] == f"{row['mean_r']:.3f}" + "*" * (row["low"] > 0 or row["high"] < 0)


def read(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_csv_has_every_run_of_every_roi_at_full_precision(compare, tmp_path):
    words = [*NAMES[:5], "--correct", "fdr"]
    rows = json.loads(compare(*words, "--json", "--csv", str(tmp_path / "rows.csv")).stdout)["rows"]
    written = read(tmp_path / "rows.csv")
    assert len(written) == len(rows) * 5 / 4
    of_reference = [row for row in written if row["run"] == NAMES[0]]
    assert {row["difference"] for row in of_reference} == {""} == {row["p"] for row in of_reference}
    assert all(row["mean_r"] == row["reference_mean_r"] for row in of_reference)
    others = [row for row in written if row["run"] != NAMES[0]]
    for row, expected in zip(others, rows, strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in expected.items()}
    group = tmp_path / "group.csv"
    compare(*NAMES[:5], "--group", "--csv", str(group))
    assert len(read(group)) == 5 * len({(row["hemisphere"], row["roi"]) for row in written})


def test_python_writes_the_same_rows(compare, cache, tmp_path):
    compare(*NAMES[:3], "--csv", str(tmp_path / "shell.csv"))
    runs = [algocli.find_run(cache, name) for name in NAMES[:3]]
    found = algocli.compare(runs, n_resamples=30, csv=tmp_path / "python.csv")
    assert (tmp_path / "python.csv").read_bytes() == (tmp_path / "shell.csv").read_bytes()
    assert [row["run"] for row in found.every_run()[:3]] == NAMES[:3]


def test_a_page_of_many_runs_has_them_as_rows(compare, tmp_path):
    from tests.results.page.reading import ReadPage

    compare(*NAMES, "-s", "1", "--html", str(tmp_path / "page.html"))
    page = ReadPage(tmp_path / "page.html")
    assert len(page.ids) == len(set(page.ids))
    scores = page.tables["runs-1-left"]
    place, short = NAMES.index(BEST) + 1, "net-layer.4-0a1b2c3d_pca40"
    assert scores.row(f"{place} {short}")
    rows = json.loads(compare(*NAMES, "-s", "1", "--json").stdout)["rows"]
    row = next(r for r in rows if (r["run"], r["hemisphere"], r["roi"]) == (BEST, "left", "V1v"))
    assert page.tables[f"differences-1-run-{place}"].row("V1v")[1:5] == [
        f"{row['reference_mean_r']:.3f}",
        f"{row['mean_r']:.3f}",
        f"{row['difference']:+.3f}",
        f"{row['low']:+.3f} to {row['high']:+.3f}",
    ]


def test_names_that_nothing_short_tells_apart_are_told_in_full(cache, compare):
    alike = [f"{'samebeginning' * 5}{place}{'sameend' * 6}" for place in "ABCDE"]
    for name in alike:
        write_compared_run(cache, cache.parent / "challenge", name, subjects=[1])
    stdout = compare(*alike, "-s", "1", "--roi", "all").stdout
    assert all(stdout.count(name) == 2 for name in alike)


@pytest.mark.parametrize("columns", [20, 34])
def test_columns_that_a_screen_does_not_hold_stand_in_further_tables(compare, columns):
    words = [*NAMES[:5], "-s", "1", "--roi", "floc-places", "--roi", "V1", "--quiet"]
    wide = tables(compare(*words, columns=200).stdout)
    title = "Subject 1, left hemisphere: mean r (validation), best run first"
    blocks = [block for block in compare(*words, columns=columns).stdout.split("\n\n") if block.startswith(title)]
    heads = [word for block in blocks for word in block.splitlines()[1].split() if word not in ("run", "name")]
    assert heads == [word for word in wide[title][0] if word not in ("run", "name")]
