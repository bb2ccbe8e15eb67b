"""Per-vertex results in files for other programs: plain arrays, or a table with one row a vertex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import publishing_rows
from algocli.compute.tables import write_rows
from algocli.dataset.naming import name_of
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, prefix
from algocli.encoding.regressions.registry import known_arrays
from algocli.results.layered import columns_per_layer
from algocli.results.receptive_fields import field_maps
from algocli.results.scoring import read_scores
from algocli.runs.p_values import kept_of_whole
from algocli.runs.run import Run
from algocli.runs.subject_run import SubjectRun

TABLE_COLUMNS = ("hemisphere", "fsaverage_vertex", "rois", "r", "noise_ceiling", "accuracy")


def export_arrays(subject_run: SubjectRun, folder: Path, layer: str | None = None) -> list[Path]:
    """Write a subject's validation predictions and what is known per vertex as .npy files.

    Parameters
    ----------
    layer
        Whose receptive fields to write where each layer has its own, as `read_fields` takes it.

    Returns
    -------
    The files in folder/subjNN, left hemisphere first: lh_correlation.npy (n_vertices,), lh_pred_val.npy
    (n_validation, n_vertices), lh_p.npy (n_vertices,) where the run's significance is known, what the
    regression has found, as lh_alpha.npy its penalties and lh_blend.npy or lh_band.npy its weights or shares of layers
    (see `SubjectRun`), receptive fields as `VertexFields.maps` has them in lh_prfangle.npy and its like, (n_vertices,),
    NaN where there is none, the same for rh, and val_index.npy (n_validation,), the training row (from 0) of each row
    of the predictions.

    Raises
    ------
    DataError
        If an array of the run is missing or damaged.
    StorageError
        If the folder cannot be written.
    """
    arrays: dict[str, NDArray[Any]] = {}
    significance = kept_of_whole(subject_run)
    for hemisphere in subject_run.sides:
        arrays[f"{prefix(hemisphere)}_correlation"] = subject_run.correlation(hemisphere)
        arrays[f"{prefix(hemisphere)}_pred_val"] = subject_run.validation_predictions(hemisphere)
        if significance is not None:
            arrays[f"{prefix(hemisphere)}_p"] = significance.p[hemisphere]
        for name in known_arrays():
            if subject_run.has_array(f"{hemisphere}_{name}"):
                arrays[f"{prefix(hemisphere)}_{name}"] = subject_run.of_regression(name, hemisphere)
        n_vertices = len(subject_run.correlation(hemisphere))
        whose = Run(subject_run.folder.parent), subject_run.id, hemisphere, n_vertices
        for name, values in field_maps(*whose, layer).items():
            arrays[f"{prefix(hemisphere)}_{name}"] = values
    arrays["val_index"] = subject_run.validation_rows()
    return [_write_array(folder / name_of(subject_run.id) / f"{name}.npy", arrays[name]) for name in arrays]


def export_table(subject: Subject, subject_run: SubjectRun, folder: Path, layer: str | None = None) -> list[Path]:
    """Write a subject's scores as folder/subjNN/vertices.csv, one row a vertex, left hemisphere first.

    ROI names are joined by semicolons. The noise ceiling is a share of variance, the accuracy is in percent; both are
    empty where the data folder has no ceilings. Where nothing says what place a vertex has on fsaverage, its column is
    called vertex, and counts from 0 on each side. A column p is there where the run's significance is known, and one
    for each layer, such as weight.features.2, where a blend has weights or a banded ridge shares. Receptive fields have
    prfangle and its like, empty where there is none.

    Parameters
    ----------
    layer
        Whose receptive fields to write where each layer has its own, as `read_fields` takes it.

    Raises
    ------
    DataError
        If data and run do not fit together.
    StorageError
        If the folder cannot be written.
    """
    path = folder / name_of(subject_run.id) / "vertices.csv"
    significance = kept_of_whole(subject_run)
    placed = all(subject.places(side) is not None for side in subject_run.sides)
    columns = [name if placed else name.removeprefix("fsaverage_") for name in TABLE_COLUMNS]
    names: tuple[str, ...] = ()
    rows: list[tuple[object, ...]] = []
    for hemisphere in subject_run.sides:
        further = {} if significance is None else {"p": significance.p[hemisphere]}
        n_vertices = len(subject_run.correlation(hemisphere))
        whose = Run(subject_run.folder.parent), subject_run.id, hemisphere, n_vertices
        further |= columns_per_layer(*whose) | field_maps(*whose, layer)
        names = tuple(further)
        rows += _table_rows(subject, subject_run, hemisphere, tuple(further.values()))
    write_rows(path, (*columns, *names), rows)
    return [path]


def _write_array(path: Path, array: NDArray[Any]) -> Path:
    with publishing_rows(path, array.shape, array.dtype) as append:
        append(array)
    return path


def _table_rows(
    subject: Subject, subject_run: SubjectRun, hemisphere: Side, further: Sequence[NDArray[np.float64]]
) -> Iterator[tuple[object, ...]]:
    scores = read_scores(subject, subject_run, hemisphere)
    places = subject.places(hemisphere)
    vertices = (np.arange(len(scores.correlation)) if places is None else places.vertices).tolist()
    names: list[list[str]] = [[] for _ in vertices]
    for roi in subject.rois:
        for place in subject.roi_vertices(roi, hemisphere):
            names[place].append(roi.name)
    # Floats as Python's own: their shortest exact form is what a reader gets back bit for bit.
    arrays = (scores.correlation, scores.noise_ceiling, scores.accuracy, *further)
    columns = (_column(values, len(vertices)) for values in arrays)
    for vertex, rois, *numbers in zip(vertices, names, *columns, strict=True):
        yield hemisphere, vertex, ";".join(rois), *numbers


def _column(values: NDArray[np.float64] | None, n_vertices: int) -> list[Any]:
    return [None] * n_vertices if values is None else [None if np.isnan(value) else value for value in values.tolist()]
