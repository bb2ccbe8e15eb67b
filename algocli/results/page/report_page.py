"""A run's report as one web page: headline, tables to sort, charts, cortices to turn, and where it all comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from shlex import quote
from typing import Any

import numpy as np

from algocli.dataset.naming import SubjectId
from algocli.dataset.protocol import Dataset
from algocli.dataset.sides import ALL_VERTICES, heading
from algocli.errors import UsageError
from algocli.results.certainty import Asked
from algocli.results.drawing.brain_map import BrainMap
from algocli.results.drawing.chart import Chart
from algocli.results.drawing.charts import draw_rois
from algocli.results.drawing.roi_axis import remark_on_absent
from algocli.results.drawing.style import DARK, LIGHT, Theme
from algocli.results.how_sure import explain_accuracies, of_report
from algocli.results.layered import per_layer
from algocli.results.on_mesh import has_places
from algocli.results.over_subjects import as_one_subject
from algocli.results.page.field_pictures import field_pictures
from algocli.results.page.field_tables import field_table
from algocli.results.page.frame import Page, SubjectPart
from algocli.results.page.pictures import Picture, picture
from algocli.results.page.provenance import Provenance, features_in_short, finished, provenance
from algocli.results.page.repeating import commands_of
from algocli.results.page.report_tables import over_subjects_table, roi_table, subjects_table
from algocli.results.page.tables import count, number
from algocli.results.plots.accuracy import plot_accuracy
from algocli.results.plots.ceilings import plot_ceiling
from algocli.results.plots.fields import plot_fields
from algocli.results.plots.group_maps import plot_group_accuracy
from algocli.results.plots.layers import plot_best_layer
from algocli.results.plots.request import Wishes
from algocli.results.receptive_fields import has_fields
from algocli.results.report import NOTHING
from algocli.results.report_rows import Report
from algocli.results.telling import SCORED_ON
from algocli.runs.run import Run


@dataclass(frozen=True)
class Figure:
    """A number that stands out, what it is, and what else should be known of it."""

    value: str
    name: str
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class ReportPage(Page):
    """Everything that a report's page shows."""

    template = "report.html"

    run: str
    finished: str
    features: dict[str, str]
    headline: Figure
    figures: tuple[Figure, ...]
    provenance: Provenance


def build_report_page(
    report: Report,
    run: Run,
    data: Dataset,
    *,
    title: str | None = None,
    asked: Asked = NOTHING,
    rois: Sequence[str] | None = None,
) -> ReportPage:
    """Gather what a report's page shows; the same report gives the same page.

    Parameters
    ----------
    report
        What `summarise` found of the run.
    run
        That run.
    data
        The data that it was made from. Subjects that it lacks have no maps.
    title
        A heading; by default one that says what the page is.
    asked, rois
        What the report was asked for, which the command that makes the page again is to say.

    Raises
    ------
    DataError
        If data and run do not fit together, or the run's records are damaged.
    """
    several = len(report.subjects) > 1
    tables = (subjects_table(report), *[over_subjects_table(report)] * _has_rois(report))
    headline, *figures = _figures(report, run)
    in_folds = run.settings.folds is not None
    explained = asked.explain("95 % interval", "significant %", report.sides, in_folds=in_folds and report.refitted)
    notes: dict[str, None] = dict.fromkeys(
        (*explain_accuracies(report, "accuracy %", "adjusted %"), *report.notes, *explained)
    )
    parts = tuple(_subject_parts(report, run, data, notes))
    subject_runs = [run.subject(number) for number in report.subjects]
    return ReportPage(
        title=title or "Encoding accuracy",
        run=run.name,
        finished=finished(run),
        features=features_in_short(run),
        headline=headline,
        figures=tuple(figures),
        overview=tables if several else (),
        pictures=_charts(as_one_subject(report), 0, "the median over subjects of the median r by ROI")
        if several
        else (),
        maps=_group_maps(report, run, data),
        subjects=parts,
        provenance=provenance(run, report.subjects),
        how_sure=tuple(
            of_report(
                in_folds=in_folds,
                has_accuracy=report.has_accuracy,
                has_p=report.has_significance,
                has_intervals=report.has_intervals,
            )
        ),
        repeat=(*commands_of([(run, subject_runs)]), _command(report, run, title, asked, rois)),
        notes=tuple(notes),
    )


