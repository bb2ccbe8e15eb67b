from __future__ import annotations

import pytest

from algocli.compute.kinds import NUMBER, mismatch

KIND = {"name": str, "shape": [int], "at": NUMBER, "by?": {str: str}, "of": {"subject": (int, str)}}
SOUND = {"name": "a", "shape": [3, 4], "at": 1.5, "by": {"left": "x"}, "of": {"subject": "S1"}, "more": object()}


def test_what_a_record_has_to_hold_and_more_is_right():
    assert mismatch(SOUND, KIND) is None
    assert mismatch({**SOUND, "by": None, "shape": [], "at": 2}, KIND) is None
    assert mismatch({name: value for name, value in SOUND.items() if name != "by"}, KIND) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": 3}, "name is a whole number; a text was expected"),
        ({"name": None}, "name is null; a text was expected"),
        ({"shape": {}}, "shape is an object; a list was expected"),
        ({"shape": [3, True]}, "shape.1 is true or false; a whole number was expected"),
        ({"at": float("inf")}, "at is not finite; a number was expected"),
        ({"at": "yesterday"}, "at is a text; a number was expected"),
        ({"by": []}, "by is a list; an object was expected"),
        ({"by": {"left": []}}, "by.left is a list; a text was expected"),
        ({"of": {}}, "of.subject is missing"),
        ({"of": {"subject": 1.5}}, "of.subject is a number; a whole number or a text was expected"),
    ],
)
def test_what_is_of_another_kind_is_told_with_its_place(change, told):
    assert mismatch({**SOUND, **change}, KIND) == told


def test_what_is_missing_or_nothing_of_it_is_told():
    assert mismatch([], KIND) == "all of it is a list; an object was expected"
    assert mismatch({"name": "a"}, KIND) == "shape is missing"
