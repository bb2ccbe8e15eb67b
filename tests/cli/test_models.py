"""`algocli models` as a shell sees it, held against torchvision and timm themselves."""

from __future__ import annotations

import json
import re

import pytest
import torchvision
from typer.testing import CliRunner

from algocli.cli import app


def models(*words):
    return CliRunner().invoke(app, ["models", *words])


def test_a_network_is_listed_with_its_sizes_and_weights():
    result = models("wide_resnet50_2", "--quiet")
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()[2:]}
    # As torchvision's own documentation has it.
    assert rows["wide_resnet50_2"] == ["68.9", "224", "IMAGENET1K_V1,", "IMAGENET1K_V2"]
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_every_classifier_of_torchvision_is_listed_and_the_numbers_of_timms_are_right():
    timm = pytest.importorskip("timm")
    rows = {row["model"]: row for row in json.loads(models("--json").stdout)["rows"]}
    assert set(torchvision.models.list_models(module=torchvision.models)) <= set(rows)
    assert {f"timm/{name}" for name in timm.list_models()} <= set(rows)
    assert rows["inception_v3"]["image_size"] == 299
    assert rows["timm/resnet10t"]["n_parameters"] is None
    (row,) = json.loads(models("TIMM/ResNet10t", "--json").stdout)["rows"]
    assert row["n_parameters"] == sum(p.numel() for p in timm.create_model("resnet10t").parameters())
    assert row["weights"] == ["c3_in1k"]


def test_weights_are_found_by_their_names_too():
    pytest.importorskip("timm")
    rows = json.loads(models("*patch16_224.dino", "--json").stdout)["rows"]
    assert {row["model"] for row in rows} == {"timm/vit_small_patch16_224", "timm/vit_base_patch16_224"}


def test_what_fits_nothing_is_met_with_the_nearest():
    result = models("resnet_50")
    assert result.exit_code == 2
    assert "no network is called 'resnet_50' (did you mean resnet50?)" in result.stderr


def test_the_weights_that_the_help_names_are_timms() -> None:
    timm = pytest.importorskip("timm")
    named = re.findall(r"timm/(\w+\.\w+)", models("--help").stdout)
    assert len(named) == 6
    assert set(named) <= set(timm.list_pretrained())
