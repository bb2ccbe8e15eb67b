"""Per-vertex results and ROIs as maps on fsaverage: GIFTI for Connectome Workbench, FreeSurfer's own files, NIfTI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.challenge.layout import N_FSAVERAGE
from algocli.dataset.naming import name_of
from algocli.dataset.protocol import Roi, Subject
from algocli.dataset.sides import Side, prefix
from algocli.results.drawing.style import category_colours
from algocli.results.layered import columns_per_layer
from algocli.results.map_files import Label, write_annotation, write_labels, write_metric, write_nifti, write_overlay
from algocli.results.on_mesh import fsaverage_map, vertices_on_mesh
from algocli.results.receptive_fields import field_maps
from algocli.results.scoring import read_scores
from algocli.runs.p_values import KeptP, kept_of_whole
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun


def export_gifti(subject: Subject, subject_run: SubjectRun, folder: Path, layer: str | None = None) -> list[Path]:
    """Write a subject's scores and ROIs as GIFTI files for Connectome Workbench.

    Parameters
    ----------
    layer
        Whose receptive fields to write where each layer has its own, as `read_fields` takes it.

    Returns
    -------
    The files in folder/subjNN, left hemisphere first: lh.correlation.func.gii, where the data folder has noise ceilings
    lh.noise_ceiling.func.gii (share of variance) and lh.accuracy.func.gii (percent), lh.p.func.gii where the run's
    significance is known, lh.weight.LAYER.func.gii or lh.share.LAYER.func.gii where a blend has weights or a banded
    ridge shares of layers, lh.prfangle.func.gii and its like where there are receptive fields, all NaN outside the
    challenge; then a lh.CLASS.label.gii for each ROI class.

    Raises
    ------
    DataError
        If data and run do not fit together, or a mask is missing or damaged.
    StorageError
        If the folder cannot be written.
    """
    home, significance, written = folder / name_of(subject_run.id), kept_of_whole(subject_run), []
    for hemisphere in subject.sides:
        side = prefix(hemisphere)
        for name, values in known_maps(subject, subject_run, hemisphere, significance, layer):
            written.append(home / f"{side}.{name}.func.gii")
            write_metric(written[-1], values, hemisphere, name)
        for roi_class, codes, labels in _classes(subject, hemisphere):
            written.append(home / f"{side}.{roi_class}.label.gii")
            write_labels(written[-1], codes, labels, hemisphere, roi_class)
    return written


def export_overlays(subject: Subject, subject_run: SubjectRun, folder: Path, layer: str | None = None) -> list[Path]:
    """Write a subject's scores and ROIs as FreeSurfer's overlays and annotations.

    Parameters
    ----------
    layer
        Whose receptive fields to write where each layer has its own, as `read_fields` takes it.

    Returns
    -------
    The files in folder/subjNN, left hemisphere first: lh.correlation.mgh, where the data folder has noise ceilings
    lh.noise_ceiling.mgh (share of variance) and lh.accuracy.mgh (percent), lh.sig.mgh (-log10 p, as FreeSurfer's own
    tools have it) where the run's significance is known, lh.weight.LAYER.mgh or lh.share.LAYER.mgh where a blend has
    weights or a banded ridge shares of layers, lh.prfangle.mgh and its like where there are receptive fields, all 0
    outside the challenge; lh.mask.mgh, 1 for each vertex of the challenge, which tells these zeros from scores of 0, as
    lh.prfsize.mgh, 0 where there is no window, tells those of angles; then a lh.CLASS.annot for each ROI class.

    Raises
    ------
    DataError
        If data and run do not fit together, or a mask is missing or damaged.
    StorageError
        If the folder cannot be written.
    """
    home, significance, written = folder / name_of(subject_run.id), kept_of_whole(subject_run), []
    for hemisphere in subject.sides:
        side = prefix(hemisphere)
        maps = dict(known_maps(subject, subject_run, hemisphere, significance, layer))
        if "p" in maps:
            # Where nothing is drawn a p of 0 would be the surest of all.
            maps["sig"] = -np.log10(maps.pop("p"))
        maps["mask"] = (~np.isnan(maps["correlation"])).astype(np.float64)
        for name, values in maps.items():
            written.append(home / f"{side}.{name}.mgh")
            write_overlay(written[-1], values)
        for roi_class, codes, labels in _classes(subject, hemisphere):
            written.append(home / f"{side}.{roi_class}.annot")
            write_annotation(written[-1], codes, labels)
    return written


def export_nifti(subject: Subject, subject_run: SubjectRun, folder: Path, layer: str | None = None) -> list[Path]:
    """Write a subject's scores and ROIs as NIfTI files of one number a vertex, as FreeSurfer keeps surfaces in them.

    What lies on a surface is in no volume: a file is a list of fsaverage's 163,842 vertices, (163842, 1, 1), and a
    viewer of volumes shows nothing of use.

    Parameters
    ----------
    layer
        Whose receptive fields to write where each layer has its own, as `read_fields` takes it.

    Returns
    -------
    The files in folder/subjNN, left hemisphere first, by the names of `export_gifti`: lh.correlation.nii.gz and so on,
    NaN outside the challenge; then a lh.CLASS.nii.gz for each ROI class, which has the codes that the data gives its
    ROIs, 0 outside them.

    Raises
    ------
    DataError
        If data and run do not fit together, or a mask is missing or damaged.
    StorageError
        If the folder cannot be written.
    """
    home, significance, written = folder / name_of(subject_run.id), kept_of_whole(subject_run), []
    for hemisphere in subject.sides:
        maps: dict[str, NDArray[Any]] = dict(known_maps(subject, subject_run, hemisphere, significance, layer))
        maps |= {roi_class: codes for roi_class, codes, _ in _classes(subject, hemisphere)}
        for name, values in maps.items():
            written.append(home / f"{prefix(hemisphere)}.{name}.nii.gz")
            write_nifti(written[-1], values)
    return written


def known_maps(
    subject: Subject,
    subject_run: SubjectRun,
    hemisphere: Side,
    significance: KeptP | None,
    layer: str | None = None,
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the name of each quantity that is known and its map, (163842,), NaN outside the challenge.

    Receptive fields are those on the layer, where each has its own and one is named.

    Raises
    ------
    UsageError
        If the dataset does not say where its responses are.
    DataError
        If data and run do not fit together, or a mask is missing or damaged.
    """
    scores = read_scores(subject, subject_run, hemisphere)
    whose = Run(subject_run.folder.parent), subject_run.id, hemisphere, len(scores.correlation)
    known = {
        "correlation": scores.correlation,
        "noise_ceiling": scores.noise_ceiling,
        "accuracy": scores.accuracy,
        "p": None if significance is None else significance.p[hemisphere],
        **columns_per_layer(*whose),
        **field_maps(*whose, layer),
    }
    vertices = vertices_on_mesh(subject, hemisphere)
    for name, values in known.items():
        if values is not None:
            yield name, fsaverage_map(values, vertices)


def _classes(subject: Subject, hemisphere: Side) -> Iterator[tuple[str, NDArray[np.int32], list[Label]]]:
    """Yield each ROI class with its codes on fsaverage, (163842,), 0 outside its ROIs, and the table of all of them."""
    vertices = vertices_on_mesh(subject, hemisphere)
    for roi_class in dict.fromkeys(roi.roi_class for roi in subject.rois):
        rois = [roi for roi in subject.rois if roi.roi_class == roi_class]
        codes = np.zeros(N_FSAVERAGE, dtype=np.int32)
        for roi in rois:
            codes[vertices[subject.roi_vertices(roi, hemisphere)]] = roi.code
        yield roi_class, codes, _labels(rois)


def _labels(rois: list[Roi]) -> list[Label]:
    n = len(rois)
    colours = category_colours(n)
    return [Label(roi.code, roi.name, _rgb(colour)) for roi, colour in zip(rois, colours, strict=True)]


def _rgb(colour: str) -> tuple[int, int, int]:
    """Return the red, green and blue of '#rrggbb'."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue
