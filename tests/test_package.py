"""The package as its users import it."""

from __future__ import annotations

import subprocess
import sys

import algocli


def test_every_public_name_resolves():
    for name in algocli.__all__:
        assert getattr(algocli, name).__name__ == name


def test_the_public_names_are_few():
    assert len(algocli.__all__) <= 10


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(algocli, "Nonsense")


def test_importing_the_package_imports_nothing_else():
    code = "import sys, algocli; print([m for m in sys.modules if m.startswith('algocli.') or m == 'numpy'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
