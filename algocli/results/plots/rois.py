"""Where things lie on a subject's cortex: all challenge vertices, and ROIs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.sides import Side
from algocli.results.drawing.brain_map import BrainMap, Panel
from algocli.results.drawing.keys import Categories
from algocli.results.drawing.style import CATEGORY_COLOURS, CONTEXT_COLOUR
from algocli.results.on_mesh import vertices_on_mesh
from algocli.results.plots.request import Places, Values, Wishes, category_colours, known_rois
from algocli.results.surface import N_VERTICES


def plot_vertices(challenge: Dataset, wishes: Wishes) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Show which part of the cortex each subject's responses come from.

    Raises
    ------
    DataError
        If a subject or its mask is missing.
    """
    key = Categories(["challenge vertices"], [CATEGORY_COLOURS[4]])
    chosen = challenge.subjects(wishes.subjects)
    for subject in chosen:
        values = wishes.explainable(subject, {h: np.zeros(subject.n_vertices(h)) for h in wishes.sides(subject)})
        drawn = wishes.on_surface(subject, values)
        title = wishes.heading("Challenge vertices", subject.id, chosen)
        caption, outlines = wishes.count(drawn, values), wishes.outlines(subject)
        yield subject.id, BrainMap((Panel(drawn),), key, title, caption, wishes.surface, outlines)


def plot_roi(challenge: Dataset, names: Sequence[str], wishes: Wishes) -> Iterator[tuple[SubjectId, BrainMap]]:
    """Show where ROIs lie, those of a class by its name; of overlapping ones the one named last is on top.

    Raises
    ------
    UsageError
        If the data names no such ROI, or there are more ROIs than colours.
    DataError
        If a subject or one of its masks is missing.
    """
    chosen = challenge.subjects(wishes.subjects)
    rois = known_rois(chosen, names)
    colours = [*category_colours(len(rois), "ROIs"), CONTEXT_COLOUR]
    for subject in chosen:
        placed = {name: wishes.places(subject, name) for name in rois}
        codes = wishes.explainable(
            subject, {h: np.full(subject.n_vertices(h), float(len(rois))) for h in wishes.sides(subject)}
        )
        for code, name in enumerate(rois):
            for h in wishes.sides(subject):
                codes[h][placed[name][h]] = code
        labels = [name if any(map(len, placed[name].values())) else f"{name} (absent)" for name in rois]
        key = Categories([*labels, "other challenge vertices"], colours)
        counted = _count_rois(subject, placed, wishes)
        caption = f"{wishes.surface}, vertices shown: {counted}.{_overlap(placed, codes)}{wishes.told_ceiling}"
        title = wishes.heading(", ".join(names), subject.id, chosen)
        panels, outlines = (Panel(wishes.on_surface(subject, codes)),), wishes.outlines(subject)
        yield subject.id, BrainMap(panels, key, title, caption, wishes.surface, outlines)


def _count_rois(subject: Subject, placed: Mapping[str, Places], wishes: Wishes) -> str:
    """Say of each ROI how many of its vertices the surface has, as in 'PPA 87 of 1,410 left and 79 of 1,292 right'."""

    def count(hemisphere: Side, vertices: NDArray[np.int64]) -> str:
        shown = np.count_nonzero(vertices_on_mesh(subject, hemisphere)[vertices] < N_VERTICES[wishes.surface])
        return f"{shown:,} of {len(vertices):,} {hemisphere}" if len(vertices) else f"absent {hemisphere}"

    return "; ".join(f"{name} {' and '.join(count(*side) for side in sides.items())}" for name, sides in placed.items())


def _overlap(placed: Mapping[str, Places], codes: Values) -> str:
    named = sum(len(vertices) for sides in placed.values() for vertices in sides.values())
    coloured = sum(np.count_nonzero(side < len(placed)) for side in codes.values())
    return " Where ROIs overlap, the one named last is on top." if named > coloured else ""
