"""`algocli compare`: runs side by side, ROI by ROI, with paired confidence intervals."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    FOLDERS,
    CacheDir,
    Json,
    Quiet,
    RoiNames,
    Subjects,
    parse_ids,
)
from algocli.cli.pages import Html, Title
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import ALL_VERTICES, Side, heading

if TYPE_CHECKING:
    from algocli.results.compare import Comparison, DifferenceRow


def _remember(ctx: typer.Context, value: Path | None) -> Path | None:
    """Keep the data folder for hints, where one was given."""
    if value is not None:
        ctx.meta.setdefault(FOLDERS, {})["data_dir"] = value
    return value


RunNames = Annotated[
    list[str],
    typer.Argument(metavar="RUN", help="Names of runs, or their beginnings; the first is the reference."),
]
Resamples = Annotated[int, typer.Option(min=1, help="How often held-out images are drawn anew.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of these draws.")]
# Unlike elsewhere there is no usual folder: a run knows where its data was.
MovedData = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="ALGOCLI_DATA_DIR",
        callback=_remember,
        help="Folder of the challenge data.  [default: where the reference was trained]",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("compare")(compare)


def compare(
    runs: RunNames,
    subject: Subjects = None,
    roi: RoiNames = None,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    html: Html = None,
    title: Title = None,
    data_dir: MovedData = None,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare runs with the first of them, ROI by ROI.

    Each difference in mean r has a 95 % interval from a paired bootstrap: the same held-out images are drawn anew for
    both runs, so they must have held out the same ones. With folds, r is the mean over folds, as in the report.
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.pipeline import reports
    from algocli.runs.run import find_run

    reports.check_pages(None, html, title)
    found = [find_run(cache_dir, name) for name in runs]
    comparison = reports.compare(
        found,
        data_dir=data_dir,
        subjects=parse_ids(subject, lambda: [one for run in found for one in run.subjects]),
        rois=roi or None,
        n_resamples=resamples,
        seed=seed,
        track=tracker(quiet),
    )
    if as_json:
        show_json({"reference": comparison.reference, "rows": comparison.rows})
    else:
        _show_tables(comparison)
        drawn = f"{resamples:,} resamples of the held-out images, seed {seed}"
        note(f"* the 95 % interval, low to high, excludes 0 ({drawn})", quiet=quiet)
        note("each interval stands for itself: of many that compare equals, one in twenty excludes 0", quiet=quiet)
    for remark in comparison.notes:
        noter(quiet)(remark)
    if html is not None:
        reports.write_compare_page(
            comparison, found, html, data_dir=data_dir, title=title, drawn=(resamples, seed), rois=roi
        )
        note(f"wrote {html}", quiet=quiet)


def _show_tables(comparison: Comparison) -> None:
    """Print a table for each subject and hemisphere and, of several subjects, one that lists them."""
    from algocli.cli.console import out, show_table

    names = "".join(f"\n{place} {run}" for place, run in enumerate((comparison.reference, *comparison.runs), start=1))
    for place, (title, first, lines) in enumerate(_tables(comparison)):
        if place:
            out().print()
        show_table(_columns(comparison, first), lines, title=title + names)


def _tables(comparison: Comparison) -> Iterator[tuple[str, str, Iterator[list[str]]]]:
    """Yield each table's title, first column and lines."""
    from algocli.results.report import SCORED_ON

    for number, hemisphere in product(comparison.subjects, comparison.sides):
        title = f"Subject {number}, {heading(hemisphere).lower()}: mean r on {SCORED_ON}"
        yield title, "ROI", _roi_lines(comparison, number, hemisphere)
    if len(comparison.subjects) > 1:
        rois = [ALL_VERTICES] if ALL_VERTICES in comparison.rois else comparison.rois
        for roi, hemisphere in product(rois, comparison.sides):
            title = f"{roi}, {heading(hemisphere).lower()}, subject by subject: mean r (validation)"
            yield title, "subject", _subject_lines(comparison, hemisphere, roi)


def _columns(comparison: Comparison, first: str) -> list[str]:
    places = range(2, len(comparison.runs) + 2)
    return [first, "n", "1", *(word for n in places for word in (str(n), f"{n} - 1", "low", "high", ""))]


def _roi_lines(comparison: Comparison, number: SubjectId, hemisphere: Side) -> Iterator[list[str]]:
    """Yield a hemisphere's rows, each ROI class under its name."""
    above = ""
    for roi in comparison.rois:
        rows = comparison.of_roi(number, hemisphere, roi)
        # Another subject's data names it, this one's does not.
        if not rows:
            continue
        roi_class = comparison.classes.get(roi, "")
        if roi_class != above:
            above = roi_class
            yield []
            yield from [[above]] if above else []
        name = f"  {roi}" if roi_class else roi
        yield [name, *_cells(comparison, rows)]


def _subject_lines(comparison: Comparison, hemisphere: Side, roi: str) -> Iterator[list[str]]:
    for number in comparison.subjects:
        yield [str(number), *_cells(comparison, comparison.of_roi(number, hemisphere, roi))]


def _cells(comparison: Comparison, rows: list[DifferenceRow]) -> list[str]:
    """Return vertices and reference r, and each run's r, difference, interval and mark."""
    from algocli.cli.console import DASH, number

    if not rows or rows[0].n_vertices == 0:
        return [DASH, DASH, *[DASH, DASH, DASH, DASH, ""] * len(comparison.runs)]
    cells = [number(rows[0].n_vertices, 0), number(rows[0].reference_mean_r)]
    for row in rows:
        cells += [number(row.mean_r), *map(_signed, (row.difference, row.low, row.high)), "*" * row.excludes_zero]
    return cells


def _signed(value: float | None) -> str:
    """Format a difference, which says its direction."""
    from algocli.cli.console import number

    text = number(value)
    return f"+{text}" if value is not None and float(f"{value:.3f}") > 0 else text
