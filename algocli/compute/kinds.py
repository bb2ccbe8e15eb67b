"""What a record has to hold: the kinds of its values, checked where it is read, before anything is made of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

NUMBER = (int, float)
_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
    bool: "true or false",
}
_WORDS[type(None)] = "null"


def mismatch(value: Any, kind: Any) -> str | None:
    """Say which value of a record is of another kind than it has to be; None where all are right.

    Parameters
    ----------
    kind
        A type, or several of which one will do; a list with the kind of all items; a dict with the kind of each
        value by its name, or by `str` that of all. A name that ends in '?' may be missing, or null. Numbers are finite.

    Examples
    --------
    >>> mismatch({"shape": [3, "x"]}, {"shape": [int]})
    'shape.1 is a text; a whole number was expected'
    >>> mismatch({"shape": [3, 4]}, {"shape": [int], "name?": str}) is None
    True
    """
    return next(_mismatches(value, kind, ""), None)


def _mismatches(value: Any, kind: Any, where: str) -> Iterator[str]:
    if isinstance(kind, Mapping):
        if not isinstance(value, dict):
            yield _told(value, dict, where)
        elif str in kind:
            for name, part in value.items():
                yield from _mismatches(part, kind[str], f"{where}.{name}")
        else:
            yield from _in_names(value, kind, where)
    elif isinstance(kind, list):
        if not isinstance(value, list):
            yield _told(value, list, where)
        else:
            for place, part in enumerate(value):
                yield from _mismatches(part, kind[0], f"{where}.{place}")
    elif not _is_of(value, kind):
        yield _told(value, kind, where)


def _in_names(value: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, kind in kinds.items():
        plain = name.removesuffix("?")
        if value.get(plain) is None and name != plain:
            continue
        if plain in value:
            yield from _mismatches(value[plain], kind, f"{where}.{plain}")
        else:
            yield f"{f'{where}.{plain}'.strip('.')} is missing"


def _is_of(value: Any, kind: Any) -> bool:
    # To Python true is a number, and infinity and what is no number are.
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, kind) and not (isinstance(value, float) and not math.isfinite(value))


def _told(value: Any, kind: Any, where: str) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    wanted = " or ".join(_WORDS[accepted] for accepted in kinds if accepted is not int or float not in kinds)
    what = _WORDS.get(type(value), "something else")
    return f"{where.strip('.') or 'all of it'} is {what if what != wanted else 'not finite'}; {wanted} was expected"
