"""Which vertices a table's rows are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_number, said
from algocli.dataset.protocol import Subject
from algocli.dataset.rois import choose_regions, members
from algocli.dataset.sides import ALL_VERTICES, Side
from algocli.errors import DataError, UsageError
from algocli.results.scoring import read_ceiling

# What stands above regions of several ROIs together, where those of a class stand under its name.
SUMS = "sums"
# Indices into a hemisphere's challenge vertices, by the name of a ROI; empty where the ROI is absent.
Regions = dict[str, NDArray[np.int64]]


def classes_of(subjects: Iterable[Subject]) -> dict[str, str]:
    """Return every ROI that the data of some subjects names, with its class."""
    return {roi.name: roi.roi_class for subject in subjects for roi in subject.rois}


class Chosen(tuple[str, ...]):
    """Names of regions, and the least noise ceiling that a vertex has to have to be counted in them; 0 for any."""

    min_ceiling: float = 0


def choose_rois(names: Iterable[str] | None, classes: Mapping[str, str], min_ceiling: float = 0) -> Chosen:
    """Return the regions to tell of: those asked for, or else every ROI of the data, 'All vertices' last.

    Raises
    ------
    UsageError
        As `choose_regions`.
    """
    chosen = Chosen(choose_regions(names, classes) if names else (*classes, ALL_VERTICES))
    chosen.min_ceiling = min_ceiling
    return chosen


def with_sums(chosen: Iterable[str], classes: Mapping[str, str]) -> dict[str, str]:
    """Return the class of every ROI, and of the sums among the regions that were chosen, which stand under `SUMS`."""
    sums = [name for name in chosen if name not in classes and name != ALL_VERTICES]
    return {**classes, **dict.fromkeys(sums, SUMS)}


def check_min_ceiling(min_ceiling: object) -> float:
    """Return a share of variance, 0 for none.

    Raises
    ------
    UsageError
        If it is none.
    """
    least = 0.0 if min_ceiling is None else check_number("min_ceiling", min_ceiling)
    if not 0 <= least < 1:
        told = f"{said('min_ceiling', min_ceiling)}: a share of variance, from 0 to below 1, was expected"
        raise UsageError(told, hint="0.2 is 20 percent")
    return least


def tell_min_ceiling(min_ceiling: float) -> list[str]:
    """Say what rows are about where vertices were left out."""
    return [f"rows count the vertices whose noise ceiling is at least {min_ceiling:g}"] if min_ceiling else []


def regions(subject: Subject, hemisphere: Side, chosen: Collection[str]) -> Regions:
    """Return the vertices of every chosen region that a subject's data names: ROIs, sums of them, 'All vertices'.

    Raises
    ------
    DataError
        If a noise ceiling is asked for and there are none, or they are damaged.
    """
    classes = classes_of([subject])
    of = {roi.name: subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in chosen}
    for name in chosen:
        if name not in of and (rois := members(name, classes)):
            each = [subject.roi_vertices(roi, hemisphere) for roi in subject.rois if roi.name in rois]
            of[name] = np.unique(np.concatenate(each))
    if ALL_VERTICES in chosen:
        of[ALL_VERTICES] = np.arange(subject.n_vertices(hemisphere))
    least = chosen.min_ceiling if isinstance(chosen, Chosen) else 0
    if not least:
        return of
    is_told = explainable(subject, hemisphere, least)
    return {name: vertices[is_told[vertices]] for name, vertices in of.items()}


def explainable(subject: Subject, hemisphere: Side, least: float) -> NDArray[np.bool_]:
    """Say of each vertex, (n_vertices,), whether its noise ceiling is at least a share of variance; 0 asks for none.

    Raises
    ------
    DataError
        If there are no noise ceilings, or they are damaged.
    """
    if not least:
        return np.ones(subject.n_vertices(hemisphere), bool)
    ceiling, _ = read_ceiling(subject, hemisphere)
    if ceiling is None:
        raise DataError(
            f"subject {subject.id} has no noise ceilings: min_ceiling={least:g} cannot be told",
            hint="leave min_ceiling=... away, or bring them in with: algocli import-ceilings",
        )
    is_told: NDArray[np.bool_] = ceiling >= least
    return is_told
