"""What receptive fields of an area have in common: how they grow towards the edge, and what they see together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset, Subject
from algocli.dataset.rois import choose_areas
from algocli.dataset.sides import ALL_VERTICES, Side
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.coverage import Coverage, Coverages, draw_coverage
from algocli.results.drawing.size_lines import SizeLine, SizeLines, draw_size_lines
from algocli.results.field_layers import tell_layer
from algocli.results.plots.request import Wishes
from algocli.results.receptive_fields import VertexFields, fields_of
from algocli.results.regions import Chosen, classes_of, regions
from algocli.results.rows import OfLayers
from algocli.results.scoring import scored_subjects
from algocli.runs.networks import name_runs, networks_of
from algocli.runs.run import Run
from algocli.stats.lines import robust_line

# Degrees of eccentricity that a median is over, and how many windows it, or a line, is of at the least.
_BIN, _FEWEST, _FEWEST_OF_LINE = 0.5, 5, 10
# Points along a side of the visual field, and Gaussians that are added up at once.
_N_POINTS, _AT_ONCE = 121, 2048

# For each side and area the windows of the hemisphere, and which vertices in the area have one.
Areas = Mapping[Side, Mapping[str, tuple[VertexFields, NDArray[np.int64]]]]


def plot_size_by_eccentricity(
    challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str] = ()
) -> Iterator[tuple[SubjectId, Chart[SizeLines]]]:
    """Draw how the windows of each area grow with eccentricity: medians, and a line through all of them.

    Raises
    ------
    UsageError
        If the run has no windows, or the data names no such ROI.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    pairs = scored_subjects(challenge, run, wishes.subjects)
    for subject, areas in areas_of(run, [subject for subject, _ in pairs], wishes, rois):
        lines = {side: [line_of(name, *its) for name, its in each.items()] for side, each in areas.items()}
        caption = (
            f"Dots: median size of the windows in each {_BIN:g} degrees of eccentricity that have at least {_FEWEST}. "
            "Lines: robust regression (Huber) over all vertices whose window is better than the whole image."
            f"{tell_layer(run, wishes.layer)}{wishes.told_ceiling}\n{name_runs([run])}"
        )
        title = wishes.heading("Size of receptive fields by eccentricity", subject.id, pairs)
        yield subject.id, draw_size_lines(lines, title=title, caption=caption, dpi=wishes.dpi, theme=wishes.theme)


@dataclass(frozen=True)
class SizeRow(OfLayers):
    """How the windows of an area on one side of one subject grow: degrees of size for a degree of eccentricity.

    `slope` and `intercept`, the size in the middle, are None where fewer than ten vertices have a window.
    """

    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    slope: float | None
    intercept: float | None


def size_rows(challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str] = ()) -> list[SizeRow]:
    """Return what a chart of sizes shows as rows; errors are those of `plot_size_by_eccentricity`."""
    subjects = [subject for subject, _ in scored_subjects(challenge, run, wishes.subjects)]
    whose = OfLayers(run=run.name, **networks_of(run).fields).origin
    rows = []
    for subject, areas in areas_of(run, subjects, wishes, rois):
        for side, each in areas.items():
            for name, its in each.items():
                line = line_of(name, *its)
                rows.append(SizeRow(subject.id, side, name, line.n_vertices, *(line.line or (None, None)), **whose))
    return rows


