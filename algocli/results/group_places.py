"""Where several subjects meet on fsaverage: every place where one of them has a response, and who has one there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side, asked_sides
from algocli.results.on_mesh import fsaverage_map, vertices_on_mesh
from algocli.results.regions import explainable


@dataclass(frozen=True)
class GroupPlaces:
    """The places of one hemisphere.

    Attributes
    ----------
    vertices : (n_places,)
        Their indices on fsaverage, rising.
    columns
        Of each subject who has the hemisphere, (n_vertices,): which place each of its vertices is at; -1 where it was
        left out.
    subjects
        All of them, in order.
    """

    vertices: NDArray[np.int64]
    columns: Mapping[SubjectId, NDArray[np.int64]]
    subjects: tuple[SubjectId, ...]

    @property
    def n_subjects(self) -> NDArray[np.int64]:
        """How many subjects have a response at each place, (n_places,)."""
        everywhere = np.concatenate([*self.columns.values(), np.array([], np.int64)])
        return np.bincount(everywhere[everywhere >= 0], minlength=len(self.vertices))

    @property
    def least(self) -> int:
        """From how many subjects on a place tells of the group: half of them, and two of whom a mean can be taken."""
        return max(2, -(-len(self.subjects) // 2))

    @property
    def is_told(self) -> NDArray[np.bool_]:
        """Which places have enough subjects, (n_places,)."""
        return self.n_subjects >= self.least

    def stack(self, values: Mapping[SubjectId, NDArray[np.floating]]) -> NDArray[np.float64]:
        """Put each subject's values, (..., n_vertices), to their places: (n_subjects, ..., n_places), NaN elsewhere."""
        leading = next(iter(values.values())).shape[:-1]
        stacked = np.full((len(self.subjects), *leading, len(self.vertices)), np.nan)
        for row, number in enumerate(self.subjects):
            if number in self.columns:
                is_there = self.columns[number] >= 0
                stacked[row][..., self.columns[number][is_there]] = values[number][..., is_there]
        return stacked

    def places_of(self, number: SubjectId, vertices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where some of a subject's vertices are, but those that were left out."""
        places = self.columns[number][vertices]
        return places[places >= 0]

    def on_mesh(self, values: NDArray[np.number[Any]]) -> NDArray[np.float64]:
        """Put one value a place, (n_places,), onto fsaverage, (163842,), NaN elsewhere."""
        return fsaverage_map(values, self.vertices)


def group_places(subjects: Sequence[Subject], side: Side, min_ceiling: float = 0) -> GroupPlaces:
    """Return where the subjects' vertices meet, but those of a lower noise ceiling.

    Raises
    ------
    UsageError
        If the data of one of them does not say where on fsaverage its responses are.
    DataError
        If noise ceilings are needed and missing.
    """
    having = [subject for subject in subjects if side in subject.sides]
    on_mesh = {subject.id: vertices_on_mesh(subject, side) for subject in having}
    is_told = {subject.id: explainable(subject, side, min_ceiling) for subject in having}
    everywhere = np.unique(np.concatenate([vertices[is_told[number]] for number, vertices in on_mesh.items()]))
    columns = {
        number: np.where(is_told[number], np.searchsorted(everywhere, vertices), -1)
        for number, vertices in on_mesh.items()
    }
    return GroupPlaces(everywhere, columns, tuple(subject.id for subject in subjects))


def group_sides(subjects: Sequence[Subject], asked: Sequence[Side] | None = None) -> tuple[Side, ...]:
    """Return the sides that any of the subjects has, of those asked for."""
    return asked_sides(tuple(dict.fromkeys(side for subject in subjects for side in subject.sides)), asked)
