"""Writes a hemisphere's values or ROIs on fsaverage as files that Connectome Workbench and FreeSurfer open.

Every file has a place for each of fsaverage's 163,842 vertices, in its order; the same content has the same bytes.
"""

from __future__ import annotations

import gzip
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.compute.files import publish
from algocli.dataset.sides import Side

# What Workbench goes by to pair a file with a surface.
_STRUCTURES: dict[Side, str] = {"left": "CortexLeft", "right": "CortexRight"}
# Workbench's name for vertices without a label.
_NO_LABEL = "???"


@dataclass(frozen=True)
class Label:
    """One ROI in a file of ROIs: its code (above 0), its name and its colour, red, green and blue of 0 to 255."""

    code: int
    name: str
    colour: tuple[int, int, int]


def write_metric(path: Path, values: NDArray[np.floating], hemisphere: Side, name: str) -> None:
    """Write values as GIFTI, as in a .func.gii: one map of float32.

    Parameters
    ----------
    values : (163842,)
        NaN outside the challenge; Workbench draws nothing there.
    name
        What Workbench calls the map.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    _write_gifti(path, values.astype(np.float32), "NIFTI_INTENT_NONE", hemisphere, name, None)


def write_labels(path: Path, codes: NDArray[np.integer], labels: Sequence[Label], hemisphere: Side, name: str) -> None:
    """Write ROIs as GIFTI, as in a .label.gii: one map of int32 and the table of its codes.

    Parameters
    ----------
    codes : (163842,)
        0 where there is no ROI; the table calls it ??? and makes it transparent.
    labels
        Every ROI that the table names, whether or not a vertex has its code.
    name
        What Workbench calls the map.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    _write_gifti(path, codes.astype(np.int32), "NIFTI_INTENT_LABEL", hemisphere, name, _label_table(labels))


def write_overlay(path: Path, values: NDArray[np.floating]) -> None:
    """Write values as FreeSurfer's .mgh: float32 of shape (163842, 1, 1).

    Parameters
    ----------
    values : (163842,)
        NaN becomes 0, which FreeSurfer takes for nothing to show: freeview finds no range for its colours where the
        first vertex is NaN, and smoothing would spread it.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    filled = np.nan_to_num(values, nan=0.0).astype(np.float32)
    content = _nibabel().MGHImage(filled.reshape(-1, 1, 1), None).to_bytes()
    publish(path, lambda stream: stream.write(content))


def write_nifti(path: Path, values: NDArray[Any]) -> None:
    """Write one number a vertex as a compressed NIfTI file: float32 or int32 of shape (163842, 1, 1).

    A header has no room for so many: it says 27307 x 1 x 6, as FreeSurfer writes it and, like nibabel, reads it again.

    Parameters
    ----------
    values : (163842,)

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    numbers = values.astype(np.int32 if values.dtype.kind in "iu" else np.float32)
    with warnings.catch_warnings():
        # That a header does not say the shape is what is told above.
        warnings.filterwarnings("ignore", message=".*(hack|large).*")
        content = _nibabel().Nifti1Image(numbers.reshape(-1, 1, 1), np.eye(4)).to_bytes()
    publish(path, lambda stream: stream.write(gzip.compress(content, mtime=0)))


def write_annotation(path: Path, codes: NDArray[np.integer], labels: Sequence[Label]) -> None:
    """Write ROIs as FreeSurfer's .annot: for each vertex its ROI's colour, and a table that names the colours.

    Parameters
    ----------
    codes : (163842,)
        0 where there is no ROI; such a vertex has no annotation, and freeview leaves it bare.
    labels
        Every ROI that the table names; no two of the same colour, none black.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    annotations = np.zeros(len(codes), dtype=np.int64)
    for label in labels:
        red, green, blue = label.colour
        annotations[codes == label.code] = red + (green << 8) + (blue << 16)
    pairs = np.stack([np.arange(len(codes)), annotations], axis=1)
    # A table follows (1) in its second version (-2): its size, where it comes from, and its size once more.
    parts = [_big_endian([len(codes)]), _big_endian(pairs), _big_endian([1, -2, len(labels)]), _text("algocli")]
    parts.append(_big_endian([len(labels)]))
    for place, label in enumerate(labels):
        # The last number is the transparency.
        parts += [_big_endian([place]), _text(label.name), _big_endian([*label.colour, 0])]
    publish(path, lambda stream: stream.write(b"".join(parts)))


def _write_gifti(path: Path, data: NDArray[Any], intent: str, hemisphere: Side, name: str, labels: Any) -> None:
    gifti = _nibabel().gifti
    datatype = {"f": "NIFTI_TYPE_FLOAT32", "i": "NIFTI_TYPE_INT32"}[data.dtype.kind]
    array = gifti.GiftiDataArray(data, intent=intent, datatype=datatype, meta=gifti.GiftiMetaData({"Name": name}))
    meta = gifti.GiftiMetaData({"AnatomicalStructurePrimary": _STRUCTURES[hemisphere]})
    content = gifti.GiftiImage(meta=meta, labeltable=labels, darrays=[array]).to_bytes()
    publish(path, lambda stream: stream.write(content))


def _label_table(labels: Sequence[Label]) -> Any:
    """Return nibabel's form of a table of labels, that of no label first."""
    gifti = _nibabel().gifti
    colours = {(label.code, label.name): (*(part / 255 for part in label.colour), 1.0) for label in labels}
    table = gifti.GiftiLabelTable()
    for (code, name), colour in {(0, _NO_LABEL): (0.0, 0.0, 0.0, 0.0), **colours}.items():
        entry = gifti.GiftiLabel(code, *colour)
        entry.label = name
        table.labels.append(entry)
    return table


def _nibabel() -> Any:
    # Its types know neither the parts of a GIFTI file nor that its images can be made: it goes without.
    import nibabel

    return nibabel


def _big_endian(numbers: ArrayLike) -> bytes:
    return np.asarray(numbers, dtype=">i4").tobytes()


def _text(text: str) -> bytes:
    """Return a text as an annotation has it: its length, its letters and a zero, which the length counts."""
    content = text.encode() + b"\0"
    return _big_endian([len(content)]) + content
