"""Which layer speaks most: for each vertex, or for none of them and why, and in each ROI of a subject's cortex."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side, asked_sides
from algocli.results.layer_names import LayerOfRun
from algocli.results.layered import Layered, LayerValues, layered
from algocli.results.regions import Chosen, choose_rois, classes_of, explainable, regions, with_sums
from algocli.results.rows import OfRun
from algocli.results.telling import SCORED_ON
from algocli.runs.run import Run

# An r of 0.1 stands for 1 % of the variance: which layer gives that little says nothing.
DEFAULT_MIN_R = 0.1
# Codes of vertices that get no layer; of several reasons the first counts.
NO_LAYER_HELPS, LOW_CEILING, NOT_PREDICTED = -1, -2, -3
REASONS = {NO_LAYER_HELPS: "no layer helps", LOW_CEILING: "low ceiling", NOT_PREDICTED: "not predicted"}


@dataclass(frozen=True)
class LayerCount(OfRun):
    """How many vertices of a hemisphere have a layer, or have none for a reason; `layer` is what figures call it."""

    subject: SubjectId
    hemisphere: Side
    layer: str | None
    features: str | None
    reason: str | None
    n_vertices: int


@dataclass(frozen=True)
class BestLayers:
    """One subject's vertices by layer: for each hemisphere (n_vertices,), the layer's position or a negative code.

    `min_ceiling` is the least noise ceiling of those that have one.
    """

    codes: Mapping[Side, NDArray[np.int64]]
    min_ceiling: float = 0

    @property
    def n_vertices(self) -> int:
        """The number of vertices of all hemispheres that there are."""
        return sum(map(len, self.codes.values()))

    def count(self, code: int) -> int:
        """Count the vertices that have a code."""
        return sum(int(np.count_nonzero(side == code)) for side in self.codes.values())

    def explain(self, min_r: float, compared: Layered) -> str:
        """Say how layers were chosen, and for how many vertices none was."""
        low = f"below {self.min_ceiling:g}" if self.min_ceiling > min_r**2 else f"up to {min_r**2:.2g}"
        reasons = {
            NOT_PREDICTED: f"r up to {min_r:g} on {SCORED_ON}",
            LOW_CEILING: f"a noise ceiling {low}",
            NO_LAYER_HELPS: compared.words.nothing,
        }
        n_without = {why: n for code, why in reasons.items() if (n := self.count(code))}
        listed = ", ".join(f"{n:,} with {why}" for why, n in n_without.items())
        chosen = f"Layer of the largest {compared.words.chosen_by}"
        return f"{chosen}; of {self.n_vertices:,} vertices no layer for {listed}." if listed else f"{chosen}."


def find_best_layers(
    subject: Subject,
    compared: Layered,
    hemispheres: Sequence[Side] | None,
    min_r: float = DEFAULT_MIN_R,
    min_ceiling: float = 0,
) -> BestLayers:
    """Find the layer that most speaks for, of every vertex that is predicted; of equal ones the one given first.

    Parameters
    ----------
    compared
        A blend's layers, by weight, those of banded ridge, by share, or those of several runs, by r.
    min_r
        A vertex whose r on held-out images is not above this, by the run or by the best of several, gets no layer.
        Nor does one whose noise ceiling is not above its square, so that no model could do better.
    min_ceiling
        The least noise ceiling, as a share of variance, of a vertex that gets a layer; 0 for any.

    Raises
    ------
    DataError
        If data and runs do not fit together, or an array of a run is damaged.
    MissingStep
        If a run has not been trained on the subject.
    """
    codes: dict[Side, NDArray[np.int64]] = {}
    for hemisphere in asked_sides(subject.sides, hemispheres):
        coded = code_layers(compared.read(subject, hemisphere), min_r)
        codes[hemisphere] = np.where(explainable(subject, hemisphere, min_ceiling), coded, LOW_CEILING)
    return BestLayers(codes, min_ceiling)


def code_layers(of_layers: LayerValues, min_r: float) -> NDArray[np.int64]:
    """Return the position of each vertex's layer, (n_vertices,), or the code of why it has none."""
    is_low = (
        np.zeros(len(of_layers.r), bool) if of_layers.noise_ceiling is None else of_layers.noise_ceiling <= min_r**2
    )
    reasons = {
        NO_LAYER_HELPS: ~of_layers.values.any(axis=0),
        LOW_CEILING: is_low,
        NOT_PREDICTED: of_layers.r <= min_r,
    }
    return np.select(list(reasons.values()), list(reasons), of_layers.values.argmax(axis=0))


