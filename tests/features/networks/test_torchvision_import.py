"""torchvision without torch's compiler."""

from __future__ import annotations

import subprocess
import sys

LIGHT = "import sys; from algocli.features.networks.torchvision_import import torchvision; "


def run(code: str) -> str:
    """Run some code in an interpreter of its own and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_the_compiler_is_not_loaded_and_nothing_stays_in_its_place() -> None:
    assert run(LIGHT + "print([name for name in sys.modules if name.startswith('torch._dynamo')])") == "[]"


def test_the_compiler_answers_once_it_is_asked() -> None:
    deferred = "r = sys.modules['torchvision.ops.roi_align']; print(r.is_compile_supported('cpu')); "
    real = "import torch._dynamo.utils as u; "
    told = run(LIGHT + deferred + real + "print(u.is_compile_supported('cpu'), u is r)")
    first, second = told.split("\n")
    assert second == f"{first} False"


def test_a_compiler_that_is_there_already_stays() -> None:
    assert run("import torch._dynamo.utils as u; " + LIGHT + "print(sys.modules['torch._dynamo.utils'] is u)") == "True"
