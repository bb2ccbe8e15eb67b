"""The package as its users import it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import algocli
from algocli import pipeline

ROOT = Path(__file__).parents[1]


def test_every_public_name_resolves():
    for name in algocli.__all__:
        assert getattr(algocli, name).__name__ == name


def test_every_public_name_has_a_home_and_every_home_is_public():
    assert list(algocli._HOMES) == algocli.__all__
    assert {name for name in pipeline._HOMES if name in algocli.__all__} == set(pipeline._HOMES)


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(algocli, "Nonsense")


def test_importing_the_package_imports_nothing_else():
    code = "import sys, algocli; print([m for m in sys.modules if m.startswith('algocli.') or m == 'numpy'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_instruction_to_install_starts_from_the_source():
    # By name, pip would fetch another project's package.
    tool = r"\b(?:pip3?|pipx|uvx?|poetry|pdm|conda|mamba)\b[^\n]*?\b(?:install|add|run)\b"
    by_name = re.compile(tool + r"[^\n]*?[\s'\"=]algocli(?!'s|[\w.-])")
    # Put together here, as this file is read too.
    name = algocli.__name__
    for words in (f"python -m pip install -U '{name}[timm]'", f"uvx pip install {name}==0.1", f"pip install {name}"):
        assert by_name.search(words)
    assert not by_name.search("pip install -e '.[timm]'")
    assert not by_name.search(f"pip install dist/{name}-0.1.0-py3-none-any.whl")
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in ("algocli", "cache", "tests", ".github", ".ci"):
        files += [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    # What other processes of the tests write here meanwhile comes and goes.
    files = [path for path in files if "__pycache__" not in path.parts and not path.name.startswith(".coverage")]
    texts = {path: path.read_bytes().decode(errors="ignore") for path in files if path.suffix != ".png"}
    assert len(texts) > 400
    assert [str(path) for path, text in texts.items() if by_name.search(text)] == []


def test_every_extra_that_a_hint_names_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        extra
        for path in [ROOT / "README.md", *(ROOT / "algocli").rglob("*.py")]
        for extra in re.findall(r"install_hint\([\"']([\w-]+)|pip install -e '\.\[([\w-]+)\]", path.read_text())
        for extra in extra
        if extra
    }
    assert {"timm", "banded", "fast"} <= named <= set(extras)


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_the_package(tmp_path):
    words = ["-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run([sys.executable, *words], check=True)
    (wheel,) = tmp_path.glob("algocli-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("algocli/")}
    files = {path for path in (ROOT / "algocli").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {str(path.relative_to(ROOT)) for path in files}


def test_what_git_ignores_hides_no_part_of_the_package():
    # A wheel leaves out what git ignores: a folder's bare name would hide a room of that name.
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if not line.startswith("/")}
    rooms = {path.name for path in (ROOT / "algocli").rglob("*") if path.is_dir() and path.name != "__pycache__"}
    assert "demo" in rooms
    assert rooms & ignored == set()
