"""Words that stand for names: a name itself, or a pattern such as 'alexnet*'; and the order in which people count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

_SIGNS = "*?["
# Names beyond these are no help in a message.
_MANY = 30


def is_pattern(word: str) -> bool:
    """Say whether a word asks for whatever fits it, where another asks for one thing."""
    return any(sign in word for sign in _SIGNS)


def meant_by(word: str, names: Iterable[str]) -> list[str]:
    """Return the names that a word stands for, as people count: the very same, or else whatever fits the pattern."""
    listed = list(names)
    if word in listed or not is_pattern(word):
        return [word] if word in listed else []
    return sorted((name for name in listed if fnmatchcase(name, word)), key=as_counted)


def as_counted(name: str) -> list[str | int]:
    """Return what sorts names as people count: features.2 comes before features.10."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", name)]


def list_names(word: str, names: Iterable[str]) -> str:
    """List the names that there are, a line each, as those need them who meant one by a word: the nearest first."""
    listed = sorted(names, key=lambda name: (-_likeness(word, name), as_counted(name)))
    more = [f"... and {len(listed) - _MANY} more"] if len(listed) > _MANY else []
    return "".join(f"\n  {name}" for name in [*listed[:_MANY], *more])


def _likeness(word: str, name: str) -> float:
    """Say how long a part of a word a name has, upper and lower case aside, or else how much of it in its order."""
    letters = re.sub(r"[^\w.+=,-]+", "", word).lower()
    blocks = SequenceMatcher(None, letters, name.lower(), autojunk=False).get_matching_blocks()
    sizes = [block.size for block in blocks]
    return max(sizes) + sum(sizes) / (len(letters) + 1)
