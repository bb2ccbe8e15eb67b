"""How a figure is wished for, and what all kinds of figures do with the wishes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algocli.compute.choices import check_choice
from algocli.dataset.naming import SubjectId, check_subject_ids
from algocli.dataset.protocol import Subject
from algocli.dataset.rois import choose_regions
from algocli.dataset.sides import HEMISPHERES, Side, asked_sides, check_hemisphere
from algocli.errors import UsageError
from algocli.results.drawing.keys import Scale, scale_for, symmetric_scale_for
from algocli.results.drawing.style import CATEGORY_COLOURS, DEFAULT_DPI, LIGHT, Theme
from algocli.results.on_mesh import cut, fsaverage_map, vertices_on_mesh
from algocli.results.regions import classes_of, explainable, regions
from algocli.results.surface import N_VERTICES, Surface
from algocli.results.telling import shortened

Values = Mapping[Side, NDArray[np.float64]]
Places = Mapping[Side, NDArray[np.int64]]


@dataclass(frozen=True)
class Wishes:
    """What a user asks of a figure, whatever its kind.

    `low`, `high` and `colours` (a colour map of matplotlib's by name) replace what would be chosen for the values.
    `outlined` are names of ROIs or of ROI classes to draw around. `subjects` are by default all there are. Vertices
    whose noise ceiling, a share of variance, is below `min_ceiling` are left out. `labels` are what to call runs, or
    the layers of one. Layers of several runs are chosen in inner folds if that is `nested`. Of receptive fields with a
    window for each layer, those of `layer` are shown; by default of the one that weighs most.
    """

    subjects: tuple[SubjectId, ...] | None = None
    hemispheres: Sequence[Side] = HEMISPHERES
    title: str | None = None
    surface: Surface = "fsaverage5"
    low: float | None = None
    high: float | None = None
    colours: str | None = None
    outlined: tuple[str, ...] = ()
    dpi: int = DEFAULT_DPI
    theme: Theme = LIGHT
    min_ceiling: float = 0
    labels: tuple[str, ...] = ()
    nested: bool = False
    layer: str | None = None

    def __post_init__(self) -> None:
        sides = (self.hemispheres,) if isinstance(self.hemispheres, str) else tuple(self.hemispheres)
        object.__setattr__(self, "hemispheres", tuple(check_hemisphere(side) for side in sides))
        check_choice("surface", self.surface, tuple(N_VERTICES))
        if self.subjects is not None:
            object.__setattr__(self, "subjects", check_subject_ids(self.subjects))

    def sides(self, subject: Subject) -> tuple[Side, ...]:
        """Return the hemispheres to draw of a subject, or what it has instead."""
        return asked_sides(subject.sides, self.hemispheres)

    def heading(self, default: str, subject: SubjectId, together: Sequence[object]) -> str:
        """Return the user's own title as it is for one figure; tell several figures apart by their subject."""
        if self.title is not None and len(together) == 1:
            return self.title
        return f"{self.title or default}, subject {subject}"

    def scale(self, values: ArrayLike, label: str) -> Scale:
        """Fit a scale from 0 up, unless told otherwise."""
        return scale_for(values, label).between(self.low, self.high, values, self.colours)

    def symmetric_scale(self, values: ArrayLike, label: str, step: float = 0.5) -> Scale:
        """Fit a scale around 0 that ends at a multiple of `step`, unless told otherwise; one end tells the other."""
        low, high = self.low, self.high
        if low is None and high is not None and high > 0:
            low = -high
        elif high is None and low is not None and low < 0:
            high = -low
        return symmetric_scale_for(values, label, step).between(low, high, values, self.colours)

    def explainable(self, subject: Subject, values: Values) -> dict[Side, NDArray[np.float64]]:
        """Leave out, as NaN, the values of vertices that have too low a noise ceiling, if that was asked for.

        Raises
        ------
        DataError
            If it was, and there are none.
        """
        return {h: np.where(explainable(subject, h, self.min_ceiling), side, np.nan) for h, side in values.items()}

    @property
    def of_layers(self) -> dict[str, Any]:
        """What tables of layers are to be about, by the names of their arguments."""
        return {
            "subjects": self.subjects,
            "hemispheres": self.hemispheres,
            "min_ceiling": self.min_ceiling,
            "labels": self.labels,
        }

    @property
    def told_ceiling(self) -> str:
        """Say which vertices were left out, as a caption goes on; nothing where none were."""
        return f" Vertices whose noise ceiling is below {self.min_ceiling:g} are left out." if self.min_ceiling else ""

    def places(self, subject: Subject, name: str) -> Places:
        """Return the challenge vertices of a region in each hemisphere, but those that are left out."""
        vertices = places(subject, name, self.sides(subject))
        return {h: its[explainable(subject, h, self.min_ceiling)[its]] for h, its in vertices.items()}

    def on_surface(self, subject: Subject, values: Values) -> dict[Side, NDArray[np.float64]]:
        """Put a subject's values, (n_vertices,) a hemisphere, to their places on the mesh, NaN elsewhere."""
        return {h: cut(fsaverage_map(side, vertices_on_mesh(subject, h)), self.surface) for h, side in values.items()}

    def outlines(self, subject: Subject) -> dict[Side, dict[str, NDArray[np.int64]]]:
        """Return the mesh vertices inside each ROI to draw around; a ROI without any is left out."""
        if not self.outlined:
            return {}
        around: dict[Side, dict[str, NDArray[np.int64]]] = {h: {} for h in self.sides(subject)}
        for name in known_rois([subject], self.outlined):
            for h, vertices in places(subject, name, self.sides(subject)).items():
                inside = np.zeros(subject.n_vertices(h))
                inside[vertices] = 1
                on_mesh = np.flatnonzero(self.on_surface(subject, {h: inside})[h] == 1)
                if len(on_mesh):
                    around[h][name] = on_mesh
        return around

    def count(self, drawn: Values, values: Values) -> str:
        """Say how many of the vertices with a value the mesh shows."""
        counts = [f"{np.isfinite(drawn[h]).sum():,} of {np.isfinite(values[h]).sum():,} {h}" for h in values]
        return f"{self.surface}: {' and '.join(counts)} vertices shown.{self.told_ceiling}"


def all_shortened(names: Sequence[str]) -> list[str]:
    """Take the middle out of long names, unless it is what tells them apart."""
    short = [shortened(name) for name in names]
    return short if len(set(short)) == len(set(names)) else list(names)


def category_colours(n: int, what: str) -> Sequence[str]:
    """Return `n` colours that can be told apart.

    Raises
    ------
    UsageError
        If there are not as many.
    """
    if n > len(CATEGORY_COLOURS):
        raise UsageError(f"{n} {what} cannot be told apart by colour: at most {len(CATEGORY_COLOURS)} can")
    return CATEGORY_COLOURS[:n]


def known_rois(subjects: Iterable[Subject], names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of ROIs as the data spells them; a class, or whatever else is of several, stands for each.

    Raises
    ------
    UsageError
        If the data names no such ROI or class.
    """
    classes = classes_of(subjects)
    return choose_regions(names, classes, whole=False)


def places(subject: Subject, name: str, hemispheres: Sequence[Side]) -> Places:
    """Return the challenge vertices of a region in each hemisphere, none where the subject lacks it."""
    nowhere = np.array([], dtype=np.int64)
    return {h: regions(subject, h, [name]).get(name, nowhere) for h in hemispheres}


def restricted(subject: Subject, values: Values, rois: Sequence[str]) -> dict[Side, NDArray[np.float64]]:
    """Keep the values inside any of the ROIs; those elsewhere become NaN."""
    kept = {}
    for h, side in values.items():
        inside = np.concatenate([places(subject, name, [h])[h] for name in rois])
        kept[h] = np.where(np.isin(np.arange(len(side)), inside), side, np.nan)
    return kept
