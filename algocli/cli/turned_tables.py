"""The tables of `compare` beyond four runs: a run is a row, the best first, and what they are scored on a column.

Side by side so many runs, each with its difference and interval, would fill pages. What is left out here, the CSV, the
JSON and the page have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

from algocli.cli.roi_tables import Table, fits, roi_lines
from algocli.cli.run_rows import best_of, columned, named_rows
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import ALL_VERTICES, Side, all_of, heading
from algocli.results.ranked import MOST_SIDE_BY_SIDE, Ranked, by_score, told_apart
from algocli.results.telling import DASH, number

if TYPE_CHECKING:
    from algocli.results.difference_rows import Comparison, DifferenceRow
    from algocli.results.group_compare import DifferenceGroupRow, GroupComparison

# So many ROIs have a column each; of more, their classes.
_MOST_COLUMNS = 12


def is_turned(comparison: Comparison | GroupComparison) -> bool:
    """Say whether runs are too many to stand side by side."""
    return len(comparison.names) > MOST_SIDE_BY_SIDE


def turned_tables(comparison: Comparison) -> Iterator[Table]:
    """Yield each subject's tables, its overview last, and of several subjects one that lists them."""
    ranked = Ranked(comparison)
    for subject in comparison.subjects:
        order, who = ranked.order([subject]), f"Subject {subject}"

        def r(run: str, side: Side, roi: str, of: SubjectId = subject) -> float | None:
            return ranked.mean(run, of, [roi], [side])

        def row(run: str, side: Side, roi: str, of: SubjectId = subject) -> DifferenceRow | None:
            return ranked.rows.get((of, side, roi, run))

        if _has_columns(comparison):
            yield from _by_roi(comparison, who, order, r, row)
        else:
            yield from (_best_by_roi(comparison, who, subject, side, r, row) for side in comparison.sides)
            yield from _by_class(ranked, who, order, lambda run, rois, of=subject: ranked.mean(run, of, rois))  # type: ignore[misc]
        if ALL_VERTICES not in ranked.overall:
            yield _together(ranked, who, {run: ranked.mean(run, subject, ranked.overall) for run in order})
        for roi, side in product({*ranked.overall} & {ALL_VERTICES}, comparison.sides):
            columns = ["mean r", "- run 1", "low", "high", *_p_column(comparison), ""]
            scores = {run: r(run, side, roi) for run in order}
            cells = {run: _cells(comparison, scores[run], row(run, side, roi)) for run in by_score(scores)}
            yield named_rows(comparison, f"{who}, {heading(side).lower()}, {roi.lower()}", columns, cells)
    if len(comparison.subjects) > 1:
        yield _by_subject(ranked)


def turned_group_tables(group: GroupComparison) -> Iterator[Table]:
    """Yield the tables over subjects, the overview last."""
    ranked, n = Ranked(group.each), len(group.subjects)
    order, who = ranked.order(group.subjects), f"{n} subjects"
    rows = {(row.hemisphere, row.roi, row.run): row for row in group.rows}
    references = {(row.hemisphere, row.roi): row.reference_mean_r for row in group.rows}

    def row(run: str, side: Side, roi: str) -> DifferenceGroupRow | None:
        return rows.get((side, roi, run))

    def r(run: str, side: Side, roi: str) -> float | None:
        difference = row(run, side, roi)
        return references[side, roi] if difference is None else difference.mean_r

    if _has_columns(group.each):
        yield from _by_roi(group, who, order, r, row)
    else:
        yield from (_best_of_group(group, who, side) for side in group.sides)
        yield from _by_class(ranked, who, order, lambda run, rois: ranked.mean_over(run, group.subjects, rois))
    if ALL_VERTICES not in ranked.overall:
        yield _together(ranked, who, {run: ranked.mean_over(run, group.subjects, ranked.overall) for run in order})
    for roi, side in product({*ranked.overall} & {ALL_VERTICES}, group.sides):
        columns = ["mean r", "- run 1", "low", "high", "g", _p_of(group), "", "better", "worse", "best %"]
        shares = group.best_of(side, roi).shares
        scores = {run: r(run, side, roi) for run in order}
        cells = {
            run: _group_cells(group, scores[run], row(run, side, roi), shares.get(run)) for run in by_score(scores)
        }
        yield named_rows(group, f"{who}, {heading(side).lower()}, {roi.lower()}", columns, cells)


