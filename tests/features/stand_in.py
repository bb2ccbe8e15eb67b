"""A network that is made in no time: what surrounds a network can be tested without a real one."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import torch

from algocli.features.backbones import Backbone, Layer
from algocli.features.preprocessing import Transform

SIZE = 32


class Edges(torch.nn.Module):
    """One convolution with weights from a formula; `gain` scales them, `seconds` is slept for each batch."""

    def __init__(self, gain: float = 1.0, seconds: float = 0.0) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, kernel_size=4, stride=4, bias=False)
        steps = torch.arange(self.conv.weight.numel(), dtype=torch.float64)
        weights = torch.sin(1 + steps).to(torch.float32).reshape(self.conv.weight.shape)
        self.conv.weight = torch.nn.Parameter(gain * weights, requires_grad=False)
        self.seconds = seconds

    def forward(self, images: torch.Tensor) -> dict[str, Any]:
        """Return the only layer by its name, as a cut network does."""
        time.sleep(self.seconds)
        return {"edges": self.conv(images)}


def stand_in(*, gain: float = 1.0, seconds: float = 0.0) -> Backbone:
    """Return a backbone of 5 x 8 x 8 features for images resized to 32 x 32."""
    network = Edges(gain, seconds)
    weights = hashlib.sha256(network.conv.weight.numpy().tobytes()).hexdigest()
    side = SIZE // 4
    layer = Layer("edges", (5, side, side))
    return Backbone("stand-in", (layer,), network, Transform(size=SIZE), "a formula", {"edges": weights})