def count_layers(
    challenge: Dataset,
    runs: Sequence[Run],
    *,
    subjects: Sequence[SubjectId] | None = None,
    hemispheres: Sequence[Side] | None = None,
    min_r: float = DEFAULT_MIN_R,
    min_ceiling: float = 0,
    labels: Sequence[str] = (),
) -> list[LayerCount]:
    """Count the vertices of every layer, and those without one by the reason, hemisphere by hemisphere.

    Raises
    ------
    UsageError, DataError, MissingStep
        As `layered` and `find_best_layers` do.
    """
    compared = layered(runs, labels)
    rows = []
    for subject in compared.subjects(challenge, subjects):
        for hemisphere, codes in find_best_layers(subject, compared, hemispheres, min_r, min_ceiling).codes.items():
            where = subject.id, hemisphere
            for code, layer in enumerate(compared.layers):
                n_best = int(np.sum(codes == code))
                rows.append(LayerCount(*where, layer.label, layer.features, None, n_best, **layer.whose))
            for code, reason in REASONS.items():
                rows.append(LayerCount(*where, None, None, reason, int(np.sum(codes == code))))
    return rows


@dataclass(frozen=True)
class LayerRow(OfRun):
    """One layer in one ROI of one hemisphere of one subject; `value` is None where the ROI is absent.

    `layer` is what figures call it.

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
                    is_best = bool(best[column] == place)
                    yield LayerRow(self.subject, h, roi, n, *names, value, is_best, **layer.whose)


def layers_by_roi(
    challenge: Dataset,
    runs: Sequence[Run],
    *,
    subjects: Sequence[SubjectId] | None = None,
    hemispheres: Sequence[Side] | None = None,
    rois: Sequence[str] = (),
    min_ceiling: float = 0,
    labels: Sequence[str] = (),
) -> tuple[Layered, list[LayersByRoi]]:
    """Sum up each layer in each ROI of each subject.

    Parameters
    ----------
    runs
        One blend or banded ridge, or several runs of one layer each.
    rois
        Names of the only ROIs, 'All vertices' among them; by default all, 'All vertices' last.
    min_ceiling
        The least noise ceiling, as a share of variance, of the vertices that count; 0 for any.
    labels
        What to call runs or layers, as `layered` has it.

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
    compared = layered(runs, labels)
    those = compared.subjects(challenge, subjects)
    classes = classes_of(those)
    chosen = choose_rois(rois, classes, min_ceiling)
    named = {roi: with_sums(chosen, classes).get(roi, "") for roi in chosen}
    return compared, [_sum_up(subject, compared, hemispheres, chosen, named) for subject in those]


def _sum_up(
    subject: Subject,
    compared: Layered,
    hemispheres: Sequence[Side] | None,
    chosen: Chosen,
    classes: Mapping[str, str],
) -> LayersByRoi:
    values, n_vertices = {}, {}
    for h in asked_sides(subject.sides, hemispheres):
        of = regions(subject, h, chosen)
        inside = [of.get(roi, np.array([], dtype=np.int64)) for roi in chosen]
        by_layer = compared.read(subject, h).values
        nothing = np.full(len(compared.layers), np.nan)
        values[h] = np.stack([compared.sum_up(by_layer[:, some]) if len(some) else nothing for some in inside], axis=1)
        n_vertices[h] = np.array([len(some) for some in inside])
    return LayersByRoi(subject.id, compared.layers, compared.words.summary, classes, values, n_vertices)