def explain_turned(comparison: Comparison | GroupComparison) -> Iterator[str]:
    """Say how the tables are to be read, and where there is more."""
    each = _each(comparison)
    best, *_ = Ranked(each).order(each.subjects)
    yield f"runs are numbered as they were named, the best first; 1 is the reference; best: {best}"
    if common := told_apart(comparison.names)[1]:
        yield f"names may lack what all have: {common}"
    if not _has_columns(each):
        yield "every run in the ROIs of a class: --roi CLASS"
    yield "every difference with its interval: --csv FILE, --json or --html FILE"


def _each(comparison: Comparison | GroupComparison) -> Comparison:
    from algocli.results.group_compare import GroupComparison

    return comparison.each if isinstance(comparison, GroupComparison) else comparison


def _has_columns(comparison: Comparison) -> bool:
    """Say whether ROIs are few enough to have a column each."""
    return len([roi for roi in comparison.rois if roi != ALL_VERTICES]) <= _MOST_COLUMNS


_Score = Callable[[str, Side, str], float | None]
_Row = Callable[[str, Side, str], "DifferenceRow | DifferenceGroupRow | None"]


def _by_roi(
    comparison: Comparison | GroupComparison, who: str, order: Sequence[str], r: _Score, row: _Row
) -> Iterator[Table]:
    """Yield runs by ROI for each side, in as few tables as the screen holds."""
    rois = [roi for roi in comparison.rois if roi != ALL_VERTICES] or list(comparison.rois)
    for side in comparison.sides if rois != [ALL_VERTICES] else ():
        columns = {
            roi: {run: f"{number(r(run, side, roi))}{_mark(row(run, side, roi))}" for run in order} for roi in rois
        }
        best = {roi: best_of(order, [r(run, side, roi) for run in order], comparison) for roi in rois}
        yield from columned(comparison, f"{who}, {heading(side).lower()}", order, columns, best)


def _by_class(
    ranked: Ranked, who: str, order: Sequence[str], mean: Callable[[str, Sequence[str]], float | None]
) -> Iterator[Table]:
    """Yield runs by class, all sides together."""
    comparison = ranked.comparison
    regions = {"all": ranked.overall, **ranked.by_class}
    means = {name: {run: mean(run, rois) for run in order} for name, rois in regions.items()}
    # A class is told by what it is for: as 'faces', not 'floc-faces'.
    called = {name: name.removeprefix("prf-").removeprefix("floc-") for name in means}
    columns = {called[name]: {run: f"{number(r)} " for run, r in of_runs.items()} for name, of_runs in means.items()}
    best = {called[name]: best_of(order, list(of_runs.values()), comparison) for name, of_runs in means.items()}
    whose = all_of(comparison.sides)
    yield from columned(comparison, f"{who}, {whose}, by class", order, columns, best)


def _together(ranked: Ranked, who: str, means: Mapping[str, float | None]) -> Table:
    """Return the runs by all regions that were asked for together."""
    what = f"{who}, {all_of(ranked.comparison.sides)}, these ROIs"
    return named_rows(ranked.comparison, what, ["mean r"], {run: [number(means[run])] for run in by_score(means)})


