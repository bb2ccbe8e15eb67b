"""The tables of a comparison's page: differences ROI by ROI, and settings side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, heading
from algocli.results.difference_rows import Comparison, DifferenceRow
from algocli.results.page.provenance import describe_settings, features_in_short
from algocli.results.page.tables import Cell, Column, Group, Table, count, largest, number, roi_rows, span
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
    """Return the means over subjects, then one row a subject, of all its vertices or of the first ROI there is."""
    roi = comparison.rois_side_by_side[0]
    each = {n: comparison.of_roi(n, hemisphere, roi) for n in comparison.subjects}
    rows = tuple((Cell(f"Subject {n}", n), *_cells(comparison, of_subject)) for n, of_subject in each.items())
    having = [of_subject for of_subject in each.values() if of_subject and of_subject[0].n_vertices]
    head = ((Cell("Mean over subjects"), *_cells(comparison, _means(having))),) if having else ()
    return Table(
        f"subjects-{hemisphere}",
        f"{roi}, {heading(hemisphere).lower()}, subject by subject: mean r",
        (Column("Subject"), *_columns(comparison)),
        (Group("", rows),),
        head=head,
    )


def _means(having: Sequence[Sequence[DifferenceRow]]) -> list[DifferenceRow]:
    """Return a row a run of the means over subjects, without what tells how sure each subject's is."""

    def mean(values: Iterable[float | None]) -> float | None:
        present = [value for value in values if value is not None]
        return fmean(present) if present else None

    return [
        replace(
            rows[0],
            n_vertices=round(fmean(row.n_vertices for row in rows)),
            reference_mean_r=mean(row.reference_mean_r for row in rows),
            mean_r=mean(row.mean_r for row in rows),
            difference=mean(row.difference for row in rows),
            low=None,
            high=None,
            p=None,
        )
        for rows in zip(*having, strict=True)
    ]


def settings_side_by_side(runs: Sequence[Run]) -> tuple[SettingRow, ...]:
    """Return what the features are and every setting that plays a part in any run, a dash where it plays none."""
    of_runs = [{**features_in_short(run), **describe_settings(run.settings)} for run in runs]
    # The run with most to say tells where a setting stands that others lack.
    names = dict.fromkeys(name for facts in sorted(of_runs, key=len, reverse=True) for name in facts)
    return tuple(SettingRow(name, tuple(facts.get(name, DASH) for facts in of_runs)) for name in names)


def _columns(comparison: Comparison) -> Iterator[Column]:
    yield Column("n", "number of vertices")
    yield Column("1", f"mean r of the reference, {comparison.reference}")
    for place, run in enumerate(comparison.runs, start=2):
        heading = f"Run {place} against run 1"
        yield Column(str(place), f"mean r of {run}", heading, place)
        yield Column(f"{place} - 1", "difference in mean r", heading, place)
        yield Column("95 % interval", "of the difference, from held-out images drawn anew for both", heading, place)
        if comparison.corrected != "none":
            yield Column("p", "corrected for all differences of a subject", heading, place)


def _cells(comparison: Comparison, rows: Sequence[DifferenceRow]) -> Iterator[Cell]:
    has_p = comparison.corrected != "none"
    if not rows or not rows[0].n_vertices:
        yield from [Cell(DASH)] * (2 + (3 + has_p) * len(comparison.runs))
        return
    full = largest(r for row in comparison.rows for r in (row.reference_mean_r, row.mean_r))
    most = largest(row.difference for row in comparison.rows)
    yield from (count(rows[0].n_vertices), number(rows[0].reference_mean_r).heated(full))
    for row in rows:
        yield number(row.mean_r).heated(full)
        yield difference(row).heated(most)
        yield span(row.low, row.high, signed=True)
        if has_p:
            yield number(row.p)


def difference(row: DifferenceRow) -> Cell:
    """Return a difference's cell, with a mark where it is told as one."""
    cell = number(row.difference, signed=True)
    if not row.stands_out:
        return cell
    is_better = row.difference is not None and row.difference > 0
    why = "the interval excludes 0" if row.p is None else "p <= .05"
    meaning = f"{'better' if is_better else 'worse'}, {why}"
    return Cell(cell.text, cell.key, BETTER if is_better else WORSE, meaning)
