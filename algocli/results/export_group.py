"""Means over subjects as maps for other programs, with the number of subjects behind each vertex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, prefix
from algocli.results.export_maps import known_maps
from algocli.results.group_places import group_sides
from algocli.results.map_files import write_metric, write_nifti, write_overlay
from algocli.runs.subject_run import SubjectRun
from algocli.stats.circular import mean_angles
from algocli.stats.groups import mean_of_subjects

MapFormat = Literal["gifti", "mgh", "nifti"]
_SUFFIXES: dict[MapFormat, str] = {"gifti": ".func.gii", "mgh": ".mgh", "nifti": ".nii.gz"}


def export_group(
    pairs: Sequence[tuple[Subject, SubjectRun]], folder: Path, file_format: MapFormat, layer: str | None = None
) -> Iterator[Path]:
    """Write means over those subjects who have a response at a vertex, however few, and how many they are.

    Parameters
    ----------
    layer
        Whose receptive fields to write where each layer has its own, as `read_fields` takes it.

    Yields
    ------
    The files in folder/group, left hemisphere first: lh.correlation.func.gii or lh.correlation.mgh, and what else every
    subject has, p values left out, that of receptive fields over the subjects who have one there; then
    lh.n_subjects.func.gii or lh.n_subjects.mgh; in NIfTI all end in .nii.gz. Elsewhere is NaN, but 0 in .mgh.

    Raises
    ------
    UsageError
        If the data of a subject does not say where its responses are.
    DataError
        If data and run do not fit together, or a mask is missing or damaged.
    StorageError
        If the folder cannot be written.
    """
    for hemisphere in group_sides([subject for subject, _ in pairs]):
        for name, values in _means(pairs, hemisphere, layer):
            stem = f"{prefix(hemisphere)}.{name}"
            path = folder / "group" / f"{stem}{_SUFFIXES[file_format]}"
            match file_format:
                case "gifti":
                    write_metric(path, values, hemisphere, name)
                case "mgh":
                    write_overlay(path, values)
                case "nifti":
                    write_nifti(path, values)
            yield path


def _means(
    pairs: Sequence[tuple[Subject, SubjectRun]], hemisphere: Side, layer: str | None
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the name of each quantity that all subjects have, and its mean over them; then how many there are."""
    having = [(subject, subject_run) for subject, subject_run in pairs if hemisphere in subject.sides]
    each = [dict(known_maps(subject, subject_run, hemisphere, None, layer)) for subject, subject_run in having]
    for name in reduce(lambda some, its: [quantity for quantity in some if quantity in its], each, list(each[0])):
        yield name, _mean(name, np.stack([its[name] for its in each]))
    n = np.isfinite(np.stack([its["correlation"] for its in each])).sum(axis=0)
    yield "n_subjects", np.where(n > 0, n, np.nan)


def _mean(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average a quantity over subjects, (n_subjects, 163842); of angles it is where they point together."""
    if name != "prfangle":
        return mean_of_subjects(values).mean
    return mean_angles(values)