def _best_by_roi(comparison: Comparison, who: str, subject: SubjectId, side: Side, r: _Score, row: _Row) -> Table:
    """Return the best run of each ROI, and how far from the reference it is."""
    cells = {}
    for roi in comparison.rois_of(subject):
        place = best_of(comparison.names, [r(run, side, roi) for run in comparison.names], comparison)
        best = None if place == DASH else comparison.names[int(place) - 1]
        rows = comparison.of_roi(subject, side, roi)
        told = [DASH] if best is None else _cells(comparison, r(best, side, roi), row(best, side, roi))
        cells[roi] = [number(rows[0].n_vertices or None if rows else None, 0), place, *told]
    columns = ["ROI", "n", "best", "mean r", "- run 1", "low", "high", *_p_column(comparison), ""]
    return f"{who}, {heading(side).lower()}: the best run by ROI (validation)", columns, roi_lines(comparison, cells)


def _best_of_group(group: GroupComparison, who: str, side: Side) -> Table:
    """Return the best run of each ROI over subjects, how far from the reference it is, and how stable."""
    cells = {}
    for roi in group.rois:
        best = group.best_of(side, roi)
        row = next((row for row in group.of_roi(side, roi) if row.run == best.run), None)
        place = DASH if best.run is None else str(group.names.index(best.run) + 1)
        told = [*_group_cells(group, best.mean_r, row, best.stability), ""]
        cells[roi] = [str(best.n_subjects), place, *told]
    columns = ["ROI", "subj", "best", "mean r", "- run 1", "low", "high", "g", _p_of(group), "", "better", "worse"]
    title = f"{who}, {heading(side).lower()}: the best run by ROI (validation)"
    lines = list(roi_lines(group, cells))
    whole = [*columns, "stable", ""]
    # What a narrow screen does not hold the files have.
    for gone in ("better", "worse", "g"):
        if fits(whole, lines):
            break
        at = whole.index(gone)
        whole = whole[:at] + whole[at + 1 :]
        lines = [line[:at] + line[at + 1 :] if len(line) > 1 else line for line in lines]
    return title, whole, lines


def _by_subject(ranked: Ranked) -> Table:
    """Return all vertices, or every ROI together, of each subject, and the mean over subjects."""
    comparison = ranked.comparison
    order = ranked.order(comparison.subjects)
    cells = {
        run: [
            number(ranked.mean_over(run, comparison.subjects, ranked.overall)),
            *(number(ranked.mean(run, subject, ranked.overall)) for subject in comparison.subjects),
        ]
        for run in order
    }
    what = "all vertices" if ranked.overall == (ALL_VERTICES,) else "all these ROIs"
    columns = ["mean", *(f"subj {subject}" for subject in comparison.subjects)]
    return named_rows(comparison, f"Subject by subject, {what}", columns, cells)


def _cells(comparison: Comparison, r: float | None, row: DifferenceRow | DifferenceGroupRow | None) -> list[str]:
    """Return a run's r, its difference, interval, p and mark; the reference has none of these."""
    has_p = comparison.corrected != "none"
    if row is None or r is None or not hasattr(row, "difference"):
        return [number(r), *[DASH] * (3 + has_p), ""]
    differences = [number(value, signed=True) for value in (row.difference, row.low, row.high)]
    return [number(r), *differences, *[number(row.p)] * has_p, _mark(row)]


def _group_cells(
    group: GroupComparison, r: float | None, row: DifferenceGroupRow | None, share: float | None
) -> list[str]:
    best = number(None if share is None else 100 * share, 0)
    if row is None or r is None:
        return [number(r), *[DASH] * 5, "", DASH, DASH, best]
    p = row.p if group.corrected == "none" else row.p_corrected
    differences = [number(value, signed=True) for value in (row.mean, row.low, row.high)]
    told = [number(row.effect_size, 2, signed=True), "<.001" if p is not None and p < 0.0005 else number(p)]
    return [number(r), *differences, *told, _mark(row), str(row.n_better), str(row.n_worse), best]


def _p_column(comparison: Comparison) -> list[str]:
    return ["p"] if comparison.corrected != "none" else []


def _p_of(group: GroupComparison) -> str:
    return "p" if group.corrected == "none" else f"p {group.corrected}"


def _mark(row: DifferenceRow | DifferenceGroupRow | None) -> str:
    return "*" if row is not None and row.stands_out else " "
