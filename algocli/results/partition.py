"""Explained variance partitioned between sets of features, ROI by ROI: the rows behind the table, JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.choices import check_choice
from algocli.dataset.naming import SubjectId, by_id
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import BOTH, Side
from algocli.results.explained_parts import TOTAL, HemisphereParts, SubjectParts
from algocli.results.regions import choose_rois, classes_of, regions
from algocli.results.rows import RowsByRoi, write_records
from algocli.stats.partition import unions


@dataclass(frozen=True)
class PartRow:
    """One part of the variance of one ROI; None where there is no vertex, or no noise ceiling.

    `part` names the sets that share it, or is `TOTAL`; `explained` is its mean share of variance over the ROI's
    vertices, not clipped; `of_explainable` is that relative to their mean noise ceiling. The hemisphere "both" pools
    the vertices of all sides, where there are several.
    """

    subject: SubjectId
    hemisphere: Side
    roi: str
    n_vertices: int
    part: str
    explained: float | None
    of_explainable: float | None


@dataclass(frozen=True)
class PartitionReport(RowsByRoi):
    """All rows, subject by subject, hemisphere by hemisphere, ROI by ROI, and there part by part, `TOTAL` last.

    `parts` are their names, `TOTAL` among them; `classes` tells the class of each ROI (`ALL_VERTICES` has none).
    """

    sets: tuple[str, ...]
    parts: tuple[str, ...]
    rows: tuple[PartRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"PartitionReport({self.told(' and '.join(self.sets))})"

    @property
    def has_ceilings(self) -> bool:
        """Say whether any row is related to a noise ceiling."""
        return any(row.of_explainable is not None for row in self.rows)

    def of_roi(self, subject: SubjectId, roi: str, hemisphere: Side = BOTH) -> list[PartRow]:
        """Return a ROI's row of each part; none where that subject's data does not name the ROI."""
        # Of one side alone, that is what there is of all of them.
        pooled = self.sides[0] if len(self.sides) == 1 else BOTH
        side = pooled if hemisphere == BOTH else hemisphere
        wanted = (subject, check_choice("hemisphere", side, self.sides or (BOTH,), {"lh": "left", "rh": "right"}), roi)
        return [row for row in self.rows if (row.subject, row.hemisphere, row.roi) == wanted]


def summarise_parts(
    names: Sequence[str], found: Sequence[tuple[Subject, SubjectParts]], *, rois: Sequence[str] | None = None
) -> PartitionReport:
    """Average every part over the vertices of each ROI, and over all vertices.

    Parameters
    ----------
    names
        The sets, in the order in which they are to be told.
    found
        Each subject with its parts.
    rois
        Names of the only ROIs, 'All vertices' among them; by default all, 'All vertices' last.

    Raises
    ------
    UsageError
        If the data names no such ROI.
    """
    classes = classes_of([subject for subject, _ in found])
    chosen = choose_rois(rois, classes)
    parts = (*(" & ".join(name for name in names if name in part) for part in unions(names)), TOTAL)
    rows = [row for subject, sides in found for row in _subject_rows(names, parts, subject, sides, chosen)]
    return PartitionReport(tuple(names), parts, tuple(rows), classes, tuple(_ceiling_notes(found)))


def write_csv(report: PartitionReport, path: Path) -> None:
    """Write the rows as CSV at full precision, a missing number as an empty cell.

    Raises
    ------
    StorageError
        If the file cannot be written.
    """
    write_records([field.name for field in fields(PartRow)], map(asdict, report.rows), path)


def _subject_rows(
    names: Sequence[str], parts: Sequence[str], subject: Subject, sides: SubjectParts, chosen: Sequence[str]
) -> Iterator[PartRow]:
    values = {hemisphere: _stack(names, side) for hemisphere, side in sides.items()}
    vertices = {hemisphere: regions(subject, hemisphere, chosen) for hemisphere in sides}
    for side in (*sides, BOTH) if len(sides) > 1 else sides:
        hemispheres = [*sides] if side == BOTH else [side]
        for roi in vertices[hemispheres[0]]:
            picked = np.concatenate([values[h][:, vertices[h][roi]] for h in hemispheres], axis=1)
            for part, (explained, relative) in zip(parts, _means(picked), strict=True):
                yield PartRow(subject.id, side, roi, picked.shape[1], part, explained, relative)


def _stack(names: Sequence[str], side: HemisphereParts) -> NDArray[np.float64]:
    """Return parts, total and noise ceiling (NaN where there is none) as rows, (n_parts + 2, n_vertices)."""
    ceiling = np.full_like(side.total, np.nan) if side.noise_ceiling is None else side.noise_ceiling
    return np.stack([*(side.parts[part] for part in unions(names)), side.total, ceiling])


def _means(values: NDArray[np.float64]) -> Iterator[tuple[float | None, float | None]]:
    """Yield the mean of every part but the ceiling, which is the last row, and the same relative to the ceiling's."""
    if values.shape[1] == 0:
        yield from [(None, None)] * (len(values) - 1)
        return
    *means, ceiling = values.mean(axis=1).tolist()
    for mean in means:
        # A mean of quotients would belong to the vertices of next to no ceiling; and so parts sum to their total.
        yield mean, mean / ceiling if ceiling > 0 else None


def _ceiling_notes(found: Sequence[tuple[Subject, SubjectParts]]) -> Iterator[str]:
    units = {(side.unit, subject.id) for subject, sides in found for side in sides.values()}
    known = {unit for unit, _ in units if unit is not None}
    if not known:
        return
    read_as = "percent" if known == {"percent"} else "shares of variance" if known == {"share"} else "what each file is"
    yield f"noise ceilings were read as {read_as}, going by their largest value"
    if lacking := sorted({number for unit, number in units if unit is None}, key=by_id):
        yield f"noise ceilings are missing of subject {', '.join(map(str, lacking))}"
