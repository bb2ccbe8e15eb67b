"""What a setting or an argument may be: what is not known is refused, so that nothing falls through to a default.

Each check returns the value as the program goes on with it: whole numbers and shares of any library as Python's own, a
single word where several may be named as a tuple of one. Messages name a value as Python has it, `seed=-1`.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from algocli.compute.object_kinds import SCHEMES, is_address
from algocli.errors import UsageError

T = TypeVar("T")


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return the nearest names in brackets, or nothing; a name that differs in its case alone is the nearest."""
    close = nearest(word, names)
    return f" (did you mean {' or '.join(close)}?)" if close else ""


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that a word may stand for, upper and lower case aside."""
    listed = list(dict.fromkeys(names))
    same = [name for name in listed if name.lower() == word.lower()]
    # Of names as they are first: among hundreds that differ in case, folding would put others before them.
    close = same or difflib.get_close_matches(word, listed, n=3)
    if close:
        return close
    folded = {name.lower(): name for name in reversed(listed)}
    return [folded[name] for name in difflib.get_close_matches(word.lower(), folded, n=3)]


def check_choice(name: str, value: object, allowed: Sequence[str], meant: Mapping[str, str] | None = None) -> str:
    """Return a word that is one of those allowed, as Python's own string.

    Parameters
    ----------
    meant
        What other words than those allowed usually stand for, in small letters.

    Raises
    ------
    UsageError
        If it is none of them; the nearest ones and all of them are told.
    """
    if isinstance(value, str):
        if value in allowed:
            return str(value)
        other = (meant or {}).get(value.lower())
        guess = f" (did you mean {other}?)" if other is not None else did_you_mean(value, allowed)
    else:
        guess = ""
    raise UsageError(f"{said(name, value)} is not known{guess}", hint=f"{name} is one of: {', '.join(allowed)}")


def check_whole(
    name: str, value: object, low: int | None = None, high: int | None = None, expected: str | None = None
) -> int:
    """Return a whole number, of Python's or numpy's, as Python's own; True and False are none.

    Parameters
    ----------
    expected
        What to say that it should be, where more is to be said than the bounds.

    Raises
    ------
    UsageError
        If it is no whole number, or lies outside `low` to `high`.
    """
    bounds = {(True, True): f" from {low} to {high}", (True, False): f" from {low} on", (False, True): f" up to {high}"}
    usual = f"a whole number{bounds.get((low is not None, high is not None), '')} was expected"
    if not isinstance(value, bool) and isinstance(value, Integral):
        number = int(value)
        if (low is None or number >= low) and (high is None or number <= high):
            return number
    raise UsageError(f"{said(name, value)}: {expected or usual}")


def check_number(name: str, value: object) -> float:
    """Return a finite number, of Python's or numpy's, as a float; True and False are none.

    Raises
    ------
    UsageError
        If it is no number, or not finite.
    """
    number = as_number(value)
    if not math.isfinite(number):
        raise UsageError(f"{said(name, value)}: a finite number was expected")
    return number


def as_number(value: object) -> float:
    """Return a number, of Python's or numpy's, as a float; NaN for anything else, True and False included."""
    try:
        return float(value) if not isinstance(value, bool) and isinstance(value, Real) else math.nan
    except OverflowError:
        return math.nan


def check_flag(name: str, value: object) -> bool:
    """Return True or False, of Python's or numpy's, as Python's own.

    Raises
    ------
    UsageError
        If it is anything else: the word 'no' would count as true.
    """
    import numpy as np

    if not isinstance(value, bool | np.bool_):
        raise UsageError(f"{said(name, value)}: True or False was expected")
    return bool(value)


def check_word(name: str, value: object) -> str:
    """Return a string that is not empty.

    Raises
    ------
    UsageError
        If it is no string, or empty.
    """
    if not isinstance(value, str) or not value:
        raise UsageError(f"{said(name, value)}: a name was expected")
    return str(value)


def each_of(value: object) -> list[Any]:
    """Return what a list, an array, a generator or the like holds, and a word or any other single thing alone.

    A set, which has no order of its own, is taken by its words; a mapping is a single thing, to be refused as one.
    """
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return [value]
    return sorted(value, key=str) if isinstance(value, Set) else list(value)


def check_words(name: str, value: object) -> tuple[str, ...]:
    """Return one name, or several in a list, an array or the like, as a tuple.

    Raises
    ------
    UsageError
        If it is neither, or there is none.
    """
    # Layers have an order, which a set has not.
    words = [value] if isinstance(value, Set | Iterator) else each_of(value)
    if not words or not all(isinstance(word, str) and word for word in words):
        raise UsageError(f"{said(name, value)}: a name, or a list of names, was expected")
    return tuple(str(word) for word in words)


# A file's own address, and one of fsspec's kind, as in s3://bucket: a Path of it has lost a slash.
_OF_A_FILE = re.compile(r"(?:file|local):/+", re.IGNORECASE)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def check_path(name: str, value: object) -> Path:
    """Return a path that was given as one or as a string; ~ and ~user stand for a user's home.

    Raises
    ------
    UsageError
        If it is neither, empty, or no path can be so; or an address of what lies on no disk of this machine.
    """
    path = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(path, str) or not path or "\0" in path:
        raise UsageError(f"{said(name, value)}: a path was expected")
    return local_path(path, f"{name}={path!r}")


def local_path(text: str, what: str) -> Path:
    """Return the path that a text means on this machine; ~ and ~user stand for a user's home.

    Parameters
    ----------
    what
        How to call it where it is refused.

    Raises
    ------
    UsageError
        If no such user is known, or it is an address: what was made of one would be a folder called 's3:'.
    """
    own = _OF_A_FILE.match(text)
    if own is not None:
        return Path("/" + unquote(text[own.end() :]))
    place = Path(os.path.expanduser(text))  # noqa: PTH111 - Path's own raises where there is no such user
    # What is there is meant, however it is called.
    if place.exists():
        return place
    if text.startswith("~") and str(place).startswith("~"):
        user = place.parts[0].removeprefix("~")
        raise UsageError(f"{what}: the home of {user or 'the current user'} is not known", hint="write the whole path")
    if _ADDRESS.match(text) or "::" in text:
        raise UsageError(
            f"{what}: files are read and written on this machine's disks alone",
            hint="fetch it, or mount it as a folder, and name that" + _elsewhere(text, what),
        )
    return place


def _elsewhere(text: str, what: str) -> str:
    """Say, of an address where none can be, whether what is meant may lie at one."""
    if is_address(text):
        return "; features alone may lie there, with cache_dir=... or with features_dir=..."
    return (
        f"; or keep features at {SCHEMES}BUCKET/PREFIX, without * ? [ ]"
        if what.startswith(("cache_dir=", "--cache-dir "))
        else ""
    )


def check_paths(name: str, value: object) -> list[Path]:
    """Return one path, or several in a list, a generator or the like, as a list.

    Raises
    ------
    UsageError
        If one of them is no path, or there is none.
    """
    several = each_of(value)
    if not several:
        raise UsageError(f"{said(name, value)}: a path, or a list of paths, was expected")
    return [check_path(name, path) for path in several]


def check_kind(name: str, value: object, kind: type[T], hint: str) -> T:
    """Return a value that is of one kind; the hint tells where such things come from.

    Raises
    ------
    UsageError
        If it is of another.
    """
    if not isinstance(value, kind):
        raise UsageError(f"{name}: a {kind.__name__} was expected; found {type(value).__name__}", hint=hint)
    return value


def said(name: str, value: Any) -> str:
    """Write a value as Python has it behind its name, shortened where it is long."""
    text = repr(value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value)
    return f"{name}={text if len(text) <= 80 else text[:77] + '...'}"
