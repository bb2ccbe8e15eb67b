"""The rooms of the package: what each says of itself is what is in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import algocli

PACKAGE = Path(algocli.__file__).parent
# One module a command, called as the command is: nothing to put in an order there.
BY_COMMAND = ("cli", "pipeline")
ROOMS = [
    path.parent
    for path in sorted(PACKAGE.glob("*/**/__init__.py"))
    if path.relative_to(PACKAGE).parts[0] not in BY_COMMAND
]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PACKAGE)))
def test_a_room_names_each_of_its_modules_once_and_nothing_else(room: Path) -> None:
    opening = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    named = re.findall(r"^(\w+/?)  +\S", opening, re.MULTILINE)
    there = {path.stem for path in room.glob("*.py")} - {"__init__"}
    there |= {f"{path.parent.name}/" for path in room.glob("*/__init__.py")}
    assert sorted(named) == sorted(there)


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(PACKAGE)))
def test_a_room_opens_with_one_sentence_on_what_it_is_for(room: Path) -> None:
    opening = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert re.fullmatch(r"[^\n]+[.]", opening.split("\n\n")[0])
