"""What is worth saying of many parts of a work, one line a kind: sixteen hemispheres say the same but for a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

# A subject's id, its side or '' where none is meant, and what is said of it.
Remark = tuple[object, str, str]
# How words end in the plural, and what stands there of one.
_ENDINGS = {"vertices": "vertex", "ies": "y", "sses": "ss", "ches": "ch", "s": ""}
# A number that stands alone, and is no part of a name such as float32 or train-0001.png.
_NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w-]|[.,]\w)")


def gather(remarks: Iterable[Remark]) -> Iterator[str]:
    """Bring what is said of several subjects into one line where it is the same but for its numbers.

    Parameters
    ----------
    remarks
        In any order.

    Yields
    ------
    Each kind once, in the order of the first of it. Numbers that differ become the lowest and the highest.

    Examples
    --------
    >>> list(gather([(1, "left", "3 vertices never vary"), (2, "left", "5 vertices never vary"), (2, "", "done")]))
    ['subjects 1, 2, left: 3 to 5 vertices never vary', 'subject 2: done']
    """
    kinds: dict[str, list[Remark]] = {}
    for remark in remarks:
        kinds.setdefault(_NUMBER.sub("#", remark[-1]), []).append(remark)
    for alike in kinds.values():
        yield f"{_places(alike)}: {_merged([text for *_, text in alike])}"


def counted(n: int, things: str) -> str:
    """Count things, which are named in the plural.

    Examples
    --------
    >>> counted(1, "categories"), counted(1, "passes"), counted(1, "vertices"), counted(2000, "images")
    ('1 category', '1 pass', '1 vertex', '2,000 images')
    """
    if n == 1:
        end, one = next((end, one) for end, one in _ENDINGS.items() if things.endswith(end))
        things = things.removesuffix(end) + one
    return f"{n:,} {things}"


def list_some(names: Sequence[object], most: int = 3, *, between: str = ", ") -> str:
    """Write the first of some names, and how many there are beside them.

    Examples
    --------
    >>> list_some(["a.png", "b.png", "c.png", "d.png", "e.png"])
    'a.png, b.png, c.png and 2 more'
    >>> list_some(["3, not 4", "5, not 6", "7, not 8"], 2, between="; ")
    '3, not 4; 5, not 6; and 1 more'
    """
    more = f"{between.strip(' ,')} and {len(names) - most:,} more" if len(names) > most else ""
    return between.join(map(str, names[:most])) + more


def _places(alike: list[Remark]) -> str:
    sides: dict[object, dict[str, None]] = {}
    for subject, side, _ in alike:
        sides.setdefault(subject, {})[side] = None
    together = groupby(sides, key=lambda subject: tuple(sides[subject]))
    return "; ".join(_place(list(subjects), [side for side in of_them if side]) for of_them, subjects in together)


def _place(subjects: list[object], sides: list[str]) -> str:
    several = "s" if len(subjects) > 1 else ""
    return ", ".join([f"subject{several} {', '.join(map(str, subjects))}", *([" and ".join(sides)] if sides else [])])


def _merged(texts: list[str]) -> str:
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    ranges = iter([_range(numbers) for numbers in columns])
    return _NUMBER.sub(lambda _: next(ranges), texts[0])


def _range(numbers: Iterable[str]) -> str:
    ordered = sorted(set(numbers), key=lambda number: float(number.replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
