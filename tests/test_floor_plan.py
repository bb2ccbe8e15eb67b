"""The plan on the wall is of this house: every path that it names exists, and every room is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAN = (ROOT / "algocli" / "README.md").read_text(encoding="utf-8")
GUIDE = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATH = re.compile(r"`([\w./-]+(?:/|\.py|\.md))`")


def test_every_path_of_the_plan_exists() -> None:
    named = PATH.findall(PLAN)
    assert len(named) > 40
    # Rooms within rooms are named by their own name alone, in the line of their room.
    inner = {f"{folder.name}/" for folder in (ROOT / "algocli").glob("*/*") if folder.is_dir()}
    missing = [name for name in named if not ((ROOT / "algocli" / name).exists() or (ROOT / name).exists())]
    assert [name for name in missing if name not in inner] == []


def test_every_room_is_on_the_plan() -> None:
    folders = {f"{path.parent.name}/" for path in (ROOT / "algocli").glob("*/__init__.py")}
    rooms = folders | {path.name for path in (ROOT / "algocli").glob("*.py")} - {"__init__.py", "__main__.py"}
    listed = set(re.findall(r"^\| `([\w./]+)` \|", PLAN, re.MULTILINE))
    assert rooms <= listed


@pytest.mark.parametrize("line", re.findall(r"^\$ (.+)$", GUIDE, re.MULTILINE))
def test_what_the_guide_says_to_type_exists(line: str) -> None:
    words = line.split("#")[0].split()
    if words[0] == "make":
        makefile = (ROOT / "Makefile").read_text()
        assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in words[1:])
    else:
        assert words[:3] == [".venv/bin/python", "-m", "pytest"]
        assert all((ROOT / word).is_file() for word in words if word.startswith("tests/"))