def _figures(report: Report, run: Run) -> Iterator[Figure]:
    """Yield the headline, then smaller numbers."""
    subject_runs = [run.subject(n) for n in report.subjects]
    r = {
        h: np.concatenate([subject_run.correlation(h) for subject_run in subject_runs if h in subject_run.sides])
        for h in report.sides
    }
    together = np.concatenate(list(r.values()))
    median = Figure(number(float(np.median(together))).text, "median r", "Pearson's r, over all vertices")
    overall = report.overall if report.has_accuracy else None
    if overall is None:
        yield median
    else:
        yield Figure(
            f"{overall.mean:.1f} %",
            "mean noise-normalised encoding accuracy",
            "min(100, 100 r\N{SUPERSCRIPT TWO} / noise ceiling) over all vertices",
        )
        yield Figure(f"{overall.median:.1f} %", "median accuracy", "over all vertices")
        if overall.adjusted_mean is not None:
            yield Figure(f"{overall.adjusted_mean:.1f} %", "adjusted accuracy", "mean, without what chance adds")
        yield median
    for hemisphere, side in r.items() if len(r) > 1 else ():
        yield Figure(number(float(np.median(side))).text, f"median r, {hemisphere}", f"of {len(side):,} vertices")
    held_out = _times([len(subject_run.validation_rows()) for subject_run in subject_runs])
    yield Figure(held_out, "held-out images", "training images that the scored model did not see")


def _times(counts: Sequence[int]) -> str:
    """Write how many images each subject has, as 8 x 200, or 8 x 878 to 984 where they differ."""
    each = " to ".join(count(n).text for n in sorted({min(counts), max(counts)}))
    return each if len(counts) == 1 else f"{len(counts)} x {each}"


def _placed(report: Report, data: Dataset) -> tuple[SubjectId, ...]:
    """Return the subjects of whom the data says where on the cortex their responses lie."""
    return tuple(n for n in report.subjects if n in data.subject_ids and has_places(data.subject(n)))


def _group_maps(report: Report, run: Run, data: Dataset) -> tuple[tuple[str, BrainMap], ...]:
    """Map the mean over subjects, where there are several."""
    placed = _placed(report, data)
    if len(placed) < 2:
        return ()
    return (("map-group", plot_group_accuracy(data, run, Wishes(placed, min_ceiling=report.min_ceiling))),)


def _subject_parts(report: Report, run: Run, data: Dataset, notes: dict[str, None]) -> Iterator[SubjectPart]:
    """Yield each subject's part; what cannot be shown leaves a note."""
    there = tuple(n for n in report.subjects if n in data.subject_ids)
    placed = _placed(report, data)
    if placed != there:
        notes["no maps of the cortex: the dataset does not say where its responses lie"] = None
    wishes = Wishes(placed or None, min_ceiling=report.min_ceiling)
    maps = {n: [(f"map-{n}", shown)] for n, shown in plot_accuracy(data, run, wishes)} if placed else {}
    if placed and per_layer(run) is not None:
        try:
            for n, shown in plot_best_layer(data, [run], wishes):
                maps[n].append((f"layers-{n}", shown))
        except UsageError as error:
            notes[f"no map of the best layers: {error.message}"] = None
    seen = tuple(n for n in there if has_fields(run.subject(n)))
    for n, named in _field_maps(data, run, tuple(n for n in seen if n in placed), wishes):
        maps[n].append(named)
    ceilings = _against_ceilings(data, run, there, report.min_ceiling)
    windows = field_pictures(data, run, seen, report.min_ceiling)
    for n in report.subjects:
        charts = [*_charts(report, n, f"subject {n}'s median r by ROI"), *ceilings.get(n, ()), *windows.get(n, ())]
        tables = (roi_table(report, n), *[field_table(report, n)] * (n in seen))
        yield SubjectPart(n, tables, tuple(charts), tuple(maps.get(n, ())), _in_short(report, n))


