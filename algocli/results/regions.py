"""Which vertices a table's rows are about."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import nearest
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import ALL_VERTICES, Side
from algocli.errors import UsageError

# Indices into a hemisphere's challenge vertices, by the name of a ROI; empty where the ROI is absent.
Regions = dict[str, NDArray[np.int64]]


def classes_of(subjects: Iterable[Subject]) -> dict[str, str]:
    """Return every ROI that the data of some subjects names, with its class."""
    return {roi.name: roi.roi_class for subject in subjects for roi in subject.rois}


def choose_rois(names: Iterable[str] | None, classes: Iterable[str]) -> tuple[str, ...]:
    """Return the ROIs to tell of: those asked for, or else all of the data, 'All vertices' last.

    Raises
    ------
    UsageError
        As `check_rois`.
    """
    known = (*classes, ALL_VERTICES)
    return check_rois(names, known) if names else known


def check_rois(names: Iterable[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names as they are known, each once; upper and lower case do not matter.

    Raises
    ------
    UsageError
        If a name is not known; the nearest ones and the whole list are told.
    """
    spelled = {name.lower(): name for name in known}
    found: dict[str, None] = {}
    for name in names:
        if name.lower() not in spelled:
            near = nearest(name, known)
            guess = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UsageError(f"no ROI is named '{name}'{guess}", hint=f"there are {', '.join(known)}")
        found[spelled[name.lower()]] = None
    return tuple(found)


def regions(subject: Subject, hemisphere: Side, chosen: Container[str]) -> Regions:
    """Return the vertices of every chosen ROI that a subject's data names, and last of 'All vertices' if chosen."""
    found = {roi.name: subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in chosen}
    if ALL_VERTICES in chosen:
        found[ALL_VERTICES] = np.arange(subject.n_vertices(hemisphere))
    return found
