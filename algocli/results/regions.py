"""Which vertices a table's rows are about."""

from __future__ import annotations

from collections.abc import Container, Iterable

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.protocol import Subject
from algocli.dataset.sides import ALL_VERTICES, Side

# Indices into a hemisphere's challenge vertices, by the name of a ROI; empty where the ROI is absent.
Regions = dict[str, NDArray[np.int64]]


def classes_of(subjects: Iterable[Subject]) -> dict[str, str]:
    """Return every ROI that the data of some subjects names, with its class."""
    return {roi.name: roi.roi_class for subject in subjects for roi in subject.rois}


def regions(subject: Subject, hemisphere: Side, chosen: Container[str]) -> Regions:
    """Return the vertices of every chosen ROI that a subject's data names, and last of 'All vertices' if chosen."""
    found = {roi.name: subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in chosen}
    if ALL_VERTICES in chosen:
        found[ALL_VERTICES] = np.arange(subject.n_vertices(hemisphere))
    return found
