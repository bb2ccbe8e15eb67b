"""`algocli sweep`, and its function: networks, layers and settings in one command, one table and one heatmap."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

import algocli
from algocli.cli import app
from algocli.cli.examples import SWEEP_FILE
from algocli.dataset.challenge.subjects import Challenge
from algocli.errors import UsageError
from algocli.pipeline.sweep_grid import told_together
from algocli.runs.finding import list_runs
from tests.features.by_hand import list_stores, store_digest
from tests.support.challenge import write_tiny_challenge

NETWORKS = """
import torch


class Net(torch.nn.Module):
    def __init__(self, seed, gain=1.0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Conv2d(3, 4, 32, 32)
        self.second = torch.nn.Conv2d(4, 5, 3, 2)
        self.gain = gain

    def forward(self, images):
        return self.second(self.first(images)) * self.gain


def one():
    return Net(1).eval()


def two():
    return Net(2).eval()


def large():
    # The mean over each patch, times so much that it is within float16, but for a patch that is all white.
    net = Net(3).eval()
    torch.nn.init.constant_(net.first.weight, 3e4 / (3 * 32 * 32))
    return net
"""
ONE, TWO, LARGE = (f"python:swept_networks:{name}" for name in ("one", "two", "large"))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    write_tiny_challenge(folder / "challenge", (1,), n_train=40, n_test=4, image_size=24)
    images = sorted((folder / "challenge/subj01/training_split/training_images").iterdir())
    Image.new("RGB", (24, 24), "white").save(images[30])
    (folder / "swept_networks.py").write_text(NETWORKS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    sys.modules.pop("swept_networks", None)


@pytest.fixture
def sweep(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words, cache=tmp_path / "cache"):
        where = ["--data-dir", str(home / "challenge"), "--cache-dir", str(cache)]
        return CliRunner().invoke(app, ["sweep", *map(str, words), "--device", "cpu", *where])

    return run


@pytest.fixture
def subject(home):
    return Challenge(home / "challenge").subject(1)


def rows_of(result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["rows"]


def test_its_rows_are_what_extract_train_and_report_say(sweep, subject, tmp_path):
    rows = rows_of(sweep(ONE, TWO, "-l", "first", "-l", f"{ONE}=second", "--pca", 3, "--pca", 5, "--json"))
    by_hand = []
    for network, layer in ((ONE, "second"), (TWO, "first")):
        features = algocli.extract(subject, network, layer, cache_dir=tmp_path / "by-hand", device="cpu")
        for n in (3, 5):
            run = algocli.train(subject, features, n_components=n, cache_dir=tmp_path / "by-hand")
            report = algocli.report(run, data_dir=subject.folder.parent)
            by_hand += [
                (network, layer, f"n_components={n}", row.hemisphere, row.roi, row.n_vertices, row.mean_r, row.accuracy)
                for row in report.rows
            ]
    names = ("model", "layer", "settings", "hemisphere", "roi", "n_vertices", "mean_r", "accuracy")
    assert [tuple(row[name] for name in names) for row in rows] == by_hand
    stores = [
        {store.name: store_digest(store.folder) for store in list_stores(tmp_path / cache)}
        for cache in ("cache", "by-hand")
    ]
    assert stores[0] == stores[1]
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_a_repeat_finds_all_done_and_says_the_same(sweep, monkeypatch, tmp_path):
    words = (ONE, TWO, "-l", "first", "-l", "second", "--pca", 3, "--json", "--csv", tmp_path / "rows.csv")
    before = rows_of(sweep(*words))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr("algocli.features.extraction.pass_through", never)
    monkeypatch.setattr("algocli.runs.training.Training", never)
    result = sweep(*words)
    assert rows_of(result) == before
    assert "4 of them done" in result.stderr
    with (tmp_path / "rows.csv").open() as stream:
        assert [float(row["mean_r"] or "nan") for row in csv.DictReader(stream)] == pytest.approx(
            [float("nan") if row["mean_r"] is None else row["mean_r"] for row in before], nan_ok=True
        )


@pytest.mark.parametrize("more", [(), ("--cluster", "local:2")])
def test_a_run_of_another_name_is_found_done_and_used(sweep, subject, monkeypatch, tmp_path, more):
    before = rows_of(sweep(ONE, "-l", "first", "--pca", 3, "--no-nested", "--json", cache=tmp_path / "other"))
    features = algocli.extract(subject, ONE, "first", cache_dir=tmp_path / "cache", device="cpu")
    run = algocli.train(subject, features, n_components=3, name="named", cache_dir=tmp_path / "cache")

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("this was done before")

    monkeypatch.setattr("algocli.runs.training.Training", never)
    result = sweep(ONE, "-l", "first", "--pca", 3, "--no-nested", "--json", *more)
    assert [{**row, "run": "named"} for row in before] == rows_of(result)
    assert "1 model, 1 of them done" in result.stderr
    assert "run named is done already" in result.stderr
    assert [run.name for run in list_runs(tmp_path / "cache")] == [run.name]


def test_a_run_of_another_seed_is_not_counted_as_done(sweep, subject, tmp_path):
    features = algocli.extract(subject, ONE, "first", cache_dir=tmp_path / "cache", device="cpu")
    algocli.train(subject, features, n_components=3, name="named", seed=5, cache_dir=tmp_path / "cache")
    result = sweep(ONE, "-l", "first", "--pca", 3, "--no-nested", "--json")
    assert {row["run"] for row in rows_of(result)}.isdisjoint({"named"})
    assert "of them done" not in result.stderr


def test_a_dry_run_says_what_is_to_be_done_and_does_nothing(sweep, tmp_path):
    result = sweep(ONE, TWO, "--pool", "none", "--pool", 2, "-l", "first", "--pca", 3, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)["plan"]
    assert [(layer["layer"], layer["n_features"], layer["n_bytes"]) for layer in plan["layers"]] == 2 * [
        ("first", 4 * 7 * 7, 44 * 4 * 7 * 7 * 2),
        ("first", 4 * 2 * 2, 44 * 4 * 2 * 2 * 2),
    ]
    assert plan["passes"] == [[ONE, TWO]]
    assert (plan["n_images"], plan["n_models"], plan["n_models_done"]) == (44, 4, 0)
    assert "estimates from a trial" in result.stderr
    assert not (tmp_path / "cache/features").exists()
    assert not (tmp_path / "sweep.png").exists()


def test_all_that_cannot_be_swept_is_told_before_any_work(sweep, tmp_path):
    result = sweep(ONE, "resnet19", TWO, "-l", "first", "-l", f"{TWO}=third")
    assert result.exit_code == 2
    assert "2 of 3 networks cannot be swept" in result.stderr
    assert "did you mean resnet18" in result.stderr
    assert f"{TWO} has no layer 'third'" in result.stderr
    assert not (tmp_path / "cache/features").exists()


def test_what_to_do_about_several_is_told_once_or_by_the_name_of_each():
    alike = {name: UsageError(f"no {name}", hint="name another") for name in ("one", "two")}
    assert told_together(alike, "2 of 3").hint == "name another"
    apart = told_together(
        {**alike, "three": UsageError("no three", hint="fetch it"), "four": UsageError("no")}, "4 of 4"
    )
    assert apart.hint == "\n  one: name another\n  two: name another\n  three: fetch it"
    assert told_together({"one": UsageError("no one")}, "1 of 2").hint is None


def test_one_that_fails_on_the_way_does_not_stop_the_rest(sweep, monkeypatch):
    words = [ONE, LARGE, TWO, "-l", "first", "--pca", "3", "--json"]
    result = sweep(*words)
    assert result.exit_code == 3, result.output
    told = json.loads(result.stdout)
    assert [row["model"] for row in told["rows"] if row["roi"] == "All vertices"] == [ONE, ONE, TWO, TWO]
    assert list(told["failed"]) == [LARGE]
    assert "goes beyond what float16 holds" in result.stderr
    assert "1 of 3 models could not be made; the rest is done" in result.stderr
    assert shlex.join(["algocli", "sweep", *words]) in result.stderr
    # With what the hint says it is made good.
    assert len({row["model"] for row in rows_of(sweep(*words, "--dtype", "float32"))}) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "sweep needs networks"),
        ((ONE, ONE), f"network {ONE} is named twice"),
        ((ONE, "-l", "first", "-l", "third"), "has no layer 'third'"),
        ((ONE, TWO, "-l", "first", "-l", "third"), "--layer third: none of these networks has such a layer"),
        ((ONE, "-l", f"{TWO}=first"), f"layers of {TWO} are named, which is no network of the sweep"),
        ((ONE, "-l", "=first"), "NETWORK=LAYER is expected"),
        ((ONE, "--pool", "0"), "--pool 0: a whole number from 1 on is expected"),
        ((ONE, "--pool", "9"), "--pool 9"),
        ((ONE, "--pca", "x"), "--pca x"),
        ((ONE, "--pca", "39"), "39 components cannot be had"),
        ((ONE, "--folds", "41"), "41"),
        ((ONE, "--folds", "3", "--holdout", "0.1"), "either a share to hold out or a number of folds"),
        ((ONE, "--regression", "rigde"), "did you mean ridge"),
        ((ONE, "-o", "x.html"), "x.html"),
        ((ONE, "--roi", "nowhere"), "no ROI is named 'nowhere'"),
        ((ONE, "--from", "x.toml"), "one of the two"),
    ],
)
def test_what_makes_no_sense_is_told_before_any_work(sweep, tmp_path, words, told):
    result = sweep(*words)
    assert result.exit_code in (2, 3), result.output
    assert told in result.stderr
    assert not (tmp_path / "cache/features").exists()


def test_of_several_regressions_each_takes_what_it_reads():
    from algocli.pipeline.sweep_grid import name_settings, settings_of

    given = {"regression": ["ridge", "fields"], "n_components": [5, 9], "windows": ["coarse", "fine"]}
    combinations = settings_of(given)
    assert combinations == [
        {"regression": "ridge", "n_components": 5},
        {"regression": "ridge", "n_components": 9},
        {"regression": "fields", "windows": "coarse"},
        {"regression": "fields", "windows": "fine"},
    ]
    assert name_settings(combinations) == [
        "regression=ridge n_components=5",
        "regression=ridge n_components=9",
        "regression=fields windows=coarse",
        "regression=fields windows=fine",
    ]
    places = [(0.0, 0.0, 1.0), (1.0, 1.0, 2.0)]
    assert settings_of({"regression": "fields", "windows": places}) == [
        {"regression": "fields", "windows": tuple(places)}
    ]
    # What none of them reads is a mistake.
    with pytest.raises(UsageError, match="searches for no shares"):
        settings_of({"regression": ["ridge", "fields"], "n_iter": 3})


def test_windows_are_swept_beside_components(sweep, tmp_path):
    words = (ONE, "-l", "first", "--regression", "fields", "--regression", "ridge", "--fields", "coarse", "--pca", "5")
    told = sweep(*words, "--dry-run").stderr
    assert "2 models" in told
    rows = rows_of(sweep(*words, "--no-nested", "--image-width", "9", "--json"))
    named = sorted({row["run"] for row in rows})
    assert len(named) == 2
    assert "_fields-coarse-9deg_" in named[0]
    assert "_pca5_ridge_" in named[1]
    assert "2 of them done" in sweep(*words, "--image-width", "9", "--dry-run").stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("networks = [", "is no TOML"),
        ("networks = 'alexnet'", "networks: a list was expected"),
        ("nets = ['alexnet']", "there is no setting 'nets' (did you mean networks"),
        ("networks = ['alexnet']\n[train]\npac = 3", "[train]: there is no setting 'pac' (did you mean pca"),
        ("networks = ['alexnet']\n[train]\npca = [3, 0]", "[train]: n_components = 0: a whole number"),
        ("networks = ['alexnet']\n[train]\npca = 3\nn_components = 3", "the same"),
        ("networks = ['alexnet']\n[features]\npool = 0", "pool = 0: a whole number"),
        ("networks = ['alexnet']\ntrain = 3", "train: a table was expected"),
        ("[[network]]\nlayers = ['a']", "network 1: name = None: a name was expected"),
        (
            "[[network]]\nname = 'alexnet'\nlayer = ['a']",
            "network 1 (alexnet): there is no setting 'layer' (did you mean layers",
        ),
        ("networks = ['resnet18']\n[[network]]\nname = 'alexnet'\nlayers = 3", "network 2 (alexnet): layers = 3"),
        ("networks = ['resnet18']\n[[network]]\nname = 'alexnet'\ndtype = 'float64'", "dtype = 'float64' is not known"),
        ("layers = 4\nnetworks = ['resnet18']", "layers = 4"),
        ("", "a sweep needs networks"),
    ],
)
def test_a_file_is_checked_field_by_field(sweep, tmp_path, text, told):
    (tmp_path / "sweep.toml").write_text(text)
    result = sweep("--from", "sweep.toml")
    assert result.exit_code in (2, 3), result.output
    assert "sweep.toml" in result.stderr
    assert told in result.stderr


def test_a_file_says_what_options_say(sweep, tmp_path, monkeypatch):
    # Where memory is short each network has a pass of its own, and is loaded again for it.
    monkeypatch.setattr("algocli.pipeline.sweep_prepared.available_memory", lambda: 0)
    (tmp_path / "sweep.toml").write_text(
        f"""
        networks = ["{ONE}"]
        layers = ["first", "absent*", "second"]
        [[network]]
        name = "{TWO}"
        layers = "first"
        pool = ["none", 2]
        [features]
        dtype = "float32"
        [train]
        pca = [3, 5]
        regression = "ridge"
        """
    )
    result = sweep("--from", "sweep.toml", "--pca", 4, "--dry-run", "--json")
    assert result.exit_code == 2
    assert "absent*" in result.stderr
    (tmp_path / "sweep.toml").write_text((tmp_path / "sweep.toml").read_text().replace(', "absent*"', ""))
    result = sweep("--from", "sweep.toml", "--pca", 4, "--json")
    assert json.loads(result.stdout)["plan"]["passes"] == [[ONE], [TWO]]
    rows = rows_of(result)
    models = dict.fromkeys((row["model"], row["layer"], row["settings"]) for row in rows)
    assert list(models) == [
        (ONE, "first", ""),
        (ONE, "second", ""),
        (TWO, "first", "pool='none'"),
        (TWO, "first", "pool=2"),
    ]
    (run, *_) = dict.fromkeys(row["run"] for row in rows)
    assert "pca4_ridge" in run


def test_the_file_that_the_help_shows_runs(sweep, tmp_path, home):
    shown = CliRunner().invoke(app, ["sweep", "--help"]).stdout
    assert all(line in shown for line in SWEEP_FILE.splitlines())
    (tmp_path / "sweep.toml").write_text(SWEEP_FILE)
    result = sweep("--from", "sweep.toml", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    plan = json.loads(result.stdout)["plan"]
    assert [(layer["model"], layer["layer"]) for layer in plan["layers"]] == [
        ("alexnet", "features.2"),
        ("alexnet", "features.5"),
        ("alexnet", "features.12"),
        ("alexnet", "features.12"),
        ("resnet18", "layer1"),
        ("resnet18", "layer2"),
    ]
    assert plan["passes"] == [["alexnet", "resnet18"]]


def test_the_best_of_each_roi_is_chosen_as_nested_chooses_it(sweep, tmp_path):
    result = sweep(ONE, TWO, "-l", "first", "--pca", 3, "--json", "--csv", tmp_path / "rows.csv")
    assert result.exit_code == 0, result.output
    best = {(row["hemisphere"], row["roi"]): row for row in json.loads(result.stdout)["best"]}
    runs = algocli.find_runs(tmp_path / "cache", list(dict.fromkeys(row["run"] for row in rows_of(result))))
    by_hand = algocli.nested(runs, intervals=False)
    assert len(best) == len(by_hand.rows)
    for row in by_hand.rows:
        told = best[row.hemisphere, row.roi]
        names = (told["run"], told["mean_r"], told["naive_run"], told["naive_mean_r"])
        assert names == (row.run, row.mean_r, row.naive_run, pytest.approx(row.naive_mean_r))
    assert (tmp_path / "rows.nested.csv").exists()
    # Of models that held out other images none can be chosen so.
    other = sweep(ONE, "-l", "first", "--pca", 3, "--seed", 1, "--seed", 2)
    assert other.exit_code == 0, other.output
    assert "no choice in inner folds: " in other.stderr
    assert "looks better on the images that it was chosen by" in other.stderr


def test_networks_are_grouped_and_the_best_stands_first(sweep):
    result = sweep(ONE, TWO, "--pca", 3)
    assert result.exit_code == 0, result.output
    table = result.stdout.partition("both hemispheres")[2].splitlines()[1:]
    shown, group = {}, ""
    for line in table:
        words = line.split()
        if len(words) == 1:
            group = words[0]
        elif words and group:
            shown.setdefault(group, []).append(float(words[1].rstrip("*")))
    assert set(shown) == {ONE, TWO}
    assert all(r == sorted(r, reverse=True) for r in shown.values())
    firsts = [r[0] for r in shown.values()]
    assert firsts == sorted(firsts, reverse=True)


def test_from_python_it_returns_rows_a_figure_and_what_failed(subject, home, tmp_path):
    networks = [{"name": ONE, "layers": "first"}, {"name": LARGE, "layers": ["first"]}]
    said: list[str] = []
    found = algocli.sweep(subject, networks, n_components=3, cache_dir=tmp_path / "cache", note=said.append)
    assert [run.settings.n_components for run in found.runs] == [3]
    assert list(found.failed) == [LARGE]
    assert any(f"{LARGE} failed" in line for line in said)
    best = {(row.hemisphere, row.roi): row.naive_mean_r for row in found.best}
    assert best == {(row.hemisphere, row.roi): row.mean_r for row in found.rows}
    assert found.plot(tmp_path / "x.svg").axes
    assert repr(found) == "Sweep(1 of 2 models, 1 failed)"
    with pytest.raises(UsageError, match="did you mean n_components"):
        algocli.sweep(subject, ONE, n_component=3, cache_dir=Path("nowhere"))
