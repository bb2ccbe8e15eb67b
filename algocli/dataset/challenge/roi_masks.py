"""A subject's masks: which vertices count, the classes of ROIs, the organisers' and anyone's own, and their codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.arrays import load_mapping, open_array
from algocli.dataset.challenge.layout import N_FSAVERAGE, ROI_CLASSES, SubjectLayout
from algocli.dataset.protocol import Roi
from algocli.dataset.sides import Hemisphere
from algocli.errors import DataError


def read_vertices(layout: SubjectLayout, hemisphere: Hemisphere) -> NDArray[np.int64]:
    """Return the fsaverage index of every challenge vertex, (n_vertices,), rising.

    Raises
    ------
    DataError
        If the mask is missing or damaged, or is not one whole number for each vertex of fsaverage.
    """
    path = layout.all_vertices(hemisphere)
    mask = open_array(path)
    if mask.shape != (N_FSAVERAGE,) or mask.dtype.kind not in "iub":
        raise DataError(
            f"{path} is {mask.dtype} of shape {mask.shape}; {N_FSAVERAGE} whole numbers were expected",
            hint="take the file from the challenge's own archive",
        )
    # The official generator adds two masks: a vertex counts when it is not zero, never only when it is 1.
    return np.flatnonzero(mask != 0)


def read_rois(layout: SubjectLayout) -> tuple[Roi, ...]:
    """Return the ROIs that the mapping files name, class by class.

    A mapping_NAME.npy of one's own makes a class like the challenge's. A ROI that is called as one before it has its
    class's name before its own.

    Raises
    ------
    DataError
        If a mapping is damaged, or that of a mask is missing.
    """
    rois: dict[str, Roi] = {}
    for roi_class in layout.roi_classes():
        for code, name in sorted(load_mapping(layout.roi_mapping(roi_class)).items()):
            if code != 0:
                called = f"{roi_class}:{name}" if name in rois else name
                rois[called] = Roi(called, roi_class, code)
    return tuple(rois.values())


def read_codes(
    layout: SubjectLayout, roi_class: str, hemisphere: Hemisphere, vertices: NDArray[np.int64]
) -> NDArray[Any]:
    """Return a class's codes, one a challenge vertex, (n_vertices,).

    Parameters
    ----------
    vertices : (n_vertices,)
        The fsaverage index of every challenge vertex.

    Raises
    ------
    DataError
        If the mask is missing, damaged, or of other vertices.
    """
    path = layout.roi_mask(roi_class, hemisphere, "challenge")
    whole = layout.roi_mask(roi_class, hemisphere, "fsaverage")
    # A class of one's own may have been drawn on the whole cortex alone.
    if roi_class not in ROI_CLASSES and whole.exists() and not path.exists():
        codes = open_array(whole)
        if codes.shape != (N_FSAVERAGE,):
            raise DataError(f"{whole} has shape {codes.shape}; fsaverage has {N_FSAVERAGE} vertices")
        return codes[vertices]
    codes = open_array(path)
    if codes.shape != vertices.shape:
        raise DataError(
            f"{path} has shape {codes.shape}; the mask of {layout.folder.name} has {len(vertices)} vertices"
        )
    return codes
