"""torchvision, imported without torch's compiler."""

from __future__ import annotations

import importlib

from algocli.features.networks.compiler import put_off

with put_off():
    torchvision = importlib.import_module("torchvision")

# Only now, when the package is there.
from torchvision.models.feature_extraction import NodePathTracer

__all__ = ["NodePathTracer", "torchvision"]
