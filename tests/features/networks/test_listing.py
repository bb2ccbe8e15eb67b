"""The tree of a network's layers: whatever it lists can be asked for, and yields what was said."""

from __future__ import annotations

import pytest
import torchvision

from algocli.errors import UsageError
from algocli.features.networks.backbones import load_backbone
from algocli.features.networks.layers import Layer, no_layer, resolve_layers
from algocli.features.networks.listing import list_names


def test_modules_come_before_what_is_inside_them_and_all_is_listed() -> None:
    listed = [layer.name for layer in list_names("resnet18")]
    modules = {name for name, _ in torchvision.models.resnet18(weights=None).named_modules() if name}
    assert modules <= set(listed)
    for place, name in enumerate(listed):
        assert name.rpartition(".")[0] in ("", *listed[:place])
    tops = [name for name in listed if "." not in name]
    assert tops[:5] == ["conv1", "bn1", "relu", "maxpool", "layer1"]


def test_a_module_yields_what_the_layer_does_that_it_stands_for() -> None:
    listed = {layer.name: layer for layer in list_names("resnet18", ["layer1", "layer2.0.d*"])}
    assert listed["layer1"].stands_for == "layer1.1.relu_1"
    assert "layer2.0.conv1" not in listed
    backbone = load_backbone("resnet18", ["layer1", "layer2.0.downsample"], "random")
    assert backbone.layers == tuple(Layer(name, listed[name].shape) for name in ("layer1", "layer2.0.downsample"))


MANY = [f"layer{stage}.{block}.{part}" for stage in range(1, 5) for block in range(6) for part in ("conv1", "relu")]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Layer3.2.relu", "layer3.2.relu"),
        ("layer3[2].relu", "layer3.2.relu"),
        ("layer3/2/relu", "layer3.2.relu"),
        ("layer3.2.conv1.weight", "layer3.2.conv1"),
        ("model.layer3.2.conv1", "layer3.2.conv1"),
        ("module.backbone.layer3.2.conv1", "layer3.2.conv1"),
        ("layer3.2.conv", "layer3.2.conv1"),
        ("layr3.2.relu", "layer3.2.relu"),
    ],
)
def test_of_many_names_the_nearest_are_told_and_the_uppermost_listed(word: str, meant: str) -> None:
    said = no_layer(word, ["conv1", *MANY, "fc"], "net").message
    assert f"did you mean {meant}" in said
    assert said.endswith("it has 50, in:\n  conv1, layer1, layer2, layer3, layer4, fc")


def test_a_module_is_told_where_it_is_nearest() -> None:
    with pytest.raises(UsageError, match=r"no layer 'layer7' \(did you mean layer\d or layer\d or layer\d\?\)"):
        resolve_layers(["layer7"], MANY, "net")
