"""The tables of learning curves: ROIs by numbers of images with what they come to, and some regions size by size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from algocli.cli.roi_tables import Table, fits, roi_lines
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, heading
from algocli.results.telling import DASH, drawn_anew, number

if TYPE_CHECKING:
    from algocli.results.curve_rows import CeilingRow, Curve, CurveRow

# So many regions have a table of their own, size by size.
_MOST_ALONE = 2


def curve_tables(curve: Curve) -> Iterator[Table]:
    """Yield each subject's tables: ROI by ROI a side, and size by size what subjects are compared by."""
    for subject in curve.subjects:
        for side in curve.sides:
            yield _by_roi(curve, subject, side)
        alone = [roi for roi in curve.rois_side_by_side if roi in curve.rois_of(subject)][:_MOST_ALONE]
        yield from (_by_size(curve, subject, roi) for roi in alone)


def explain_curves(curve: Curve, drawn: tuple[int, int]) -> Iterator[str]:
    """Say how these tables are to be read."""
    yield "columns are numbers of fitted images, all scored on the same held-out ones; sd is over subsets of that size"
    yield (
        "ceiling: c of r(n) = c / sqrt(1 + b / n), what r comes to with images without end; half at: of how many "
        "images a model explains half as much variance"
    )
    yield f"low, high: its 95 % interval ({drawn_anew(*drawn)}, and of subsets); unit: image, of that subject"


def _by_roi(curve: Curve, subject: SubjectId, side: Side) -> Table:
    """Return a side's ROIs, with as many sizes as the screen holds."""
    sizes = sorted({row.n_images for row in curve.rows if row.subject == subject})
    rows = {roi: curve.of_roi(subject, side, roi) for roi in curve.rois_of(subject)}
    ends = {roi: curve.ceiling_of(subject, side, roi) for roi in rows}
    title = f"Subject {subject}, {heading(side).lower()}: mean r (validation) by number of fitted images"
    for n_shown in range(len(sizes), 1, -1):
        places = np.unique(np.linspace(0, len(sizes) - 1, n_shown).round().astype(int)).tolist()
        columns = ["ROI", "n", *(f"{sizes[place]}" for place in places), "ceiling", "low", "high", "half at"]
        cells = {roi: _cells([of_roi[place] for place in places], ends[roi]) for roi, of_roi in rows.items() if of_roi}
        lines = list(roi_lines(curve, cells))
        if fits(columns, lines):
            break
    return title, columns, lines


def _cells(rows: Sequence[CurveRow], end: CeilingRow | None) -> list[str]:
    if end is None or end.mean_r is None:
        return [DASH] * (len(rows) + 5)
    scores = [number(row.mean_r) for row in rows]
    ceiling = [number(value) for value in (end.ceiling, end.low, end.high)]
    return [number(end.n_vertices, 0), *scores, *ceiling, number(end.half_at, 0)]


def _by_size(curve: Curve, subject: SubjectId, roi: str) -> Table:
    """Return one region, a size a row."""
    sides = curve.sides
    by_side = {side: curve.of_roi(subject, side, roi) for side in sides}
    columns = ["images", "components", "subsets", *(word for side in sides for word in (f"{side} r", "sd"))]
    lines = []
    for rows in zip(*by_side.values(), strict=True):
        k = rows[0].n_components
        head = [f"{rows[0].n_images}", "all" if k is None else f"{k}", f"{rows[0].n_repeats}"]
        lines.append([*head, *(number(value) for row in rows for value in (row.mean_r, row.sd))])
    return f"Subject {subject}, {roi.lower() if roi == 'All vertices' else roi}: mean r by size", columns, lines
