"""A network that is made in no time: what surrounds a network can be tested without a real one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import torch

from algocli.features.networks.backbones import Backbone, Layer
from algocli.features.networks.preprocessing import Transform

SIZE = 32
# 320, 12,288 and 48 features.
SHAPES = {"edges": (5, SIZE // 4, SIZE // 4), "wide": (12, SIZE, SIZE), "corner": (3, 4, 4)}


class Edges(torch.nn.Module):
    """One convolution with weights from a formula; `gain` scales them, `seconds` is slept for each batch."""

    def __init__(self, layers: Sequence[str], gain: float = 1.0, seconds: float = 0.0) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, kernel_size=4, stride=4, bias=False)
        steps = torch.arange(self.conv.weight.numel(), dtype=torch.float64)
        weights = torch.sin(1 + steps).to(torch.float32).reshape(self.conv.weight.shape)
        self.conv.weight = torch.nn.Parameter(gain * weights, requires_grad=False)
        self.layers = layers
        self.seconds = seconds

    def forward(self, images: torch.Tensor) -> dict[str, Any]:
        """Return the layers by their names, as a cut network does."""
        time.sleep(self.seconds)
        every = {"edges": self.conv(images), "wide": images.repeat(1, 4, 1, 1), "corner": images[:, :, :4, :4]}
        return {layer: every[layer] for layer in self.layers}


def stand_in(layers: Sequence[str] = ("edges",), *, gain: float = 1.0, seconds: float = 0.0) -> Backbone:
    """Return a backbone for images resized to 32 x 32, its layers in the order in which they are given."""
    network = Edges(layers, gain, seconds)
    weights = hashlib.sha256(network.conv.weight.numpy().tobytes()).hexdigest()
    return Backbone(
        "stand-in",
        tuple(Layer(name, SHAPES[name]) for name in layers),
        network,
        Transform(size=SIZE),
        "a formula",
        dict.fromkeys(layers, weights),
    )
