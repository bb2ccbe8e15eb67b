"""`algocli report`: how well each ROI is explained."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.challenge.layout import ALL_VERTICES, HEMISPHERES
from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    DataDir,
    Json,
    Quiet,
    RoiNames,
    RunName,
    Subjects,
    parse_subjects,
)

if TYPE_CHECKING:
    from algocli.results.report import Report, RoiRow
    from algocli.results.scoring import OverallAccuracy

# Vertices, median r, mean r and accuracy of a ROI in one hemisphere; None where there is nothing.
_Numbers = tuple[float | None, ...]

Csv = Annotated[Path | None, typer.Option("--csv", help="Also write the rows to this file, at full precision.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("report")(report)


def report(
    ctx: typer.Context,
    subject: Subjects = None,
    roi: RoiNames = None,
    run: RunName = "latest",
    csv: Csv = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how well a run explains each ROI.

    Scores are correlations of measured and predicted responses to held-out training images, and, where the data
    folder has noise ceilings, the noise-normalised accuracy in percent. The leaderboard scores test images, which
    comes out lower. Without --data-dir the data is looked for where the run was trained.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import note, show_json
    from algocli.encoding.runs import find_run
    from algocli.results.report import summarise, summarise_recorded, write_csv

    numbers, only = parse_subjects(subject), roi or None
    if _is_named(ctx, "data_dir"):
        summary = summarise(Challenge(data_dir), find_run(cache_dir, run), subjects=numbers, rois=only)
    else:
        summary = summarise_recorded(find_run(cache_dir, run), data_dir, subjects=numbers, rois=only)
    if as_json:
        show_json({"run": summary.run, "rows": summary.rows, "summary": summary.overall})
    else:
        _show_tables(summary)
        note("validation scores run above leaderboard scores", quiet=quiet)
        if summary.has_accuracy:
            note("acc %: min(100, 100 r² / NC), NC the noise ceiling; mean over the vertices", quiet=quiet)
    for remark in summary.notes:
        note(remark, quiet=quiet)
    if csv is not None:
        write_csv(summary, csv)
        note(f"wrote {csv}", quiet=quiet)


def _is_named(ctx: typer.Context, option: str) -> bool:
    """Say whether an option was given, on the command line or by the environment."""
    source = ctx.get_parameter_source(option)
    return source is not None and source.name != "DEFAULT"


def _show_tables(summary: Report) -> None:
    """Print a table for each subject, of several subjects one that compares them, and the overall accuracy."""
    from algocli.cli.console import out, show_table
    from algocli.results.report import SCORED_ON

    scored = f"r on {SCORED_ON}"
    for number in summary.subjects:
        if number != summary.subjects[0]:
            out().print()
        title = f"Subject {number}: {scored}\n{summary.run}"
        show_table(_columns(summary, "ROI"), _roi_lines(summary, number), title=title)
    if len(summary.subjects) > 1:
        for roi in [ALL_VERTICES] if ALL_VERTICES in summary.rois else summary.rois:
            out().print()
            title = f"{roi}, subject by subject: {scored}\n{summary.run}"
            show_table(_columns(summary, "subject"), _subject_lines(summary, roi), title=title)
    if summary.overall is not None and summary.has_accuracy:
        out().print()
        out().print(_overall_line(summary.overall), markup=False)


def _overall_line(overall: OverallAccuracy) -> str:
    from algocli.cli.console import number

    rest = number(overall.mean_without_zero_ceiling, 1)
    mean, median = number(overall.mean, 1), number(overall.median, 1)
    return (
        f"All vertices, validation %: mean {mean} ({rest} without {overall.n_zero_ceiling:,} NC = 0), median {median}"
    )


def _columns(summary: Report, first: str) -> list[str]:
    scores = ["median", "mean", "acc %"] if summary.has_accuracy else ["median r", "mean r"]
    return [first, "left n", *scores, "right n", *scores]


def _roi_lines(summary: Report, number: int) -> Iterator[list[str]]:
    """Yield a subject's rows, each ROI class under its name."""
    heading = ""
    for roi in summary.rois_of(number):
        roi_class = summary.classes.get(roi, "")
        if roi_class != heading:
            heading = roi_class
            yield []
            yield from [[heading]] if heading else []
        sides = [_numbers(summary.row(number, hemisphere, roi)) for hemisphere in HEMISPHERES]
        yield [f"  {roi}" if roi_class else roi, *_cells(sides, summary.has_accuracy)]


def _subject_lines(summary: Report, roi: str) -> Iterator[list[str]]:
    """Yield a ROI's row of each subject, and the median over subjects."""
    table = [[_numbers(summary.row(n, hemisphere, roi)) for hemisphere in HEMISPHERES] for n in summary.subjects]
    for number, sides in zip(summary.subjects, table, strict=True):
        yield [str(number), *_cells(sides, summary.has_accuracy)]
    yield []
    middle = [_middle(side) for side in zip(*table, strict=True)]
    yield ["median", *_cells(middle, summary.has_accuracy)]


def _numbers(row: RoiRow | None) -> _Numbers:
    if row is None or row.n_vertices == 0:
        return None, None, None, None
    return row.n_vertices, row.median_r, row.mean_r, row.accuracy


def _middle(rows: Sequence[_Numbers]) -> _Numbers:
    """Take medians over subjects; that of the accuracy needs the ceilings of all who have the ROI."""
    n_vertices, median_r, mean_r, accuracy = map(_median, zip(*rows, strict=True))
    lacks_one = any(n is not None and share is None for n, _, _, share in rows)
    return n_vertices, median_r, mean_r, None if lacks_one else accuracy


def _median(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def _cells(sides: Iterable[_Numbers], has_accuracy: bool) -> list[str]:
    from algocli.cli.console import number

    digits = (0, 3, 3, 1) if has_accuracy else (0, 3, 3)
    return [number(value, places) for side in sides for value, places in zip(side, digits, strict=False)]
