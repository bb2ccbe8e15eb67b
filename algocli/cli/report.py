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
    is_named,
    parse_subjects,
)

if TYPE_CHECKING:
    from algocli.results.certainty import Asked
    from algocli.results.report import Report, RoiRow
    from algocli.results.scoring import OverallAccuracy

# Vertices, median r, mean r, its interval, accuracy and significant percent of a ROI in one hemisphere; None
# where there is nothing.
_Numbers = tuple[float | None, ...]

Significance = Annotated[
    bool, typer.Option("--significance", help="Also show how many vertices are explained better than chance.")
]
Permutations = Annotated[int, typer.Option(min=1, help="Permutations of the held-out images for --significance.")]
Intervals = Annotated[bool, typer.Option("--intervals", help="Also show a 95 % interval of each mean r.")]
Resamples = Annotated[int, typer.Option(min=1, help="How often held-out images are drawn anew for --intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of permutations and draws.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Also write the rows to this file, at full precision.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("report")(report)


def report(
    ctx: typer.Context,
    subject: Subjects = None,
    roi: RoiNames = None,
    run: RunName = "latest",
    significance: Significance = False,
    permutations: Permutations = 1000,
    intervals: Intervals = False,
    resamples: Resamples = 1000,
    seed: Seed = 0,
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

    --significance permutes the held-out images, each within its fold, and controls the false discovery rate over all
    of a subject's vertices; the p values are kept with the run, and export writes them. --intervals draws the held-out
    images anew, with replacement.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import note, show_json, tracker
    from algocli.encoding.runs import find_run
    from algocli.results.certainty import Asked
    from algocli.results.report import summarise, summarise_recorded, write_csv

    asked = Asked(
        n_permutations=permutations if significance or is_named(ctx, "permutations") else None,
        n_resamples=resamples if intervals or is_named(ctx, "resamples") else None,
        seed=seed,
        track=tracker(quiet),
    )
    numbers, only = parse_subjects(subject), roi or None
    if is_named(ctx, "data_dir"):
        summary = summarise(Challenge(data_dir), find_run(cache_dir, run), subjects=numbers, rois=only, asked=asked)
    else:
        summary = summarise_recorded(find_run(cache_dir, run), data_dir, subjects=numbers, rois=only, asked=asked)
    if as_json:
        show_json({"run": summary.run, "rows": summary.records, "summary": summary.overall})
    else:
        _show_tables(summary)
        note("validation scores run above leaderboard scores", quiet=quiet)
        if summary.has_accuracy:
            note("acc %: min(100, 100 r² / NC), NC the noise ceiling; mean over the vertices", quiet=quiet)
        for line in _certainty_lines(asked):
            note(line, quiet=quiet)
    for remark in summary.notes:
        note(remark, quiet=quiet)
    if csv is not None:
        write_csv(summary, csv)
        note(f"wrote {csv}", quiet=quiet)


def _certainty_lines(asked: Asked) -> Iterator[str]:
    """Say what the further columns are."""
    how = f"of the held-out images, seed {asked.seed}"
    if asked.n_resamples is not None:
        yield f"95 %: low and high end of the mean r's interval ({asked.n_resamples:,} resamples {how})"
    if asked.n_permutations is not None:
        yield (
            "sig: percent of vertices explained better than chance, q <= .05 over both hemispheres "
            f"({asked.n_permutations:,} permutations {how})"
        )


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
    r = "" if summary.has_accuracy else " r"
    # The interval takes the median's place: both would not fit into a hundred columns.
    scores = [f"mean{r}", "95 %"] if _has_intervals(summary) else [f"median{r}", f"mean{r}"]
    scores += ["acc %"] * summary.has_accuracy + ["sig"] * _has_significance(summary)
    return [first, "left n", *scores, "right n", *scores]


def _has_intervals(summary: Report) -> bool:
    return "low" in summary.columns


def _has_significance(summary: Report) -> bool:
    return "significant_share" in summary.columns


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
        yield [f"  {roi}" if roi_class else roi, *_cells(sides, summary)]


def _subject_lines(summary: Report, roi: str) -> Iterator[list[str]]:
    """Yield a ROI's row of each subject, and the median over subjects."""
    table = [[_numbers(summary.row(n, hemisphere, roi)) for hemisphere in HEMISPHERES] for n in summary.subjects]
    for number, sides in zip(summary.subjects, table, strict=True):
        yield [str(number), *_cells(sides, summary)]
    yield []
    middle = [_middle(side) for side in zip(*table, strict=True)]
    yield ["median", *_cells(middle, summary)]


def _numbers(row: RoiRow | None) -> _Numbers:
    if row is None or row.n_vertices == 0:
        return (None,) * 7
    percent = None if row.significant_share is None else 100 * row.significant_share
    return row.n_vertices, row.median_r, row.mean_r, row.low, row.high, row.accuracy, percent


def _middle(rows: Sequence[_Numbers]) -> _Numbers:
    """Take medians over subjects; that of the accuracy needs the ceilings of all who have the ROI."""
    n_vertices, median_r, mean_r, _, _, accuracy, percent = map(_median, zip(*rows, strict=True))
    lacks_one = any(row[0] is not None and row[5] is None for row in rows)
    # Each subject's interval is about its own images.
    return n_vertices, median_r, mean_r, None, None, None if lacks_one else accuracy, percent


def _median(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def _cells(sides: Iterable[_Numbers], summary: Report) -> Iterator[str]:
    from algocli.cli.console import number

    for n_vertices, median_r, mean_r, low, high, accuracy, percent in sides:
        yield number(n_vertices, 0)
        if _has_intervals(summary):
            yield from (number(mean_r), _interval(low, high))
        else:
            yield from (number(median_r), number(mean_r))
        if summary.has_accuracy:
            yield number(accuracy, 1)
        if _has_significance(summary):
            yield number(percent, 0)


def _interval(low: float | None, high: float | None) -> str:
    from algocli.cli.console import DASH, number

    return DASH if low is None or high is None else f"{number(low)} {number(high)}"
