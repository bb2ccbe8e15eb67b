"""torch's compiler, put off until somebody asks for it.

Loading it takes two seconds of every command that needs a network, and nothing here compiles. Libraries of networks
mention it while they are being imported: one asks whether it runs here, another keeps it from some of its functions.
torch itself loads it to keep it from whatever listens to single operations.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, TypeVar

Mode = TypeVar("Mode")
_COMPILER, _ANSWERS = "torch._dynamo", "torch._dynamo.utils"


@contextmanager
def put_off() -> Iterator[None]:
    """Stand in for the compiler while a library is being imported; one that is loaded already stays."""
    import torch

    if _COMPILER in sys.modules:
        yield
        return
    deferred = ModuleType(_ANSWERS)
    deferred.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    sys.modules[_ANSWERS] = deferred
    disable = torch.compiler.disable
    torch.compiler.disable = functools.partial(_disable, disable)
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if sys.modules.get(_ANSWERS) is deferred:
            del sys.modules[_ANSWERS]


def compiler_put_off(mode: type[Mode]) -> type[Mode]:
    """Let a class that listens to torch's operations run without the compiler, from which torch would keep it.

    Where that is loaded, by a network that is compiled, it is kept from it as ever.
    """
    kept = vars(mode)["__torch_dispatch__"]
    plain = inspect.unwrap(kept)

    @functools.wraps(plain)
    def listen(self: Any, *operation: Any, **more: Any) -> Any:
        heard = kept if _COMPILER in sys.modules else plain
        return heard(self, *operation, **more)

    mode.__torch_dispatch__ = listen  # type: ignore[attr-defined]
    return mode


def _is_compile_supported(device_type: str) -> bool:
    is_supported: bool = importlib.import_module(_ANSWERS).is_compile_supported(device_type)
    return is_supported


def _disable(disable: Any, function: Any = None, *how: Any, **more: Any) -> Any:
    """Keep the compiler from a function, which asks for that once it is being compiled."""
    import torch

    if not inspect.isfunction(function):
        return disable(function, *how, **more)

    @functools.wraps(function)
    def kept(*args: Any, **options: Any) -> Any:
        called = disable(function, *how, **more) if torch.compiler.is_compiling() else function
        return called(*args, **options)

    return kept