def plot_coverage(
    challenge: Dataset, run: Run, wishes: Wishes, rois: Sequence[str] = ()
) -> Iterator[tuple[SubjectId, Chart[Coverages]]]:
    """Draw which part of the visual field each area sees: the mean of its windows, and their centres.

    Raises
    ------
    UsageError
        If the run has no windows, the data names no such ROI, or there is no colour map of the name asked for.
    DataError, MissingStep
        If data and run do not fit together, or a subject is missing from either.
    """
    pairs = scored_subjects(challenge, run, wishes.subjects)
    for subject, areas in areas_of(run, [subject for subject, _ in pairs], wishes, rois):
        reach = reach_of(areas, run.settings.image_width)
        panels = {
            side: tuple(coverage_of(name, *its, reach) for name, its in each.items()) for side, each in areas.items()
        }
        caption = (
            "Colour: mean of the Gaussian windows of an area's vertices, each 1 at its centre, relative to the largest "
            "in the panel; dots: their centres, as large as there are windows. Vertices whose window is no better than "
            "the whole image are left out."
            f"{tell_layer(run, wishes.layer)}{wishes.told_ceiling}\n{name_runs([run])}"
        )
        chart = draw_coverage(
            Coverages(panels, reach),
            title=wishes.heading("Coverage of the visual field", subject.id, pairs),
            caption=caption,
            colours=wishes.colours,
            dpi=wishes.dpi,
            theme=wishes.theme,
        )
        yield subject.id, chart


def areas_of(
    run: Run, subjects: Sequence[Subject], wishes: Wishes, rois: Sequence[str]
) -> Iterator[tuple[Subject, Areas]]:
    """Yield each subject with the areas to show, all vertices where no ROI is named; the same for all subjects."""
    chosen = Chosen(choose_areas(rois, classes_of(subjects)) or (ALL_VERTICES,))
    chosen.min_ceiling = wishes.min_ceiling
    for subject in subjects:
        yield subject, _windows(run, subject, wishes, chosen)


def _windows(run: Run, subject: Subject, wishes: Wishes, chosen: Chosen) -> Areas:
    """Return for each side each area's name, and which vertices in it have a window."""
    nowhere = np.array([], dtype=np.int64)
    areas: dict[Side, dict[str, tuple[VertexFields, NDArray[np.int64]]]] = {}
    for side, fields in fields_of(run, subject, wishes.sides(subject), wishes.layer).items():
        of = dict.fromkeys(chosen, nowhere) | regions(subject, side, chosen)
        areas[side] = {name: (fields, some[fields.has_window[some]]) for name, some in of.items()}
    return areas


def line_of(name: str, fields: VertexFields, vertices: NDArray[np.int64]) -> SizeLine:
    """Return the medians of an area's windows by eccentricity, and the line through all of them."""
    eccentricity, size = fields.eccentricity[vertices], fields.size[vertices]
    which = np.floor(eccentricity / _BIN).astype(np.int64)
    bins, counts = np.unique(which, return_counts=True)
    full = bins[counts >= _FEWEST]
    medians = np.array([np.median(size[which == each]) for each in full])
    line = None
    if len(vertices) >= _FEWEST_OF_LINE and np.ptp(eccentricity) > 0:
        line = robust_line(eccentricity, size)
    ends = (float(eccentricity.min(initial=np.inf)), float(eccentricity.max(initial=0.0)))
    return SizeLine(name, len(vertices), (full.astype(np.float64) + 0.5) * _BIN, medians, line, ends)


def reach_of(areas: Areas, image_width: float | None) -> float:
    """Return how far from the middle panels reach: to the image's edge or, where that is not known, past any centre."""
    if image_width is not None:
        return image_width / 2
    far = [
        float(np.abs([fields.x[some], fields.y[some]]).max(initial=1.0))
        for each in areas.values()
        for fields, some in each.values()
    ]
    return float(math.ceil(max(far, default=1.0)))


def coverage_of(name: str, fields: VertexFields, vertices: NDArray[np.int64], reach: float) -> Coverage:
    """Return what an area's windows see together, up to `reach` degrees from the middle to each side."""
    x, y, size = (each[vertices] for each in (fields.x, fields.y, fields.size))
    across = np.linspace(-reach, reach, _N_POINTS)
    density = np.zeros((_N_POINTS, _N_POINTS))
    for start in range(0, len(x), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        # A Gaussian of two dimensions is the product of two of one: their sum is a product of matrices.
        rows, columns = (
            np.exp(-((points[:, None] - centres[some]) ** 2) / (2 * size[some] ** 2))
            for points, centres in ((-across, y), (across, x))
        )
        density += rows @ columns.T
    most = density.max()
    return Coverage(name, x, y, density / most if most > 0 else density)
