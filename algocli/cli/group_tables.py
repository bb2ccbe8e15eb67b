"""The tables of `--group`: one for each side, a ROI a row, over subjects.

What a narrow terminal does not hold is left to files: first the standard deviation with images in it, then p before it
is corrected, then what is left between subjects, or how many are better and worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from algocli.dataset.sides import Side, heading

if TYPE_CHECKING:
    from algocli.cli.roi_tables import Table
    from algocli.results.group import GroupResult, GroupRow
    from algocli.results.group_compare import GroupComparison
    from algocli.results.group_partition import GroupPartition
    from algocli.results.group_report import GroupReport, RoiGroupRow


# Columns that give way, in this order.
_FIRST_TO_GO = (("sd",), ("p",), ("between",), ("better", "worse"))


def show_group_report(group: GroupReport) -> None:
    """Print the tables of a run, and the lines that its report has below them."""
    from algocli.cli.console import out, show_remark
    from algocli.cli.roi_tables import show_tables

    show_tables(_report_tables(group), group.run)
    if group.each.preparation:
        out().print()
    for line in group.each.preparation:
        show_remark(line)


def show_group_parts(group: GroupPartition) -> None:
    """Print a table for each part, in percent of variance, all sides together; of many sets none for shared parts."""
    from algocli.cli.partition_tables import MOST_IN_FULL
    from algocli.cli.roi_tables import roi_lines, show_tables
    from algocli.results.telling import SCORED_ON

    def tables() -> Iterator[Table]:
        columns = ["ROI", *_columns(group, "mean")]
        for place, part in enumerate(group.parts):
            if len(group.sets) <= MOST_IN_FULL or place < len(group.sets) or place == len(group.parts) - 1:
                cells = {roi: list(_cells(group, group.of_roi(roi)[place], times=100, digits=1)) for roi in group.rois}
                alone = " alone" if place < len(group.sets) else ""
                title = f"{len(group.subjects)} subjects, {part}{alone}: percent of variance, {SCORED_ON}"
                yield _fitted(group, title, columns, roi_lines(group, cells))

    show_tables(tables(), " and ".join(group.sets))


def _report_tables(group: GroupReport) -> Iterator[Table]:
    from algocli.cli.roi_tables import roi_lines
    from algocli.results.telling import SCORED_ON

    columns = ["ROI", *_columns(group, "mean r"), *["acc %"] * group.each.has_accuracy]
    columns += ["sig"] * group.each.has_significance
    for side in group.sides:
        rows = {row.roi: row for row in group.rows if row.hemisphere == side}
        lines = roi_lines(group, {roi: _report_cells(group, row) for roi, row in rows.items()})
        title = f"{len(group.subjects)} subjects, {heading(side).lower()}: mean r on {SCORED_ON}"
        yield _fitted(group, title, columns, lines)


def _fitted(group: GroupResult, title: str, columns: Sequence[str], lines: Iterable[Sequence[str]]) -> Table:
    """Return a table without the columns that the screen does not hold."""
    from algocli.cli.roi_tables import fits

    kept = [list(columns), *map(list, lines)]
    for names in _FIRST_TO_GO:
        if fits(kept[0], kept[1:]):
            break
        # The only p that there is stays.
        if names != ("p",) or group.corrected != "none":
            gone = [place for place, name in enumerate(kept[0]) if name in names]
            kept = [[cell for place, cell in enumerate(row) if place not in gone] for row in kept]
    return title, kept[0], kept[1:]


def _report_cells(group: GroupReport, row: RoiGroupRow) -> Iterator[str]:
    from algocli.cli.console import number

    yield from _cells(group, row)
    if group.each.has_accuracy:
        yield number(row.accuracy, 1)
    if group.each.has_significance:
        yield number(None if row.significant_share is None else 100 * row.significant_share, 0)


def comparison_tables(group: GroupComparison) -> Iterator[Table]:
    """Yield a table for each side: a ROI a row, each run against the reference, and which is best."""
    from algocli.cli.roi_tables import roi_lines, run_by_run
    from algocli.results.telling import SCORED_ON

    p = "p" if group.corrected == "none" else f"p {group.corrected}"
    of_run = ("{}", "{} - 1", "low", "high", "g", p, "", "better", "worse")
    columns = ["ROI", "subj", "1"]
    columns += [name.format(place) for place in range(2, len(group.runs) + 2) for name in of_run]
    for side in group.sides:
        lines = roi_lines(group, {roi: _comparison_cells(group, side, roi) for roi in group.rois})
        title = f"{len(group.subjects)} subjects, {heading(side).lower()}: mean r on {SCORED_ON}"
        whole = (title, [*columns, "best", "stable"], lines)
        for table in run_by_run(whole, 3, len(of_run), len(group.runs)):
            yield _fitted(group, *table)


def _comparison_cells(group: GroupComparison, side: Side, roi: str) -> Iterator[str]:
    from algocli.results.telling import DASH, number

    rows, best = group.of_roi(side, roi), group.best_of(side, roi)
    yield str(rows[0].n_subjects)
    yield number(rows[0].reference_mean_r)
    for row in rows:
        yield number(row.mean_r)
        yield from (number(value, signed=True) for value in (row.mean, row.low, row.high))
        yield number(row.effect_size, 2, signed=True)
        yield _p(row.p if group.corrected == "none" else row.p_corrected)
        yield "*" * row.stands_out
        yield from ((str(row.n_better), str(row.n_worse)) if row.n_subjects else (DASH, DASH))
    yield DASH if best.run is None else str(group.names.index(best.run) + 1)
    yield number(None if best.stability is None else 100 * best.stability, 0)


def _columns(group: GroupResult, mean: str) -> list[str]:
    """Return the headings of `_cells`; Wilcoxon's p is left to files and pages."""
    p = ["p", *[f"p {group.corrected}"] * (group.corrected != "none"), ""]
    names = ["subj", mean, "95 %", "sd", *["between"] * group.has_prevalence, "g", *p]
    return [*names, *["show", "prevalence"] * group.has_prevalence]


def _cells(group: GroupResult, row: GroupRow, *, times: int = 1, digits: int = 3) -> Iterator[str]:
    from algocli.cli.console import DASH, number

    mean, low, high, sd, between = (
        number(None if value is None else times * value, digits)
        for value in (row.mean, row.low, row.high, row.sd, row.sd_between)
    )
    yield str(row.n_subjects)
    yield mean
    yield DASH if row.low is None else f"{low} {high}"
    yield sd
    if group.has_prevalence:
        yield between
    yield number(row.effect_size, 2)
    yield _p(row.p)
    if group.corrected != "none":
        yield _p(row.p_corrected)
    yield "*" * row.stands_out
    if group.has_prevalence:
        yield number(row.n_showing, 0)
        yield _percent(row)


def _p(value: float | None) -> str:
    from algocli.cli.console import number

    return "<.001" if value is not None and value < 0.0005 else number(value)


def _percent(row: GroupRow) -> str:
    from algocli.cli.console import DASH

    ends = (row.prevalence, row.prevalence_low, row.prevalence_high)
    known = [f"{100 * value:.0f}" for value in ends if value is not None]
    return DASH if len(known) < len(ends) else "{}: {}-{}".format(*known)
