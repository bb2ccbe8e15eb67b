"""Checks a subject's masks: which vertices count, and which of them belong to which ROI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.remarks import list_some
from algocli.dataset.arrays import load_mapping
from algocli.dataset.challenge.findings import FROM_ARCHIVE, Findings
from algocli.dataset.challenge.layout import N_FSAVERAGE, ROI_CLASSES, SubjectLayout
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.errors import DataError

_UNKNOWN = {0: "Unknown"}


@dataclass(frozen=True)
class Mask:
    """What the masks of one hemisphere hold; what cannot be told is None, or neither present nor absent."""

    n_vertices: int | None
    rois_present: tuple[str, ...]
    rois_absent: tuple[str, ...]


def check_masks(layout: SubjectLayout, findings: Findings) -> dict[Hemisphere, Mask]:
    """Check every mask and mapping, and count vertices and ROIs."""
    classes = dict.fromkeys((*ROI_CLASSES, *layout.roi_classes()))
    names = {roi_class: _names(layout, roi_class, findings) for roi_class in classes}
    return {h: _check_hemisphere(layout, h, names, findings) for h in HEMISPHERES}


def _check_hemisphere(
    layout: SubjectLayout, hemisphere: Hemisphere, names: Mapping[str, Mapping[int, str]], findings: Findings
) -> Mask:
    path = layout.all_vertices(hemisphere)
    mask = _whole_numbers(path, N_FSAVERAGE, findings)
    vertices = None if mask is None else np.flatnonzero(mask)
    if vertices is not None and not len(vertices):
        findings.fault(path, "marks no vertex", FROM_ARCHIVE)
        vertices = None
    present: list[str] = []
    absent: list[str] = []
    for roi_class, read in names.items():
        codes = _check_class(layout, roi_class, hemisphere, vertices, read, findings)
        named = ROI_CLASSES.get(roi_class) or {code: name for code, name in read.items() if code != 0}
        if codes is not None:
            present += [name for code, name in named.items() if code in codes]
            absent += [name for code, name in named.items() if code not in codes]
    return Mask(None if vertices is None else len(vertices), tuple(present), tuple(absent))


def _check_class(
    layout: SubjectLayout,
    roi_class: str,
    hemisphere: Hemisphere,
    vertices: NDArray[np.int64] | None,
    names: Mapping[int, str],
    findings: Findings,
) -> set[int] | None:
    """Check a class's two arrays against the mask, the mapping and one another; return the codes in use, if known."""
    path = layout.roi_mask(roi_class, hemisphere, "challenge")
    whole_path = layout.roi_mask(roi_class, hemisphere, "fsaverage")
    # Of a class of one's own, one of the two is enough.
    is_whole_alone = roi_class not in ROI_CLASSES and not path.exists() and whole_path.exists()
    is_part_alone = roi_class not in ROI_CLASSES and path.exists() and not whole_path.exists()
    length = None if vertices is None else len(vertices)
    codes = None if is_whole_alone else _whole_numbers(path, length, findings)
    whole = None if is_part_alone else _whole_numbers(whole_path, N_FSAVERAGE, findings)
    for array, array_path in ((codes, path), (whole, whole_path)):
        unknown = [] if array is None else sorted({int(code) for code in np.unique(array)} - set(names))
        if unknown:
            mapping = layout.roi_mapping(roi_class).name
            findings.fault(
                array_path, f"holds codes that {mapping} does not name: {list_some(unknown, 10)}", FROM_ARCHIVE
            )
    if codes is None:
        return None if whole is None or vertices is None else set(np.unique(whole[vertices]).tolist())
    if whole is not None and vertices is not None:
        n_different = int(np.count_nonzero(codes != whole[vertices]))
        if n_different:
            findings.fault(
                path,
                f"disagrees with {whole_path.name} at {n_different} of {len(codes)} vertices",
                "take both files and the all-vertices mask from the same archive",
            )
    return set(np.unique(codes).tolist())


def _whole_numbers(path: Path, length: int | None, findings: Findings) -> NDArray[Any] | None:
    """Open one array of whole numbers; None, and a fault, where it is anything else. A length of None fits all."""
    array = findings.open(path)
    if array is None:
        return None
    if array.dtype.kind not in "iub" or array.ndim != 1:
        findings.fault(path, f"is {array.dtype} of shape {array.shape}; a row of int64 was expected", FROM_ARCHIVE)
        return None
    if length is not None and len(array) != length:
        whose = "fsaverage" if length == N_FSAVERAGE else "the hemisphere's all-vertices mask"
        findings.fault(path, f"has {len(array)} entries; {whose} has {length} vertices", FROM_ARCHIVE)
        return None
    if array.dtype != np.int64:
        findings.note(f"masks are stored as {array.dtype}; the released ones are int64")
    return array


def _names(layout: SubjectLayout, roi_class: str, findings: Findings) -> dict[int, str]:
    """Read a class's mapping and compare it with the official names, which stand in where it is unreadable."""
    official = _UNKNOWN | ROI_CLASSES.get(roi_class, {})
    path = layout.roi_mapping(roi_class)
    if not findings.is_there(path):
        return official
    try:
        names = load_mapping(path)
    except DataError as error:
        findings.refuse(path, error)
        return official
    if roi_class not in ROI_CLASSES:
        return _UNKNOWN | names
    wrong = [
        f"{code} is {names.get(code, 'not named')} ({official.get(code, 'not named')} officially)"
        for code in sorted(names.keys() | official.keys())
        if names.get(code) != official.get(code)
    ]
    if wrong:
        findings.fault(path, f"differs from the official names: {', '.join(wrong)}", FROM_ARCHIVE)
    return names
