"""The tables of a comparison's page beyond four runs: a run a row, the best first, and ROIs as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean

from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import ALL_VERTICES, Side, heading
from algocli.results.difference_rows import Comparison, DifferenceRow
from algocli.results.page.compare_tables import SettingRow, difference
from algocli.results.page.tables import Cell, Column, Group, Table, count, largest, number, roi_rows, span, word
from algocli.results.ranked import Ranked, told_apart
from algocli.results.telling import DASH


def runs_table(ranked: Ranked, settings: Sequence[SettingRow]) -> Table:
    """Return every run by its mean r over subjects, with the settings that are not the same of all."""
    subjects, order = ranked.comparison.subjects, ranked.order(ranked.comparison.subjects)
    # A layer and its weights say what the name of features does.
    has_layer = any(setting.name == "Layer" for setting in settings)
    differing = [setting for setting in settings if setting.differs and not (has_layer and setting.name == "Features")]
    short = dict(zip(ranked.comparison.names, told_apart(ranked.comparison.names)[0], strict=True))

    def cells(run: str) -> Iterator[Cell]:
        place = ranked.place(run)
        yield Cell(f"{place} {short[run]}", place, run=place)
        means = [ranked.mean(run, subject, ranked.overall) for subject in subjects]
        known = [value for value in means if value is not None]
        yield number(fmean(known) if known else None).heated(full)
        if len(subjects) > 1:
            yield from (number(value).heated(full) for value in means)
        yield from (word(setting.values[place - 1]) for setting in differing)

    full = largest(ranked.mean_over(run, subjects, ranked.overall) for run in order)
    region = "all vertices" if ranked.overall == (ALL_VERTICES,) else "these ROIs"
    columns = [
        Column("Run", "by its place on the command line; 1 is the reference"),
        Column("mean r", f"over {region}" + (", mean over subjects" if len(subjects) > 1 else "")),
        *(Column(f"subject {subject}", f"mean r over {region}") for subject in subjects if len(subjects) > 1),
        *(Column(setting.name) for setting in differing),
    ]
    rows = tuple(tuple(cells(run)) for run in order)
    return Table("runs", f"Runs by mean r over {region}, the best first", tuple(columns), (Group("", rows),))


def scores_table(ranked: Ranked, subject: SubjectId, side: Side) -> Table:
    """Return the mean r of every run in every ROI of one side, marked where it differs from the reference's."""
    comparison = ranked.comparison
    rois = comparison.rois_of(subject)
    short = dict(zip(comparison.names, told_apart(comparison.names)[0], strict=True))
    full = ranked.largest_r

    def cells(run: str) -> Iterator[Cell]:
        place = ranked.place(run)
        yield Cell(f"{place} {short[run]}", place, run=place)
        for roi in rois:
            row = ranked.rows.get((subject, side, roi, run))
            mark = difference(row) if row is not None and row.stands_out else Cell("")
            r = number(ranked.mean(run, subject, [roi], [side]))
            yield Cell(r.text, r.key, mark.mark, mark.meaning).heated(full)

    columns = [Column("Run"), *(Column(roi, heading=comparison.classes.get(roi, "")) for roi in rois)]
    rows = tuple(tuple(cells(run)) for run in ranked.order([subject]))
    title = f"Subject {subject}, {heading(side).lower()}: mean r of every run by ROI, the best run first"
    return Table(f"runs-{subject}-{side}", title, tuple(columns), (Group("", rows),))


def differences_of_run(ranked: Ranked, subject: SubjectId, place: int) -> Table:
    """Return one run against the reference in every ROI of all sides."""
    comparison = ranked.comparison
    run = comparison.names[place - 1]

    groups, foot = roi_rows(
        comparison.by_class(comparison.rois_of(subject)),
        lambda roi: [
            cell for side in comparison.sides for cell in _cells(ranked, ranked.rows.get((subject, side, roi, run)))
        ],
    )
    columns = [Column("ROI"), *(column for side in comparison.sides for column in _columns(comparison, side, place))]
    title = f"Subject {subject}: run {place} against run 1 by ROI"
    return Table(f"differences-{subject}-run-{place}", title, tuple(columns), groups, foot, run=place)


def _columns(comparison: Comparison, side: Side, place: int) -> Iterator[Column]:
    above = heading(side)
    yield Column("n", "number of vertices", above)
    yield Column("1", f"mean r of the reference, {comparison.reference}", above)
    yield Column(str(place), f"mean r of {comparison.names[place - 1]}", above)
    yield Column(f"{place} - 1", "difference in mean r", above)
    yield Column("95 % interval", "of the difference, from held-out images drawn anew for both", above)
    if comparison.corrected != "none":
        yield Column("p", "corrected for all differences of a subject", above)


def _cells(ranked: Ranked, row: DifferenceRow | None) -> Iterator[Cell]:
    has_p = ranked.comparison.corrected != "none"
    if row is None or not row.n_vertices:
        yield from [Cell(DASH)] * (5 + has_p)
        return
    yield from (count(row.n_vertices), number(row.reference_mean_r), number(row.mean_r))
    yield difference(row).heated(ranked.largest_difference)
    yield span(row.low, row.high, signed=True)
    if has_p:
        yield number(row.p)
