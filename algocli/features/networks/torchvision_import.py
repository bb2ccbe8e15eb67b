"""torchvision, imported without torch's compiler.

One of its operations, of which no classifier makes use, asks that compiler whether it runs here, and loading it would
take two seconds of every command that needs a network. The question is put off until somebody asks it.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_COMPILER = "torch._dynamo.utils"


def _is_compile_supported(device_type: str) -> bool:
    is_supported: bool = importlib.import_module(_COMPILER).is_compile_supported(device_type)
    return is_supported


def _import() -> ModuleType:
    # In its place only for as long as torchvision is being imported, and never once the compiler has been loaded.
    deferred = ModuleType(_COMPILER)
    deferred.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    stands_in = sys.modules.setdefault(_COMPILER, deferred) is deferred
    try:
        return importlib.import_module("torchvision")
    finally:
        if stands_in:
            del sys.modules[_COMPILER]


torchvision = _import()

# Only now, when the package is there.
from torchvision.models.feature_extraction import NodePathTracer  # noqa: E402

__all__ = ["NodePathTracer", "torchvision"]
