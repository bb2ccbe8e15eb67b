"""Sides are words that a subject gives; left and right are two of them."""

from __future__ import annotations

from typing import Any

import pytest

from algocli.dataset.sides import asked_sides, check_side, check_sides, heading, prefix, recorded, sides_in
from algocli.errors import UsageError


@pytest.mark.parametrize("sides", [("left", "right"), ("all",), ("top", "middle", "bottom"), ("right", "left")])
def test_a_record_keeps_the_order_of_sides(sides: tuple[str, ...]) -> None:
    record = recorded(dict.fromkeys(sides, 3))
    written = {**record, "n_vertices": dict(sorted(record["n_vertices"].items()))}
    assert sides_in(written) == sides


def test_the_record_of_two_hemispheres_says_no_more_than_it_ever_did() -> None:
    assert recorded({"left": 2, "right": 3}) == {"n_vertices": {"left": 2, "right": 3}}


@pytest.mark.parametrize("record", [{}, {"n_vertices": None}, {"n_vertices": {}}, {"sides": 3}])
def test_a_record_of_old_is_of_two_hemispheres(record: dict[str, Any]) -> None:
    assert sides_in(record) == ("left", "right")


@pytest.mark.parametrize("sides", [(), None, "all", ("a", "a"), ("a/b",), ("left_fold", "left"), ("both",), (1,)])
def test_what_files_cannot_be_named_after_is_no_side(sides: Any) -> None:
    with pytest.raises(UsageError, match="sides="):
        check_sides(sides)


def test_those_asked_for_come_in_the_order_asked() -> None:
    assert asked_sides(("left", "right"), ("right", "left")) == ("right", "left")
    assert asked_sides(("left", "right"), ("right",)) == ("right",)
    assert asked_sides(("all",), ("left", "right")) == asked_sides(("all",), None) == ("all",)


def test_hemispheres_have_words_of_their_own() -> None:
    assert [prefix(side) for side in ("left", "right", "all")] == ["lh", "rh", "all"]
    assert [heading(side) for side in ("left", "all")] == ["Left hemisphere", "All"]
    assert [check_side(word, ("left", "right")) for word in ("lh", "L", "Left")] == ["left"] * 3
    assert check_side("RH", ("right", "left")) == "right"
    with pytest.raises(UsageError, match=r"hemisphere='lef' is not known .did you mean left"):
        check_side("lef", ("left", "right"))
    with pytest.raises(UsageError, match="side='lh' is not known"):
        check_side("lh", ("all",))