def _field_maps(
    data: Dataset, run: Run, subjects: tuple[SubjectId, ...], wishes: Wishes
) -> Iterator[tuple[SubjectId, tuple[str, BrainMap]]]:
    """Map where those who have receptive fields see: directions, distances and sizes."""
    for what in ("angle", "eccentricity", "size") if subjects else ():
        for n, shown in plot_fields(data, run, replace(wishes, subjects=subjects), what):
            yield n, (f"{what}-{n}", shown)


def _in_short(report: Report, subject: SubjectId) -> str:
    """Say the median r of a subject, of all its vertices or of the one ROI there is."""
    roi = report.rois_side_by_side[0]
    rows = ((h, report.row(subject, h, roi)) for h in report.sides)
    medians = [f"{row.median_r:.3f} {h}" for h, row in rows if row is not None and row.median_r is not None]
    return f"median r of {roi.lower() if roi == ALL_VERTICES else roi}: {', '.join(medians)}" if medians else ""


def _has_rois(report: Report) -> bool:
    """Say whether there is anything beside all vertices, as there is not where the data is gone."""
    return any(roi != ALL_VERTICES for roi in report.rois)


def _charts(report: Report, subject: SubjectId, what: str) -> tuple[Picture, ...]:
    """Return the bars of a subject's ROIs, if there are ROIs."""
    return (_bars(report, subject, what),) if _has_rois(report) else ()


def _bars(report: Report, subject: SubjectId, what: str) -> Picture:
    remark = remark_on_absent(row.n_vertices for row in report.rows if row.subject == subject)
    return picture(
        lambda theme: draw_rois(report, subject, title="", theme=theme),
        f"{what[0].upper()}{what[1:]}",
        f"Bar chart of {what}. {' '.join(_extremes(report, subject))} The table above has the numbers.",
        f"Scored on {SCORED_ON}.{remark}",
    )


def _extremes(report: Report, subject: SubjectId) -> Iterator[str]:
    for h in report.sides:
        rows = [(report.row(subject, h, roi), roi) for roi in report.rois_of(subject)]
        medians = sorted((row.median_r, roi) for row, roi in rows if row is not None and row.median_r is not None)
        if medians:
            (low, worst), (high, best) = medians[0], medians[-1]
            yield f"{heading(h)}: from {low:.2f} ({worst}) to {high:.2f} ({best})."


def _against_ceilings(
    data: Dataset, run: Run, subjects: Sequence[SubjectId], min_ceiling: float
) -> dict[SubjectId, tuple[Picture]]:
    """Draw the r of those who have noise ceilings against these, all to one scale."""
    having = tuple(
        n for n in subjects if all(data.subject(n).noise_ceiling(h) is not None for h in data.subject(n).sides)
    )
    if not having:
        return {}
    wishes = {theme: Wishes(having, title="", theme=theme, min_ceiling=min_ceiling) for theme in (LIGHT, DARK)}
    charts = {theme: dict(plot_ceiling(data, run, wishes[theme])) for theme in wishes}
    return {n: (_against_ceiling(charts, n),) for n in having}


def _against_ceiling(charts: Mapping[Theme, Mapping[SubjectId, Chart[Any]]], subject: SubjectId) -> Picture:
    return picture(
        lambda theme: charts[theme][subject],
        "r against the noise ceiling",
        f"Chart of subject {subject}'s r at each vertex against the vertex's noise ceiling.",
    )


def _command(report: Report, run: Run, title: str | None, asked: Asked, rois: Sequence[str] | None) -> str:
    """Return the command that writes this page again."""
    words = ["algocli report", f"--run {quote(run.name)}", f"-s {','.join(map(str, report.subjects))}"]
    words += [f"--roi {quote(roi)}" for roi in rois or ()]
    words += [f"--min-ceiling {report.min_ceiling:g}"] * bool(report.min_ceiling)
    usual = Asked(1000, 1000)
    if asked.n_permutations is not None:
        words.append("--significance")
        words += [f"--permutations {asked.n_permutations}"] * (asked.n_permutations != usual.n_permutations)
    if asked.n_resamples is not None:
        words.append("--intervals")
        words += [f"--resamples {asked.n_resamples}"] * (asked.n_resamples != usual.n_resamples)
    words += [f"--seed {asked.seed}"] * (asked.seed != usual.seed)
    words += [f"--title {quote(title)}"] if title else []
    return " ".join([*words, "--html report.html"])
