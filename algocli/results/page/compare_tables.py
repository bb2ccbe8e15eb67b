"""The tables of a comparison's page: differences ROI by ROI, and settings side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, heading
from algocli.results.compare import Comparison, DifferenceRow
from algocli.results.page.provenance import describe_settings
from algocli.results.page.tables import Cell, Column, Group, Table, count, number, roi_rows, span
from algocli.results.telling import DASH
from algocli.runs.run import Run

# An interval that excludes 0 points up or down, for whoever sees no colour and no weight.
BETTER, WORSE = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"


@dataclass(frozen=True)
class SettingRow:
    """One setting of every run, in the order of the runs."""

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Say whether any run has another value than the first."""
        return len(set(self.values)) > 1


def difference_table(comparison: Comparison, subject: SubjectId, hemisphere: Side) -> Table:
    """Return the ROIs of one hemisphere, class by class, every run beside the reference; all vertices are the foot."""
    groups, foot = roi_rows(
        comparison.by_class(comparison.rois_of(subject)),
        lambda roi: _cells(comparison, comparison.of_roi(subject, hemisphere, roi)),
    )
    return Table(
        f"differences-{subject}-{hemisphere}",
        f"Subject {subject}, {heading(hemisphere).lower()}: mean r by ROI",
        (Column("ROI"), *_columns(comparison)),
        groups,
        foot,
    )


def subjects_differences(comparison: Comparison, hemisphere: Side) -> Table:
    """Return one row a subject, of all its vertices or of the first ROI there is."""
    roi = comparison.rois_side_by_side[0]
    rows = tuple(
        (Cell(f"Subject {n}", n), *_cells(comparison, comparison.of_roi(n, hemisphere, roi)))
        for n in comparison.subjects
    )
    return Table(
        f"subjects-{hemisphere}",
        f"{roi}, {heading(hemisphere).lower()}, subject by subject: mean r",
        (Column("Subject"), *_columns(comparison)),
        (Group("", rows),),
    )


def settings_side_by_side(runs: Sequence[Run]) -> tuple[SettingRow, ...]:
    """Return every setting that plays a part in any of the runs, a dash where it plays none."""
    found = [describe_settings(run.settings) for run in runs]
    # The run with most to say tells where a setting stands that others lack.
    names = dict.fromkeys(name for facts in sorted(found, key=len, reverse=True) for name in facts)
    return tuple(SettingRow(name, tuple(facts.get(name, DASH) for facts in found)) for name in names)


def _columns(comparison: Comparison) -> Iterator[Column]:
    yield Column("n", "number of vertices")
    yield Column("1", f"mean r of the reference, {comparison.reference}")
    for place, run in enumerate(comparison.runs, start=2):
        heading = f"Run {place} against run 1"
        yield Column(str(place), f"mean r of {run}", heading)
        yield Column(f"{place} - 1", "difference in mean r", heading)
        yield Column("95 % interval", "of the difference, from held-out images drawn anew for both", heading)
        if comparison.corrected != "none":
            yield Column("p", "corrected for all differences of a subject", heading)


def _cells(comparison: Comparison, rows: Sequence[DifferenceRow]) -> Iterator[Cell]:
    has_p = comparison.corrected != "none"
    if not rows or not rows[0].n_vertices:
        yield from [Cell(DASH)] * (2 + (3 + has_p) * len(comparison.runs))
        return
    yield from (count(rows[0].n_vertices), number(rows[0].reference_mean_r))
    for row in rows:
        yield number(row.mean_r)
        yield _difference(row)
        yield span(row.low, row.high, signed=True)
        if has_p:
            yield number(row.p)


def _difference(row: DifferenceRow) -> Cell:
    cell = number(row.difference, signed=True)
    if not row.stands_out:
        return cell
    is_better = row.difference is not None and row.difference > 0
    why = "the interval excludes 0" if row.p is None else "p <= .05"
    meaning = f"{'better' if is_better else 'worse'}, {why}"
    return Cell(cell.text, cell.key, BETTER if is_better else WORSE, meaning)
