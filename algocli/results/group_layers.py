"""Which layer speaks most on average over subjects, by vertex and by ROI, and how stable that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.results.best_layer import DEFAULT_MIN_R, REASONS, BestLayers, LayersByRoi, code_layers, layers_by_roi
from algocli.results.group_places import GroupPlaces, group_places, group_sides
from algocli.results.layered import Layered, LayerValues
from algocli.results.rows import OfRun
from algocli.runs.run import Run
from algocli.stats.best import N_RESAMPLES, Best, best_over_subjects
from algocli.stats.groups import GroupMean, mean_of_subjects

STABILITY = f"share of {N_RESAMPLES:,} resamples of the subjects in which a layer stays the best"


@dataclass(frozen=True)
class GroupLayerCount(OfRun):
    """How many places of a hemisphere have a layer, or have none for a reason.

    `stability` is the median over them of the share of resamples of the subjects in which the layer stays the best.
    """

    hemisphere: Side
    layer: str | None
    features: str | None
    reason: str | None
    n_vertices: int
    stability: float | None


@dataclass(frozen=True)
class GroupBestLayers:
    """A group's places by layer.

    Attributes
    ----------
    meeting
        Where subjects meet, for each hemisphere.
    best
        For each hemisphere the layer, or a negative code, of the places that enough of them share, in order.
    stability
        For each hemisphere and of each of these places the share of resamples in which its layer stays the best; NaN
        where there is none.
    """

    meeting: Mapping[Side, GroupPlaces]
    best: BestLayers
    stability: Mapping[Side, NDArray[np.float64]]

    def everywhere(self, side: Side, told: NDArray[np.number[Any]]) -> NDArray[np.float64]:
        """Put values of the places that enough subjects share among all places, NaN elsewhere."""
        here = self.meeting[side]
        values = np.full(len(here.vertices), np.nan)
        values[here.is_told] = told
        return values

    def counts(self, compared: Layered) -> Iterator[GroupLayerCount]:
        """Count the places of every layer, and those without one by the reason, hemisphere by hemisphere."""
        for h, codes in self.best.codes.items():
            for code, layer in enumerate(compared.layers):
                its = self.stability[h][codes == code]
                stability = float(np.median(its)) if len(its) else None
                yield GroupLayerCount(h, layer.label, layer.features, None, len(its), stability, **layer.whose)
            for code, reason in REASONS.items():
                yield GroupLayerCount(h, None, None, reason, int(np.sum(codes == code)), None)


def find_group_best_layers(
    subjects: Sequence[Subject],
    compared: Layered,
    hemispheres: Sequence[Side] | None = None,
    min_r: float = DEFAULT_MIN_R,
    min_ceiling: float = 0,
) -> GroupBestLayers:
    """Find the layer that most speaks for on average, of every place on the mesh that enough subjects share.

    The rules of `find_best_layers` hold for means over the subjects who have the place: of what speaks for each layer,
    of r (of several runs, that of the best layer), and of noise ceilings, where all have them.

    Raises
    ------
    UsageError
        If the data of a subject has no places on the mesh.
    DataError, MissingStep
        As `find_best_layers` does.
    """
    meeting = {h: group_places(subjects, h, min_ceiling) for h in group_sides(subjects, hemispheres)}
    codes, stability = {}, {}
    for h, here in meeting.items():
        by_subject = {subject.id: compared.read(subject, h) for subject in subjects if h in subject.sides}
        told = here.is_told
        # (n_layers, n_subjects, n_told)
        values = np.moveaxis(here.stack({who: its.values for who, its in by_subject.items()}), 1, 0)[..., told]
        best = best_over_subjects(values)
        mean = np.stack([mean_of_subjects(layer).mean for layer in values])
        reached = mean.max(axis=0)
        if len(compared.runs) == 1:
            reached = mean_of_subjects(here.stack({who: its.r for who, its in by_subject.items()})[:, told]).mean
        codes[h] = code_layers(LayerValues(mean, reached, _ceiling(here, by_subject)), min_r)
        stability[h] = np.where(codes[h] >= 0, best.share, np.nan)
    return GroupBestLayers(meeting, BestLayers(codes), stability)


def _ceiling(here: GroupPlaces, by_subject: Mapping[SubjectId, LayerValues]) -> NDArray[np.float64] | None:
    """Average the noise ceilings, (n_told,); nothing unless all subjects have them."""
    known = {who: its.noise_ceiling for who, its in by_subject.items() if its.noise_ceiling is not None}
    return mean_of_subjects(here.stack(known)[:, here.is_told]).mean if len(known) == len(by_subject) else None


@dataclass(frozen=True)
class GroupLayerRow(OfRun):
    """One layer in one ROI of one hemisphere over the subjects who have it; a number is None where too few have.

    Attributes
    ----------
    measure
        What each subject's value is, as a `LayerRow` has it.
    value, low, high
        The mean over subjects and its 95 % interval.
    stability
        Of the best layer, in what share of resamples of the subjects it stays the best.
    """

    hemisphere: Side
    roi: str
    n_subjects: int
    layer: str
    features: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    is_best: bool
    stability: float | None


@dataclass(frozen=True)
class GroupLayers:
    """Layers by ROI over subjects: `each` is the table of every subject, all of the same layers and ROIs."""

    each: tuple[LayersByRoi, ...]

    @cached_property
    def sides(self) -> tuple[Side, ...]:
        """The sides that any subject has."""
        return tuple(dict.fromkeys(side for table in self.each for side in table.values))

    @cached_property
    def means(self) -> Mapping[Side, tuple[GroupMean, ...]]:
        """For each side and layer the mean over subjects of every ROI."""
        return {h: tuple(mean_of_subjects(layer) for layer in self._scores(h)) for h in self.sides}

    @cached_property
    def best(self) -> Mapping[Side, Best]:
        """For each side the best layer of every ROI, and how stable it is."""
        return {h: best_over_subjects(self._scores(h)) for h in self.sides}

    def n_subjects(self, side: Side) -> NDArray[np.int64]:
        """How many subjects have each ROI on a side, (n_rois,)."""
        return self.means[side][0].n_subjects

    @property
    def as_one_subject(self) -> LayersByRoi:
        """The means as the table of one subject, so that the same chart can be made of it."""
        first = self.each[0]
        values = {h: np.stack([layer.mean for layer in layers]) for h, layers in self.means.items()}
        n_vertices = {
            h: np.asarray(sum(table.n_vertices[h] for table in self.each if h in table.n_vertices)) for h in self.sides
        }
        return LayersByRoi("group", first.layers, first.measure, first.classes, values, n_vertices)

    @property
    def rows(self) -> Iterator[GroupLayerRow]:
        """All cells, side by side, ROI by ROI, and there layer by layer."""
        first = self.each[0]
        for h in self.sides:
            n, best = self.n_subjects(h).tolist(), self.best[h]
            for column, roi in enumerate(first.classes):
                for place, (layer, over) in enumerate(zip(first.layers, self.means[h], strict=True)):
                    is_best = bool(best.index[column] == place)
                    yield GroupLayerRow(
                        h,
                        roi,
                        n[column],
                        layer.label,
                        layer.features,
                        first.measure,
                        value=_number(over.mean[column]),
                        low=_number(over.low[column]),
                        high=_number(over.high[column]),
                        is_best=is_best,
                        stability=_number(best.share[column]) if is_best else None,
                        **layer.whose,
                    )

    def _scores(self, side: Side) -> NDArray[np.float64]:
        """Return what speaks for each layer, (n_layers, n_subjects, n_rois), NaN where a subject lacks the ROI."""
        nothing = np.full((len(self.each[0].layers), len(self.each[0].classes)), np.nan)
        return np.stack([table.values.get(side, nothing) for table in self.each], axis=1)


def group_layers_by_roi(
    challenge: Dataset,
    runs: Sequence[Run],
    *,
    subjects: Sequence[SubjectId] | None = None,
    hemispheres: Sequence[Side] | None = None,
    rois: Sequence[str] = (),
    min_ceiling: float = 0,
    labels: Sequence[str] = (),
) -> tuple[Layered, GroupLayers]:
    """Sum up each layer in each ROI over subjects; arguments and errors are those of `layers_by_roi`."""
    compared, tables = layers_by_roi(
        challenge,
        runs,
        subjects=subjects,
        hemispheres=hemispheres,
        rois=rois,
        min_ceiling=min_ceiling,
        labels=labels,
    )
    return compared, GroupLayers(tuple(tables))


def _number(value: np.floating) -> float | None:
    return None if np.isnan(value) else float(value)
