"""`algocli report`: how well each ROI is explained."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    ClusterName,
    DataDir,
    FeaturesFrom,
    Json,
    MinCeiling,
    Quiet,
    RoiNames,
    RunName,
    Subjects,
    is_named,
)
from algocli.cli.pages import Html, Title
from algocli.cli.parsing import parse_ids
from algocli.results.how_sure import HELP, explain_accuracies
from algocli.results.telling import Correction

if TYPE_CHECKING:
    from algocli.results.certainty import Asked
    from algocli.results.group_report import GroupReport
    from algocli.results.report_rows import Report

Significance = Annotated[
    bool, typer.Option("--significance", help="Also show how many vertices are explained better than chance.")
]
Permutations = Annotated[int, typer.Option(min=1, help="Permutations for --significance.")]
Intervals = Annotated[bool, typer.Option("--intervals", help="Also show a 95 % interval of each mean r.")]
Resamples = Annotated[int, typer.Option(min=1, help="How often held-out images are drawn anew for --intervals.")]
Group = Annotated[bool, typer.Option("--group", help="Sum up over subjects: one table instead of one for each.")]
GroupCorrect = Annotated[
    Correction | None,
    typer.Option(
        help="Correct p of --group for how many ROIs and sides there are: 'fdr' bounds the share of false discoveries, "
        "'max' the chance of a single one.  [default: fdr]"
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of permutations and draws.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Also write the rows to this file, at full precision.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("report", help="\n\n".join((cleandoc(report.__doc__ or ""), "How sure:", *HELP)))(report)


def report(
    ctx: typer.Context,
    subject: Subjects = None,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    run: RunName = "latest",
    group: Group = False,
    correct: GroupCorrect = None,
    significance: Significance = False,
    permutations: Permutations = 1000,
    intervals: Intervals = False,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    csv: Csv = None,
    html: Html = None,
    title: Title = None,
    features_from: FeaturesFrom = None,
    cluster: ClusterName = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how well a run explains each ROI.

    Scores are correlations of measured and predicted responses to held-out training images, and, where the data
    folder has noise ceilings, the noise-normalised accuracy in percent. On a terminal each row ends in a bar, the mean
    of both hemispheres. Without --data-dir the data is looked for where the run was trained.

    --group is about people: it averages each ROI over subjects. The 95 % interval says how far the mean might have come
    out otherwise with other subjects who see other images. p flips the signs of whole subjects, in all ways there are;
    show counts the subjects whose own interval lies above 0, and prevalence says of how many people that would be so.
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline import reports
    from algocli.pipeline.arguments import check_pages
    from algocli.results.certainty import Asked
    from algocli.results.rows import write_csv
    from algocli.runs.finding import find_run

    check_pages(csv, html, title)
    numbers = parse_ids(subject, lambda: find_run(cache_dir, run).subjects)
    asked = Asked(
        n_permutations=permutations if significance or is_named(ctx, "permutations") else None,
        n_resamples=resamples if intervals or group or is_named(ctx, "resamples") else None,
        seed=seed,
    )
    data = open_dataset(data_dir) if is_named(ctx, "data_dir") else None
    summary = reports.report(
        find_run(cache_dir, run),
        data_dir=data,
        subjects=numbers,
        rois=roi or None,
        min_ceiling=min_ceiling,
        group=group,
        correct=correct,
        significance=asked.n_permutations is not None,
        n_permutations=permutations,
        intervals=asked.n_resamples is not None,
        n_resamples=resamples,
        seed=seed,
        features_from=features_from,
        cluster=cluster,
        html=html,
        title=title,
        track=tracker(quiet),
        note=noter(quiet),
    )
    if as_json:
        show_json(_described(summary))
    else:
        _show(summary, asked, quiet=quiet)
    for remark in summary.notes:
        noter(quiet)(remark)
    if csv is not None:
        write_csv(summary, csv)
        note(f"wrote {csv}", quiet=quiet)
    if html is not None:
        note(f"wrote {html}", quiet=quiet)


def _described(summary: Report | GroupReport) -> dict[str, object]:
    """Return what JSON says: whose scores, on which images."""
    from algocli.results.report_rows import Report

    each, whose = (summary, {}) if isinstance(summary, Report) else (summary.each, summary.whose())
    scores = {"rows": summary.records, "summary": each.overall, "held_out": each.held_out}
    return {"run": summary.run, **whose, **scores}


def _show(summary: Report | GroupReport, asked: Asked, *, quiet: bool) -> None:
    """Print the tables, and how they are to be read."""
    from algocli.cli.console import note
    from algocli.cli.report_tables import show_tables
    from algocli.results.report_rows import Report
    from algocli.results.telling import NOT_TEST, UNIT_OF_SUBJECTS, told_split

    if isinstance(summary, Report):
        show_tables(summary)
        each, whose, adjusted, reading = summary, "95 %", "adj %, adjusted", []
    else:
        from algocli.cli.group_tables import show_group_report

        show_group_report(summary)
        each, whose, adjusted, reading = summary.each, "each subject's own 95 %", None, [*summary.explain_all()]
    reading.append(f"r: on held-out training images ({told_split(each.held_out)}); {NOT_TEST}")
    reading += explain_accuracies(each, "acc %", adjusted)
    reading += asked.explain(whose, "sig", each.sides, in_folds=each.held_out["folds"] is not None and each.refitted)
    if each.has_fields and each is summary:
        from algocli.cli.field_tables import READING

        reading += READING
    for line in reading:
        # The tables of single subjects are not shown beside that of all.
        if line != UNIT_OF_SUBJECTS or summary is each:
            note(line, quiet=quiet)
