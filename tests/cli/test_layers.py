"""`algocli layers` as a shell sees it."""

from __future__ import annotations

import json

import pytest
import torch
from typer.testing import CliRunner

from algocli.cli import app


def layers(*words):
    return CliRunner().invoke(app, ["layers", *words])


def test_alexnets_layers_are_listed_in_the_order_of_the_forward_pass():
    result = layers("alexnet")
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()[2:]]
    by_name = {row[0]: row[1:] for row in rows if row}
    assert by_name["features.2"] == ["64", "x", "27", "x", "27", "46,656", "933"]
    assert by_name["classifier.6"] == ["1000", "1,000", "20"]
    assert list(by_name)[:3] == ["features", "features.0", "features.1"]
    assert list(by_name)[-1] == "classifier.6"
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_json_is_the_same_list():
    result = layers("squeezenet1_1", "--json")
    printed = json.loads(result.stdout)
    assert printed["model"] == "squeezenet1_1"
    assert printed["rows"][1] == {
        "layer": "features.0",
        "shape": [64, 111, 111],
        "n_features": 788_544,
        "n_bytes_subject": 15_770_880_000,
        "stands_for": None,
    }
    assert [printed["rows"][0][key] for key in ("layer", "stands_for")] == ["features", "features.12.cat"]


def test_the_header_says_what_the_megabytes_are_of():
    assert "10,000 images in float16" in layers("squeezenet1_1").stdout.splitlines()[0]


def test_the_shapes_are_those_of_the_transform_asked_for():
    rows = json.loads(layers("inception_v3", "--transform", "model", "--json").stdout)["rows"]
    shapes = {row["layer"]: row["shape"] for row in rows}
    # (299 - 3) / 2 + 1
    assert shapes["Conv2d_1a_3x3.conv"] == [32, 149, 149]


def test_a_repositorys_code_needs_leave_to_run(tmp_path):
    (tmp_path / "hubconf.py").write_text("raise SystemError")
    result = layers(f"torchhub:{tmp_path}:net")
    assert result.exit_code == 2
    assert "--trust-remote-code" in result.stderr


@pytest.mark.parametrize(("model", "meant"), [("alexnt", "alexnet"), ("vgg", "vgg")])
def test_an_unknown_model_is_a_usage_error_with_a_suggestion(model, meant):
    result = layers(model)
    assert result.exit_code == 2
    assert f"no classifier '{model}'" in result.stderr
    assert "did you mean" in result.stderr
    assert meant in result.stderr
    assert result.stdout == ""


def test_images_that_are_prepared_otherwise_than_the_weights_ask_for_are_told():
    told = layers("alexnet").stderr
    assert told.startswith("images for alexnet: 224 x 224 squeezed, bilinear, ImageNet mean and std; its weights ask")
    assert len(told.splitlines()) == 1
    assert layers("squeezenet1_1").stderr == ""
    assert layers("alexnet", "--quiet").stderr == layers("alexnet", "--transform", "model").stderr == ""


def test_a_filter_keeps_its_part_of_the_tree_indented():
    lines = layers("squeezenet1_1", "features.12", "classifier.[01]", "--quiet").stdout.splitlines()[2:]
    assert [line.split()[0] for line in lines][-2:] == ["classifier.0", "classifier.1"]
    indents = {line.split()[0]: len(line) - len(line.lstrip()) for line in lines}
    assert indents["features.12.expand1x1"] - indents["features.12"] == 2
    assert next(iter(indents)) == "features.12"
    assert {name.split(".")[0] for name in indents} == {"features", "classifier"}


def test_weights_are_checked_for_the_layers_that_are_listed(tmp_path):
    from torchvision.models import squeezenet1_1

    state = squeezenet1_1(weights=None).state_dict()
    trunk = {name: tensor for name, tensor in state.items() if name.startswith("features")}
    for name, tensors in {"whole": state, "trunk": trunk, "other": {"a.weight": state["classifier.1.bias"]}}.items():
        torch.save(tensors, tmp_path / f"{name}.pth")
    listed = layers("squeezenet1_1", "--json").stdout
    assert layers("squeezenet1_1", "--weights", str(tmp_path / "whole.pth"), "--json").stdout == listed
    trunk_file = str(tmp_path / "trunk.pth")
    assert layers("squeezenet1_1", "features.12", "--weights", trunk_file).exit_code == 0
    for words, said in [
        (("classifier", "--weights", trunk_file), "trunk.pth lacks classifier.1."),
        (("--weights", trunk_file), "trunk.pth lacks classifier.1."),
        (("features.12", "--weights", str(tmp_path / "other.pth")), "other.pth lacks features."),
        (("--weights", str(tmp_path / "nowhere.pth")), "there is no weights file"),
        (("--weights", "nonsense"), "has no weights 'nonsense'"),
    ]:
        result = layers("squeezenet1_1", *words)
        assert (result.exit_code, result.stdout) in ((2, ""), (3, "")), result.output
        assert said in result.stderr


def test_an_outline_has_the_uppermost_names_alone():
    rows = json.loads(layers("squeezenet1_1", "--depth", "1", "--json").stdout)["rows"]
    assert [row["layer"] for row in rows] == ["features", "classifier", "flatten"]


def test_a_pattern_that_fits_nothing_is_met_with_the_nearest():
    result = layers("squeezenet1_1", "features[12].squeeze")
    assert result.exit_code == 2
    assert "no layer 'features[12].squeeze' (did you mean features.12.squeeze?)" in result.stderr
