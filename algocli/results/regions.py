"""Which vertices a table's rows are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.protocol import Subject
from algocli.dataset.rois import choose_regions, members
from algocli.dataset.sides import ALL_VERTICES, Side

# Indices into a hemisphere's challenge vertices, by the name of a ROI; empty where the ROI is absent.
Regions = dict[str, NDArray[np.int64]]


def classes_of(subjects: Iterable[Subject]) -> dict[str, str]:
    """Return every ROI that the data of some subjects names, with its class."""
    return {roi.name: roi.roi_class for subject in subjects for roi in subject.rois}


def choose_rois(names: Iterable[str] | None, classes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the regions to tell of: those asked for, or else every ROI of the data, 'All vertices' last.

    Raises
    ------
    UsageError
        As `choose_regions`.
    """
    return choose_regions(names, classes) if names else (*classes, ALL_VERTICES)


def regions(subject: Subject, hemisphere: Side, chosen: Collection[str]) -> Regions:
    """Return the vertices of every chosen region that a subject's data names: ROIs, sums of them, 'All vertices'."""
    classes = classes_of([subject])
    of = {roi.name: subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in chosen}
    for name in chosen:
        if name not in of and (rois := members(name, classes)):
            each = [subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in rois]
            of[name] = np.unique(np.concatenate(each))
    if ALL_VERTICES in chosen:
        of[ALL_VERTICES] = np.arange(subject.n_vertices(hemisphere))
    return of
