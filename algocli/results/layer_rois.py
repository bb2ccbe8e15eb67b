"""Layers by ROI: what speaks for each layer in each region of a subject's cortex."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import ALL_VERTICES, Side, asked_sides
from algocli.results.layered import Layered, layered
from algocli.results.per_layer import LayerOfRun
from algocli.results.regions import check_rois, classes_of, regions
from algocli.runs.run import Run


@dataclass(frozen=True)
class LayerRow:
    """One layer in one ROI of one hemisphere of one subject; `value` is None where the ROI is absent.

    `measure` says what the value is: the median r of the layer's own run, or its mean weight in a blend or share in a
    banded ridge.
    """

    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    layer: str
    features: str
    measure: str
    value: float | None
    is_best: bool


@dataclass(frozen=True)
class LayersByRoi:
    """One subject's layers by ROI.

    Attributes
    ----------
    classes
        Every ROI, in order, and its class; 'All vertices' has none.
    values : for each hemisphere (n_layers, n_rois)
        NaN where the ROI is absent.
    n_vertices : for each hemisphere (n_rois,)
    """

    subject: SubjectId
    layers: tuple[LayerOfRun, ...]
    measure: str
    classes: Mapping[str, str]
    values: Mapping[Side, NDArray[np.float64]]
    n_vertices: Mapping[Side, NDArray[np.int64]]

    def best(self, hemisphere: Side) -> NDArray[np.int64]:
        """Return the position of each ROI's best layer, (n_rois,), -1 where the ROI is absent."""
        absent = self.n_vertices[hemisphere] == 0
        best = np.where(absent, 0.0, self.values[hemisphere]).argmax(axis=0)
        return np.where(absent, -1, best)

    @property
    def rows(self) -> Iterator[LayerRow]:
        """All cells, hemisphere by hemisphere, ROI by ROI, and there layer by layer."""
        for h, values in self.values.items():
            best = self.best(h)
            for column, (roi, n) in enumerate(zip(self.classes, self.n_vertices[h].tolist(), strict=True)):
                for place, layer in enumerate(self.layers):
                    value = float(values[place, column]) if n else None
                    names = layer.label, layer.features, self.measure
                    yield LayerRow(self.subject, h, roi, n, *names, value, bool(best[column] == place))


def layers_by_roi(
    challenge: Dataset,
    runs: Sequence[Run],
    *,
    subjects: Sequence[SubjectId] | None = None,
    hemispheres: Sequence[Side] | None = None,
    rois: Sequence[str] = (),
) -> tuple[Layered, list[LayersByRoi]]:
    """Sum up each layer in each ROI of each subject.

    Parameters
    ----------
    runs
        One blend or banded ridge, or several runs of one layer each.
    rois
        Names of the only ROIs, 'All vertices' among them; by default all, 'All vertices' last.

    Returns
    -------
    (what is compared, one table a subject)

    Raises
    ------
    UsageError
        If the runs have no layers to compare, or the data names no such ROI.
    DataError, MissingStep
        If data and runs do not fit together, or a subject is missing from any of them.
    """
    compared = layered(runs)
    chosen = compared.subjects(challenge, subjects)
    classes = {**classes_of(chosen), ALL_VERTICES: ""}
    named = {roi: classes[roi] for roi in check_rois(rois or classes, list(classes))}
    return compared, [_sum_up(subject, compared, hemispheres, named) for subject in chosen]


def _sum_up(
    subject: Subject, compared: Layered, hemispheres: Sequence[Side] | None, classes: Mapping[str, str]
) -> LayersByRoi:
    values, n_vertices = {}, {}
    for h in asked_sides(subject.sides, hemispheres):
        of = regions(subject, h, classes)
        inside = [of.get(roi, np.array([], dtype=np.int64)) for roi in classes]
        found = compared.read(subject, h).values
        nothing = np.full(len(compared.layers), np.nan)
        values[h] = np.stack([compared.sum_up(found[:, some]) if len(some) else nothing for some in inside], axis=1)
        n_vertices[h] = np.array([len(some) for some in inside])
    return LayersByRoi(subject.id, compared.layers, compared.words.summary, classes, values, n_vertices)
