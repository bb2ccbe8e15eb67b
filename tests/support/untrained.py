"""What stands in for a download: the weights of a network that was never trained, the same each time."""

from __future__ import annotations

from typing import Any

import torch
import torchvision


def untrained(model: str, _entry: object) -> dict[str, Any]:
    """Return a state dict of one of torchvision's networks."""
    torch.manual_seed(1)
    return torchvision.models.get_model(model, weights=None).state_dict()
