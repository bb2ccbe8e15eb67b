"""Receptive fields that runs have found beside those that a mapping experiment has measured, ROI by ROI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.dataset.naming import SubjectId
from algocli.dataset.nsd.prf_files import ANGLE, ECCENTRICITY, PrfFiles, read_prf
from algocli.dataset.protocol import Subject
from algocli.dataset.sides import Side
from algocli.errors import UsageError
from algocli.results.receptive_fields import VertexFields, read_fields
from algocli.results.regions import Chosen, choose_rois, classes_of, regions, tell_min_ceiling, with_sums
from algocli.results.rows import ORIGIN, OfLayers, RowsByRoi
from algocli.runs.networks import networks_of
from algocli.runs.run import Run
from algocli.stats.circular import correlate_angles

# Fewer vertices than this say nothing of a correlation.
_FEWEST = 5


@dataclass(frozen=True)
class PrfRow(OfLayers):
    """One ROI of one side of one subject by one run; None where too few vertices have a field in both, or no file told.

    `n_vertices` of the ROI's `n_in_roi` have a field in both. `angle_r` is the circular correlation of polar angles,
    `angle_error` the median of how far they are apart, in degrees; `eccentricity_r` is Pearson's, `eccentricity_rho`
    Spearman's correlation, and `eccentricity_error` the median difference, whatever its sign, in degrees of visual
    angle.
    """

    subject: SubjectId
    hemisphere: Side
    roi: str
    n_in_roi: int
    n_vertices: int
    angle_r: float | None = None
    angle_error: float | None = None
    eccentricity_r: float | None = None
    eccentricity_rho: float | None = None
    eccentricity_error: float | None = None


@dataclass(frozen=True)
class PrfComparison(RowsByRoi):
    """All rows, run by run and side by side; `classes` tells the class of each ROI."""

    runs: tuple[str, ...]
    rows: tuple[PrfRow, ...]
    classes: dict[str, str]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"PrfComparison({self.told('runs ' + ', '.join(self.runs))})"

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of a row, where its numbers come from first."""
        own = tuple(name for name in PrfRow.__dataclass_fields__ if name not in ORIGIN)
        return (*ORIGIN, *own)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON and CSV have them: their columns by name."""
        return [{name: asdict(row)[name] for name in self.columns} for row in self.rows]

    def of_roi(self, run: str, hemisphere: Side, roi: str) -> PrfRow | None:
        """Return one row, or None where there is none."""
        wanted = (run, hemisphere, roi)
        return next((row for row in self.rows if (row.run, row.hemisphere, row.roi) == wanted), None)


def compare_fields(
    runs: Sequence[Run],
    subject: Subject,
    files: PrfFiles,
    *,
    rois: Sequence[str] | None = None,
    min_ceiling: float = 0,
) -> PrfComparison:
    """Hold what runs have found of a subject's vertices against what was measured.

    Parameters
    ----------
    runs
        That have receptive fields.
    subject
        Whose files they are.
    files
        As `find_prf_files` returns them; sides without any are left out.
    rois, min_ceiling
        The only ROIs, by default all, and the least noise ceiling of the vertices that count.

    Raises
    ------
    UsageError
        If a run has no receptive fields, the data names no such ROI, or no file is of a side that the subject has.
    DataError
        If a file is damaged or of another surface, or data and run do not fit together.
    MissingStep
        If a run has not been trained on the subject.
    """
    classes = classes_of([subject])
    chosen = choose_rois(rois, classes, min_ceiling)
    measured = {side: read_prf(files[side], subject, side) for side in files if side in subject.sides}
    if not measured:
        raise UsageError(
            f"the receptive fields of prf=... are of the {' and '.join(files)} side, and subject {subject.id} has "
            f"{' and '.join(subject.sides)}"
        )
    rows = [row for run in runs for row in _rows(run, subject, chosen, measured)]
    notes = tell_min_ceiling(min_ceiling)
    notes += [f"no file is of the {side} side" for side in subject.sides if side not in files]
    return PrfComparison(tuple(run.name for run in runs), tuple(rows), with_sums(chosen, classes), tuple(notes))


def _rows(
    run: Run, subject: Subject, chosen: Chosen, measured: Mapping[Any, Mapping[str, NDArray[np.float64]]]
) -> list[PrfRow]:
    whose, rows = OfLayers(run=run.name, **networks_of(run).fields).origin, []
    for side, maps in measured.items():
        fields = read_fields(run, subject.id, side, subject.n_vertices(side))
        for roi, vertices in regions(subject, side, chosen).items():
            n, numbers = _compare(fields, maps, vertices)
            rows.append(PrfRow(subject.id, side, roi, len(vertices), n, **numbers, **whose))
    return rows


def _compare(
    fields: VertexFields, measured: Mapping[str, NDArray[np.float64]], vertices: NDArray[np.int64]
) -> tuple[int, dict[str, Any]]:
    """Return how many vertices have a field in both, and the numbers of a row that can be told of them."""
    from scipy.stats import spearmanr

    # A window in the very middle has no angle, and is left out.
    known = ~np.isnan(fields.angle)
    for values in measured.values():
        known &= ~np.isnan(values)
    here = vertices[known[vertices]]
    numbers: dict[str, float] = {}
    if len(here) < _FEWEST:
        return len(here), numbers
    if ANGLE in measured:
        found, told = fields.angle[here], measured[ANGLE][here]
        apart = np.abs((found - told + 180) % 360 - 180)
        numbers |= {"angle_r": correlate_angles(found, told), "angle_error": float(np.median(apart))}
    if ECCENTRICITY in measured:
        found, told = fields.eccentricity[here], measured[ECCENTRICITY][here]
        # What never varies correlates with nothing.
        varies = np.ptp(found) > 0 and np.ptp(told) > 0
        numbers["eccentricity_r"] = float(np.corrcoef(found, told)[0, 1]) if varies else 0.0
        numbers["eccentricity_rho"] = float(spearmanr(found, told).statistic) if varies else 0.0
        numbers["eccentricity_error"] = float(np.median(np.abs(found - told)))
    return len(here), {name: value for name, value in numbers.items() if not np.isnan(value)}
