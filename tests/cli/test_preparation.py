"""Where a user reads how images were prepared, and with which command the same is had again."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from algocli.cli import app
from tests.support.challenge import write_tiny_challenge

_TOLD = "images for {}: 224 x 224 squeezed, bilinear, ImageNet mean and std; its weights ask for: shorter side 256"
ALEXNETS, RESNETS = _TOLD.format("alexnet"), _TOLD.format("resnet18")
RESNET = ("--model", "resnet18", "-l", "conv1", "--weights", "random:0", "--pool", "4")


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A challenge of one subject, and a cache with AlexNet's features and ResNet-18's, prepared in two ways."""
    home = tmp_path_factory.mktemp("prepared")
    write_tiny_challenge(home / "challenge", (1,), n_train=30, n_test=3, image_size=64, known_test=False)
    where = ("--data-dir", home / "challenge", "--cache-dir", home / "cache")
    said = {}
    said["alexnet"] = run("extract", "--weights", "random:0", "-l", "features.0", "--pool", 4, *where)
    said["own"] = run("extract", *RESNET, *where)
    said["tutorial"] = run("extract", *RESNET, "--transform", "tutorial", *where)
    assert [result.exit_code for result in said.values()] == [0] * 3
    return where, {name: result.stderr for name, result in said.items()}


def flat(text):
    return " ".join(text.split())


def test_extracting_tells_what_the_weights_do_not_ask_for(folders):
    _, said = folders
    assert said["alexnet"].count(ALEXNETS) == 1
    assert "images for resnet18" not in said["own"]
    assert said["tutorial"].count(RESNETS) == 1


def test_two_preparations_of_a_layer_are_listed_with_what_they_are(folders):
    where, _ = folders
    result = run("train", "--model", "resnet18", "-l", "conv1", *where)
    assert result.exit_code == 2
    assert "2 kinds of features of resnet18 conv1 are cached" in result.stderr
    told = flat(result.stderr)
    assert "(--transform model; shorter side 256, centre 224, bilinear, ImageNet mean and std)" in told
    assert "(--transform tutorial; 224 x 224 squeezed, bilinear, ImageNet mean" in told


def test_the_list_of_the_cache_says_it_below_each(folders):
    where, _ = folders
    result = run("cache", "list", *where[2:])
    shown = flat(result.stdout)
    assert ALEXNETS in shown
    assert shown.count("images for resnet18") == 1
    assert max(map(len, result.stdout.splitlines())) <= 80
    rows = json.loads(run("cache", "list", "--json", *where[2:]).stdout)["features"]
    assert sorted(row["preparation"] is None for row in rows) == [False, False, True]


def test_features_prepared_in_either_way_are_what_the_network_says(folders):
    where, _ = folders
    result = run("cache", "verify", *where)
    assert result.exit_code == 0
    assert "3 stores are whole, 6 rows of 3 computed anew" in result.stdout


def test_a_report_and_its_page_say_it(folders, tmp_path):
    where, _ = folders
    rows = json.loads(run("cache", "list", "--json", *where[2:]).stdout)["features"]
    by_preparation = {(row["model"], row["preparation"] is None): row["features"] for row in rows}
    for (model, as_asked), told in {
        ("alexnet", False): ALEXNETS,
        ("resnet18", False): RESNETS,
        ("resnet18", True): None,
    }.items():
        assert run("train", "--features", by_preparation[model, as_asked], "--pca", 5, *where).exit_code == 0
        page = tmp_path / f"{model}{as_asked}.html"
        shown = run("report", "--roi", "All vertices", "--html", page, *where)
        assert shown.exit_code == 0
        assert (told in flat(shown.stdout)) if told else ("images for" not in shown.stdout)
        text = page.read_text()
        used = "shorter side 256, centre 224" if as_asked else "224 x 224 squeezed"
        assert f"{used}, bilinear, ImageNet mean and std" in text
        assert ("the same" if as_asked else "shorter side 256, centre 224") in text
