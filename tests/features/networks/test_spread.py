"""Layers that are chosen for whoever names none: spread over a network's depth, where it is divided."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from algocli.features.networks import backbones
from algocli.features.networks.backbones import list_layers, load_backbone, measure
from algocli.features.networks.graphs import Graph
from algocli.features.networks.layers import Layer, resolve_layers
from algocli.features.networks.network import Network
from algocli.features.networks.spread import spread

# Code that decides by what it is given, so that it cannot be traced.
DECIDING = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = torch.nn.ModuleList([torch.nn.Conv2d(3, 3, 3, 2) for _ in range(5)])

    def forward(self, images):
        for step in self.steps:
            images = step(images)
            if images.isnan().any():
                break
        return images


def net():
    torch.manual_seed(0)
    return Net().eval()
"""


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


@pytest.mark.parametrize(("model", "n_measured"), [("squeezenet1_1", 66), ("python:deciding:net", 5)])
def test_a_network_is_measured_once_where_its_layers_are_chosen_by_their_sizes(
    model: str, n_measured: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deciding.py").write_text(DECIDING)
    monkeypatch.syspath_prepend(tmp_path)
    tried: list[int] = []
    try_out = backbones._try_out

    def counted(built: Network, network: Any) -> Any:
        found = try_out(built, network)
        tried.append(len(found[0]))
        return found

    def choose(built: Network, graph: Graph) -> list[str]:
        return spread(measure(built, graph, graph.names, ["*"]))

    monkeypatch.setattr(backbones, "_try_out", counted)
    chosen = load_backbone(model, choose, "pretrained" if model.startswith("python:") else "random")
    assert tried == [n_measured]
    names = [layer.name for layer in chosen.layers]
    monkeypatch.setattr(backbones, "_try_out", try_out)
    alone = load_backbone(model, names, "pretrained" if model.startswith("python:") else "random")
    assert chosen.layers == alone.layers
    assert [chosen.identity(name) for name in names] == [alone.identity(name) for name in names]


def test_of_few_layers_all_are_taken_and_a_network_without_places_has_some_too() -> None:
    assert spread([Layer("a", (3, 4, 4)), Layer("b", (3, 4, 4))]) == ["a", "b"]
    assert spread([Layer(name, (10,)) for name in ("one", "two", "three")]) == ["one", "two", "three"]
    assert spread([Layer("maps", (3, 4, 4)), Layer("head", (10,))]) == ["maps"]
