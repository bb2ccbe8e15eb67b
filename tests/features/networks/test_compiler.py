"""torch's compiler, put off while libraries are being imported."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from algocli.features.networks.compiler import compiler_put_off, put_off


@pytest.mark.parametrize("library", ["timm", "open_clip"])
def test_a_library_of_networks_is_imported_without_the_compiler(library: str) -> None:
    pytest.importorskip(library)
    code = f"import sys; from algocli.features.networks.compiler import put_off\nwith put_off(): import {library}\n"
    code += "print([name for name in sys.modules if name.startswith('torch._dynamo')])"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


def test_a_network_is_tried_without_the_compiler() -> None:
    code = """
import sys, torch
from algocli.features.networks.backbones import load_backbone
from algocli.features.networks.trial import try_network
try_network(load_backbone("squeezenet1_1", ["*"], "random:0"), "cpu", "float32")
print([name for name in sys.modules if name.startswith("torch._dynamo")])
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


def test_what_listens_to_operations_is_kept_from_a_compiler_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            heard.append(func)
            return func(*args, **(kwargs or {}))

    heard: list[Any] = []
    kept = Listening.__torch_dispatch__
    monkeypatch.setattr(kept.__wrapped__, "__dynamo_disable", lambda *words: asked.append(words), raising=False)
    asked: list[Any] = []
    compiler_put_off(Listening)
    for name in [name for name in sys.modules if name.startswith("torch._dynamo")]:
        monkeypatch.delitem(sys.modules, name)
    with Listening():
        torch.ones(2).add(1)
    assert (len(heard), len(asked)) == (2, 0)
    monkeypatch.setitem(sys.modules, "torch._dynamo", ModuleType("torch._dynamo"))
    with Listening():
        torch.ones(2)
    assert (len(heard), len(asked)) == (2, 1)


def test_what_is_kept_from_the_compiler_runs_as_it_is_and_is_kept_from_it_once_that_compiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def disable(function: Any, *how: Any, **more: Any) -> Any:
        asked.append((function.__name__, how, more))
        return lambda *numbers: -sum(numbers)

    monkeypatch.setattr(torch.compiler, "disable", disable)
    for name in [name for name in sys.modules if name.startswith("torch._dynamo")]:
        monkeypatch.delitem(sys.modules, name)
    with put_off():

        @torch.compiler.disable
        def total(one: int, other: int) -> int:
            return one + other

    assert torch.compiler.disable is disable
    assert (total(2, 3), total.__name__, asked) == (5, "total", [])
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert total(2, 3) == -5
    assert asked == [("total", (), {})]
