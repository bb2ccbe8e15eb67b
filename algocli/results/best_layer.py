"""Which layer speaks most for each vertex, and for which vertices none does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side, asked_sides
from algocli.results.layered import Layered, layered
from algocli.results.telling import SCORED_ON
from algocli.runs.run import Run

# An r of 0.1 stands for 1 % of the variance: which layer gives that little says nothing.
DEFAULT_MIN_R = 0.1
# Codes of vertices that get no layer; of several reasons the first counts.
NO_LAYER_HELPS, LOW_CEILING, NOT_PREDICTED = -1, -2, -3
REASONS = {NO_LAYER_HELPS: "no layer helps", LOW_CEILING: "low ceiling", NOT_PREDICTED: "not predicted"}


@dataclass(frozen=True)
class LayerCount:
    """How many vertices of a hemisphere have a layer, or have none for a reason."""

    subject: SubjectId
    hemisphere: Side
    layer: str | None
    features: str | None
    reason: str | None
    n_vertices: int


@dataclass(frozen=True)
class BestLayers:
    """One subject's vertices by layer: for each hemisphere (n_vertices,), the layer's position or a negative code."""

    codes: Mapping[Side, NDArray[np.int64]]

    @property
    def n_vertices(self) -> int:
        """The number of vertices of all hemispheres that there are."""
        return sum(map(len, self.codes.values()))

    def count(self, code: int) -> int:
        """Count the vertices that have a code."""
        return sum(int(np.count_nonzero(side == code)) for side in self.codes.values())

    def explain(self, min_r: float, compared: Layered) -> str:
        """Say how layers were chosen, and for how many vertices none was."""
        reasons = {
            NOT_PREDICTED: f"r up to {min_r:g} on {SCORED_ON}",
            LOW_CEILING: f"a noise ceiling up to {min_r**2:.2g}",
            NO_LAYER_HELPS: compared.words.nothing,
        }
        n_without = {why: n for code, why in reasons.items() if (n := self.count(code))}
        listed = ", ".join(f"{n:,} with {why}" for why, n in n_without.items())
        chosen = f"Layer of the largest {compared.words.chosen_by}"
        return f"{chosen}; of {self.n_vertices:,} vertices no layer for {listed}." if listed else f"{chosen}."


def find_best_layers(
    subject: Subject, compared: Layered, hemispheres: Sequence[Side] | None, min_r: float = DEFAULT_MIN_R
) -> BestLayers:
    """Find the layer that most speaks for, of every vertex that is predicted; of equal ones the one given first.

    Parameters
    ----------
    compared
        A blend's layers, by weight, those of banded ridge, by share, or those of several runs, by r.
    min_r
        A vertex whose r on held-out images is not above this, by the run or by the best of several, gets no layer.
        Nor does one whose noise ceiling is not above its square, so that no model could do better.

    Raises
    ------
    DataError
        If data and runs do not fit together, or an array of a run is damaged.
    MissingStep
        If a run has not been trained on the subject.
    """
    codes: dict[Side, NDArray[np.int64]] = {}
    for hemisphere in asked_sides(subject.sides, hemispheres):
        found = compared.read(subject, hemisphere)
        is_low = np.zeros(len(found.r), bool) if found.noise_ceiling is None else found.noise_ceiling <= min_r**2
        reasons = {
            NO_LAYER_HELPS: ~found.values.any(axis=0),
            LOW_CEILING: is_low,
            NOT_PREDICTED: found.r <= min_r,
        }
        codes[hemisphere] = np.select(list(reasons.values()), list(reasons), found.values.argmax(axis=0))
    return BestLayers(codes)


def count_layers(
    challenge: Dataset,
    runs: Sequence[Run],
    *,
    subjects: Sequence[SubjectId] | None = None,
    hemispheres: Sequence[Side] | None = None,
    min_r: float = DEFAULT_MIN_R,
) -> list[LayerCount]:
    """Count the vertices of every layer, and those without one by the reason, hemisphere by hemisphere.

    Raises
    ------
    UsageError, DataError, MissingStep
        As `layered` and `find_best_layers` do.
    """
    compared = layered(runs)
    rows = []
    for subject in compared.subjects(challenge, subjects):
        for hemisphere, codes in find_best_layers(subject, compared, hemispheres, min_r).codes.items():
            where = subject.id, hemisphere
            for code, layer in enumerate(compared.layers):
                rows.append(LayerCount(*where, layer.label, layer.features, None, int(np.sum(codes == code))))
            for code, reason in REASONS.items():
                rows.append(LayerCount(*where, None, None, reason, int(np.sum(codes == code))))
    return rows
