"""torch's compiler, put off while libraries are being imported."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from algocli.features.networks.compiler import put_off


@pytest.mark.parametrize("library", ["timm", "open_clip"])
def test_a_library_of_networks_is_imported_without_the_compiler(library: str) -> None:
    pytest.importorskip(library)
    code = f"import sys; from algocli.features.networks.compiler import put_off\nwith put_off(): import {library}\n"
    code += "print([name for name in sys.modules if name.startswith('torch._dynamo')])"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


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
