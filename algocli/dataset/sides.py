"""The sides that responses come from, and the splits of the images: values, never names of variables.

A subject says which sides it has: left and right, where the cortex is in two hemispheres; else whatever its data calls
them, or one for all that was measured.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

from algocli.compute.choices import check_choice, check_word, said
from algocli.errors import UsageError

T = TypeVar("T")
Side = str
Hemisphere = Literal["left", "right"]
Split = Literal["train", "test"]

HEMISPHERES: tuple[Hemisphere, ...] = ("left", "right")
SPLITS: tuple[Split, ...] = ("train", "test")
# What a table calls all vertices of a side together.
ALL_VERTICES = "All vertices"
# What a table calls several sides together.
BOTH = "both"
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}")
# What files, other programs and people in a hurry call them, in small letters.
_SIDES_MEANT = {"lh": "left", "l": "left", "rh": "right", "r": "right"}
_SPLITS_MEANT = {"training": "train", "fit": "train", "testing": "test"}


def all_of(sides: Collection[Side]) -> str:
    """Say in words that all of a subject's sides are meant, as in 'both hemispheres'."""
    return "both hemispheres" if {*sides} <= {*HEMISPHERES, BOTH} else "all vertices"


def recorded(n_vertices: Mapping[Side, int]) -> dict[str, Any]:
    """Return what a record says of a subject's sides, from the number of vertices of each in their order."""
    # JSON is written with its keys sorted: of left and right, and of one side, nothing is lost by that.
    order = {"sides": list(n_vertices)} if list(n_vertices) != sorted(n_vertices) else {}
    return {"n_vertices": dict(n_vertices), **order}


def sides_in(record: Mapping[str, Any]) -> tuple[Side, ...]:
    """Return the sides that a record was made of; one of old may not say, as there was but one kind of dataset."""
    named = record.get("sides", record.get("n_vertices"))
    return tuple(map(str, named)) if isinstance(named, list | dict) and named else HEMISPHERES


def asked_sides(sides: Sequence[Side], asked: Collection[Side] | None) -> tuple[Side, ...]:
    """Return those of a subject's sides that were asked for; all of them by default, or where it has none of that name.

    Hemispheres are asked for whatever the dataset: one without has a single picture of each kind.
    """
    return tuple(side for side in asked or () if side in sides) or tuple(sides)


def prefix(side: Side) -> str:
    """Return what the names of a side's files begin with: lh and rh, a spelling that comes from here alone, or its own.

    Raises
    ------
    UsageError
        If it is no word.
    """
    return {"left": "lh", "right": "rh"}.get(check_word("side", side), side)


def heading(side: Side) -> str:
    """Return what stands above a side's columns, as in 'Left hemisphere'."""
    return f"{side.capitalize()} hemisphere" if side in HEMISPHERES else side.capitalize()


def check_sides(value: object) -> tuple[Side, ...]:
    """Return the sides of a subject of any dataset, after which files can be named.

    Raises
    ------
    UsageError
        If there is none, one is there twice, or none can be called so.
    """
    sides = tuple(value) if isinstance(value, list | tuple) else ()
    words = [side for side in sides if isinstance(side, str) and _WORD.fullmatch(side) and side != BOTH]
    if not words or len(set(words)) < len(sides):
        raise UsageError(
            f"{said('sides', value)}: one side or several, each by a name of its own, were expected",
            hint="as in ('left', 'right') or ('all',): letters, digits and dashes",
        )
    return sides


def check_side(value: object, sides: Sequence[Side]) -> Side:
    """Return one of a subject's sides.

    Raises
    ------
    UsageError
        If it is none of them.
    """
    if tuple(sides) == HEMISPHERES:
        return check_hemisphere(value)
    meant = _meant(value, _SIDES_MEANT)
    return check_choice("side", meant if meant in sides else value, sides)


def check_hemisphere(value: object) -> Hemisphere:
    """Return 'left' or 'right', whatever the case, and also of 'lh' and 'rh'.

    Raises
    ------
    UsageError
        If it is neither.
    """
    return "left" if check_choice("hemisphere", _meant(value, _SIDES_MEANT), HEMISPHERES) == "left" else "right"


def check_split(value: object) -> Split:
    """Return 'train' or 'test', whatever the case, and also of 'training' and 'testing'.

    Raises
    ------
    UsageError
        If it is neither.
    """
    return "train" if check_choice("split", _meant(value, _SPLITS_MEANT), SPLITS) == "train" else "test"


def _meant(value: object, words: Mapping[str, str]) -> object:
    """Return what a word stands for; anything else as it is, for a message to show."""
    if not isinstance(value, str):
        return value
    small = value.lower()
    word = words.get(small, small)
    return word if word in words.values() else value


class BySide(dict[Side, T]):
    """Something of each side; a hemisphere is also at hand under the names that its files have.

    Examples
    --------
    >>> BySide(left=1, right=2)["lh"]
    1
    """

    def __missing__(self, side: object) -> T:
        """Return what another spelling of a side means, or say which sides there are."""
        return self[check_side(side, tuple(self))]
