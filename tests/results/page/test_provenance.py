"""What a page tells of a run's making, and the commands to make it again."""

from __future__ import annotations

import json

import pytest

from algocli.encoding.settings import Settings
from algocli.results.page.provenance import describe_settings, provenance
from algocli.results.page.repeating import commands_of
from algocli.runs.opening import open_run

TUTORIALS = {
    "resize": [224, "bilinear"],
    "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225],
}


def write_features(cache, layer, weights="pretrained"):
    """Write a recipe and the beginnings of subject 1's store of it."""
    home = cache / "features" / f"alexnet-{layer}-abc"
    store = home / "subj01-12345678"
    store.mkdir(parents=True)
    identity = {"weights": "d1ge57", "dtype": "float16", "numerics": "float32", "transform": TUTORIALS}
    recipe = {"model": "alexnet", "layer": layer, "weights": weights, "identity": identity}
    (home / "recipe.json").write_text(json.dumps(recipe))
    return home.name


@pytest.fixture
def run(tmp_path):
    """Two layers, subjects 1 and 2, of which one tells all and the other only that it is done."""
    names = tuple(
        write_features(tmp_path / "ca che", layer, "my weights.pth") for layer in ("features.2", "features.5")
    )
    settings = Settings(features=names, n_components=7, seed=11)
    run = open_run(tmp_path / "ca che", "mine", settings)
    run.start_subject(1).finish(
        {
            "finished_at": 86_400.0,
            "data": str(tmp_path / "data/subj01"),
            "inputs": {"features": ["k1", "k2"], "responses": {}},
            "n_train": 9841,
            "seconds": {"gram": 1.25, "left hemisphere": 2.25},
            "versions": {"numpy": "2.4", "algocli": "0.1.0"},
            "command_line": ["/bin/algocli", "train", "--run", "my run"],
        }
    )
    run.start_subject(2).finish({"finished_at": 2.0})
    return run


def test_the_commands_name_folders_features_and_settings(run, tmp_path):
    assert commands_of([(run, [run.subject(1), run.subject(2)])]) == (
        f"export ALGOCLI_DATA_DIR={tmp_path}/data",
        f"export ALGOCLI_CACHE_DIR='{tmp_path}/ca che'",
        "algocli extract --model alexnet -l features.2 -l features.5 --weights 'my weights.pth' -s 1,2",
        "algocli train --features alexnet-features.2-abc --features alexnet-features.5-abc --pca 7 --seed 11 "
        "--run mine -s 1,2",
    )


def test_features_whose_recipe_is_gone_are_named_all_the_same(run, tmp_path):
    (tmp_path / "ca che/features/alexnet-features.2-abc/recipe.json").unlink()
    found = provenance(run, (1,))
    assert [(layer.name, bool(layer.facts)) for layer in found.layers] == [
        ("alexnet-features.2-abc", False),
        ("alexnet-features.5-abc", True),
    ]
    assert "algocli extract --model alexnet -l features.5 --weights 'my weights.pth' -s 1" in commands_of(
        [(run, [run.subject(1)])]
    )


def test_keys_and_digests_are_told(run):
    first, second = provenance(run, (1, 2)).layers
    assert (first.keys, second.keys) == ({1: "k1"}, {1: "k2"})
    assert first.facts["Digest of the weights"] == "d1ge57"
    assert first.facts["Weights"] == "my weights.pth"


def test_what_was_typed_and_what_was_installed_are_told(run):
    found = provenance(run, (1, 2))
    assert found.command_lines == (("algocli train --run 'my run'", "subject 1"),)
    assert found.versions == {"numpy": "2.4", "algocli": "0.1.0"}


def test_a_record_that_tells_nothing_has_dashes(run, tmp_path):
    [group] = provenance(run, (1, 2)).subjects.groups
    full, empty = ([cell.text for cell in row] for row in group.rows)
    assert full == ["Subject 1", "9,841", "–", "–", "–", "3.5", "1970-01-02 00:00", f"{tmp_path}/data/subj01"]
    assert empty == ["Subject 2", "–", "–", "–", "–", "–", "1970-01-01 00:00", "not recorded"]


def test_settings_that_play_no_part_are_not_told():
    one = describe_settings(Settings(("a",)))
    assert not {"Layers joined", "Penalties", "Search"} & set(one)
    banded = describe_settings(Settings(("a", "b"), regression="banded", search_seed=5))
    assert banded["Search"] == "50 draws, seed 5"
    assert banded["Principal components"] == "100 of each layer"
