"""Layers that are chosen for whoever names none: spread over a network's depth, where it is divided."""

from __future__ import annotations

import pytest

from algocli.features.networks.backbones import list_layers
from algocli.features.networks.layers import Layer, resolve_layers
from algocli.features.networks.spread import spread


@pytest.mark.parametrize(
    ("model", "chosen"),
    [
        ("alexnet", ["features.2", "features.6", "features.9", "avgpool"]),
        ("resnet18", ["layer1", "layer2", "layer3", "layer4"]),
        ("mobilenet_v2", ["features.5", "features.9", "features.13", "features.17"]),
        ("timm/vit_tiny_patch16_224", ["blocks.2", "blocks.5", "blocks.8", "blocks.11"]),
    ],
)
def test_they_are_stages_and_blocks_at_even_distances(model: str, chosen: list[str]) -> None:
    if model.startswith("timm/"):
        pytest.importorskip("timm")
    layers = list_layers(model)
    found = spread(layers)
    assert found == chosen
    assert resolve_layers(found, [layer.name for layer in layers]) == found


def test_of_few_layers_all_are_taken_and_a_network_without_places_has_some_too() -> None:
    assert spread([Layer("a", (3, 4, 4)), Layer("b", (3, 4, 4))]) == ["a", "b"]
    assert spread([Layer(name, (10,)) for name in ("one", "two", "three")]) == ["one", "two", "three"]
    assert spread([Layer("maps", (3, 4, 4)), Layer("head", (10,))]) == ["maps"]
