"""ROIs as people name them: one, a class, several parts together, or a sum.

'FFA-1' is a ROI, 'floc-faces' a class of them, and 'FFA' whatever is called so but for a number or a half of the field;
'V1v+V1d' is one region of several, 'V1v,V1d' are two. Upper and lower case do not matter anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from algocli.compute.choices import nearest
from algocli.dataset.protocol import Roi
from algocli.dataset.sides import ALL_VERTICES
from algocli.errors import UsageError

# FFA-1 and mTL-faces without their ends, V1v and V1d without their half, hV4 without the species.
_PARTS = (re.compile(r"([^-]+)-.+"), re.compile(r"(.*\d)[vd]"), re.compile(r"h(V\d)"))


class _Named(NamedTuple):
    """What a word names: as the data spells it, the ROIs behind it in the data's order, and whether it is a sum."""

    name: str
    rois: tuple[str, ...]
    is_sum: bool = False


def members(name: str, classes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ROIs that a name stands for, in the data's order; none where it names nothing.

    Parameters
    ----------
    classes
        The class of each ROI by its name.
    """
    named = _read(name, classes)
    return () if named is None else named.rois


def find_rois(rois: Sequence[Roi], roi: Roi | str) -> tuple[Roi, ...]:
    """Return a ROI, or those that a name stands for.

    Raises
    ------
    UsageError
        If there is none.
    """
    if isinstance(roi, Roi):
        return (roi,)
    classes = {each.name: each.roi_class for each in rois}
    named = _read(roi, classes) if isinstance(roi, str) else None
    if named is None:
        raise _unknown(roi, [*classes, *dict.fromkeys(classes.values())])
    return tuple(each for each in rois if each.name in named.rois)


def choose_regions(
    words: Iterable[str], classes: Mapping[str, str], *, apart: bool = True, whole: bool = True
) -> tuple[str, ...]:
    """Return the regions that words ask for, each once, by names that `members` reads.

    Parameters
    ----------
    words
        As they were written; commas part them too.
    classes
        The class of each ROI by its name.
    apart
        Whether a class, or a name of several ROIs, asks for each of them; else it is one region, as a sum always is.
    whole
        Whether 'All vertices' may be asked for.

    Raises
    ------
    UsageError
        If a word names nothing; the nearest names and all of them are told.
    """
    chosen: dict[str, None] = {}
    asked = list(words)
    # Of blanks and commas alone nothing would be left, which stands for everything.
    for word in _parted(asked, classes) or asked:
        if whole and word.lower() in (ALL_VERTICES.lower(), "all"):
            chosen[ALL_VERTICES] = None
            continue
        named = _read(word, classes)
        if named is None:
            raise _unknown(word, [*classes, *dict.fromkeys(classes.values()), *([ALL_VERTICES] if whole else [])])
        chosen |= dict.fromkeys(named.rois if apart and not named.is_sum else [named.name])
    return tuple(chosen)


def choose_areas(words: Iterable[str], classes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the regions that words ask for, an area whole where the data has it in parts, by names `members` reads.

    A class asks for each of its ROIs, but any other name of several, as 'V1', is one region. Of no words it is the
    areas of which the data has halves of the field, whole, and the others of their class; where it has none, every ROI.

    Raises
    ------
    UsageError
        As `choose_regions`.

    Examples
    --------
    >>> choose_areas([], {"V1v": "prf", "V1d": "prf", "hV4": "prf", "EBA": "floc"})
    ('V1', 'hV4')
    """
    asked, halves = list(words), _PARTS[1]
    if not asked:
        of = {roi_class for roi, roi_class in classes.items() if halves.fullmatch(roi)}
        whole = [(match[1] if (match := halves.fullmatch(roi)) else roi) for roi in classes if classes[roi] in of]
        return tuple(dict.fromkeys(whole)) or tuple(classes)
    named = {name.lower() for name in classes.values()}
    chosen = [choose_regions([word], classes, apart=word.lower() in named) for word in _parted(asked, classes) or asked]
    return tuple(dict.fromkeys(name for names in chosen for name in names))


def _parted(words: Iterable[str], classes: Mapping[str, str]) -> list[str]:
    """Part words at their commas, but for one that is a ROI's or a class's own."""
    known = {name.lower() for name in (*classes, *classes.values())}
    parted: list[str] = []
    for word in words:
        parted += [word] if word.lower() in known else [part.strip() for part in word.split(",")]
    return [word for word in parted if word]


def _read(word: str, classes: Mapping[str, str]) -> _Named | None:
    single = _read_single(word, classes)
    parts = [_read_single(part.strip(), classes) for part in word.split("+")]
    named = {part.name: part.rois for part in parts if part is not None}
    if single is not None or None in parts:
        return single
    rois = {roi for some in named.values() for roi in some}
    return _Named("+".join(named), tuple(roi for roi in classes if roi in rois), is_sum=True)


def _read_single(word: str, classes: Mapping[str, str]) -> _Named | None:
    small = word.lower()
    for roi in classes:
        if roi.lower() == small:
            return _Named(roi, (roi,))
    for roi_class in classes.values():
        if roi_class and roi_class.lower() == small:
            return _Named(roi_class, tuple(roi for roi in classes if classes[roi] == roi_class))
    stems = {roi: stem for roi in classes for stem in _stems(roi) if stem.lower() == small}
    return _Named(next(iter(stems.values())), tuple(stems)) if stems else None


def _stems(roi: str) -> list[str]:
    return [match[1] for pattern in _PARTS if (match := pattern.fullmatch(roi))]


def _unknown(word: object, known: Sequence[str]) -> UsageError:
    near = nearest(word, known) if isinstance(word, str) else []
    guess = f"; did you mean {' or '.join(near)}?" if near else ""
    named = f"'{word}'" if isinstance(word, str) else repr(word)
    return UsageError(f"no ROI is named {named}{guess}", hint=f"there are {', '.join(known)}")
