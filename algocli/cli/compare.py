"""`algocli compare`: runs side by side, ROI by ROI, with paired confidence intervals."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    CacheDir,
    FeaturesFrom,
    Json,
    MinCeiling,
    MovedData,
    Quiet,
    RoiNames,
    Subjects,
)
from algocli.cli.pages import Html, Title
from algocli.cli.parsing import parse_ids
from algocli.cli.report import Csv, Group
from algocli.dataset.naming import SubjectId
from algocli.dataset.sides import Side, heading
from algocli.errors import UsageError
from algocli.results.telling import Correction

if TYPE_CHECKING:
    from algocli.cli.roi_tables import Table
    from algocli.results.difference_rows import Comparison
    from algocli.results.group_compare import GroupComparison
    from algocli.results.nested_rows import Nested as Choices
    from algocli.results.prf import PrfComparison


RunNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Names of runs, their beginnings, or patterns such as 'alexnet*', for all that fit; the first is the "
        "reference.",
    ),
]
MoreRuns = Annotated[list[str] | None, typer.Option("--run", help="The same, where options are preferred.")]
Resamples = Annotated[int, typer.Option(min=1, help="How often held-out images are drawn anew.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of these draws.")]
Correct = Annotated[
    Correction | None,
    typer.Option(
        help="Correct for how many ROIs, sides and runs are compared: 'fdr' bounds the share of false discoveries, "
        "'max' the chance of a single one.  [default: none, with --group fdr]"
    ),
]


Prf = Annotated[
    list[Path] | None,
    typer.Option(
        "--prf",
        metavar="FILE",
        help="Compare receptive fields with measured ones: lh.prfangle.mgz, lh.prfeccentricity.mgz and rh, on the mesh "
        "of the data, or their folder; may be repeated.",
    ),
]
Nested = Annotated[
    bool,
    typer.Option(
        "--nested",
        help="Also choose the best run of each ROI in inner folds, and score it outside them; takes more fits, which "
        "are told first.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("compare")(compare)


def compare(
    runs: RunNames = None,
    run: MoreRuns = None,
    subject: Subjects = None,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    resamples: Resamples = 1000,
    seed: Seed = 0,
    nested: Nested = False,
    prf: Prf = None,
    group: Group = False,
    correct: Correct = None,
    csv: Csv = None,
    html: Html = None,
    title: Title = None,
    features_from: FeaturesFrom = None,
    data_dir: MovedData = None,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare runs with the first of them, ROI by ROI.

    Each difference in mean r has a 95 % interval from a paired bootstrap: the same held-out images are drawn anew for
    both runs, so they must have held out the same ones. With folds, r is the mean over folds, as in the report, and an
    image counts for the folds whose models it is in, too. Of 64 ROIs of two runs that are equals three have an interval
    without 0: --correct gives p for all of a subject's differences together, and marks by that.

    Of up to four runs each has columns of its own; of more each is a row, the best first, and ROIs are columns, or
    their classes where these are many. --csv has every difference with its interval, a row for each run and ROI.

    The best of several runs looks better on the images that it was chosen by than on others. --nested chooses it, for
    each ROI and fold, by inner folds within the images that models are fitted on, each run being fitted again without
    those that are left out, and scores the choice on the held-out images, which had no part in it. How good the best on
    these images themselves would have looked stands beside it. What inner folds score is kept with the runs. --csv
    writes the choices to a file of their own: rows.nested.csv beside rows.csv.

    --group is about people: it averages each difference over subjects, with a 95 % interval of other subjects who see
    other images, p by flips of whole subjects' signs, and how many subjects are better and worse by their own
    intervals. It says which run is best in each ROI, and in how many resamples of subjects and images it is so again.

    --prf is about receptive fields (train --regression fields), of one run or several: it correlates polar angle and
    eccentricity with those that a mapping experiment has measured, over the vertices that have a field in both. Files
    are .mgh, .mgz, .nii.gz or .npy.
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.pipeline import reports
    from algocli.pipeline.arguments import check_pages
    from algocli.pipeline.choices import write_compared
    from algocli.pipeline.retinotopy import compare_prf
    from algocli.results.group_compare import GroupComparison
    from algocli.runs.finding import find_runs

    check_pages(csv, html, title)
    named = [*(runs or ()), *(run or ())]
    if not named:
        raise UsageError("compare needs the names of runs, or a pattern", hint="algocli compare 'alexnet*'")
    chosen = find_runs(cache_dir, named)
    numbers = parse_ids(subject, lambda: [number for each in chosen for number in each.subjects])
    what: dict[str, Any] = {"data_dir": data_dir, "subjects": numbers, "rois": roi or None, "min_ceiling": min_ceiling}
    if prf:
        _refuse_beside_prf(group=group, nested=nested, correct=correct is not None, html=html is not None)
        _show_fields(compare_prf(chosen, prf, csv=csv, **what), csv, as_json=as_json, quiet=quiet)
        return
    comparison = reports.compare(
        chosen,
        **what,
        n_resamples=resamples,
        seed=seed,
        nested=nested,
        group=group,
        correct=correct,
        features_from=features_from,
        html=html,
        title=title,
        track=tracker(quiet),
        note=noter(quiet),
    )
    each = comparison.each if isinstance(comparison, GroupComparison) else comparison
    if as_json:
        choices = {} if each.nested is None else {"nested": each.nested.table()}
        show_json({**_described(comparison), **choices, "held_out": each.held_out})
    else:
        _show(comparison, (resamples, seed), quiet=quiet)
    for remark in comparison.notes:
        noter(quiet)(remark)
    for path in write_compared(comparison, csv) if csv is not None else ():
        note(f"wrote {path}", quiet=quiet)
    if html is not None:
        note(f"wrote {html}", quiet=quiet)


def _refuse_beside_prf(**given: bool) -> None:
    for field in (field for field, is_given in given.items() if is_given):
        raise UsageError(f"prf=... compares receptive fields, and takes no {field}=...", hint="leave one of them out")


def _show_fields(found: PrfComparison, csv: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Print the tables of receptive fields, and how they are to be read."""
    from algocli.cli.console import note, noter, show_json
    from algocli.cli.prf_tables import READING, prf_tables
    from algocli.cli.roi_tables import show_tables

    if as_json:
        show_json({"runs": found.runs, "rows": found.records})
    else:
        show_tables(prf_tables(found), "")
        for line in READING:
            note(line, quiet=quiet)
    for remark in found.notes:
        noter(quiet)(remark)
    if csv is not None:
        note(f"wrote {csv}", quiet=quiet)


def _described(comparison: Comparison | GroupComparison) -> dict[str, object]:
    """Return what JSON says of the differences."""
    from algocli.results.group_compare import GroupComparison

    if isinstance(comparison, GroupComparison):
        return {**comparison.whose(), "rows": comparison.records, "best": comparison.best}
    return {"reference": comparison.reference, "rows": comparison.records}


def _show(comparison: Comparison | GroupComparison, drawn: tuple[int, int], *, quiet: bool) -> None:
    """Print the tables, and how they are to be read; `drawn` is how often images were drawn anew, and the seed."""
    from algocli.cli.console import note
    from algocli.cli.group_tables import comparison_tables
    from algocli.cli.roi_tables import show_tables
    from algocli.cli.turned_tables import (
        explain_turned,
        is_turned,
        turned_group_tables,
        turned_tables,
    )
    from algocli.results.group_compare import GroupComparison
    from algocli.results.telling import read_differences

    turned = is_turned(comparison)
    if isinstance(comparison, GroupComparison):
        tables = turned_group_tables(comparison) if turned else comparison_tables(comparison)
        reading = tuple(comparison.explain())
    else:
        tables = turned_tables(comparison) if turned else _tables(comparison)
        reading = read_differences("*", *drawn, comparison.corrected)
    if turned:
        reading = (*reading, *explain_turned(comparison))
        show_tables(tables, "", ends_in_bars=True)
    else:
        names = (comparison.reference, *comparison.runs)
        show_tables(tables, "\n".join(f"{place} {name}" for place, name in enumerate(names, start=1)))
    for line in reading:
        note(line, quiet=quiet)
    each = comparison.each if isinstance(comparison, GroupComparison) else comparison
    if each.nested is not None:
        _show_choices(each.nested, group=each is not comparison, quiet=quiet)


def _show_choices(nested: Choices, *, group: bool, quiet: bool) -> None:
    """Print which run is best in each ROI, chosen in inner folds, and how that is to be read."""
    from algocli.cli.console import note, out
    from algocli.cli.nested_tables import explain_nested, nested_group_tables, nested_tables
    from algocli.cli.roi_tables import show_tables

    out().print()
    show_tables(nested_group_tables(nested) if group else nested_tables(nested), "")
    for line in explain_nested(nested, group=group):
        note(line, quiet=quiet)


def _tables(comparison: Comparison) -> Iterator[Table]:
    """Yield a table for each subject and hemisphere and, of several subjects, one that lists them."""
    from algocli.cli.roi_tables import roi_lines, run_by_run
    from algocli.results.telling import SCORED_ON

    n_each = len(_of_run(comparison, 2))
    for number, side in product(comparison.subjects, comparison.sides):
        cells = {roi: _cells(comparison, number, side, roi) for roi in comparison.rois_of(number)}
        title = f"Subject {number}, {heading(side).lower()}: mean r on {SCORED_ON}"
        whole: Table = (title, _columns(comparison, "ROI"), roi_lines(comparison, cells))
        yield from run_by_run(whole, 3, n_each, len(comparison.runs))
    if len(comparison.subjects) > 1:
        for roi, side in product(comparison.rois_side_by_side, comparison.sides):
            title = f"{roi}, {heading(side).lower()}, subject by subject: mean r (validation)"
            lines = [[str(number), *_cells(comparison, number, side, roi)] for number in comparison.subjects]
            yield from run_by_run((title, _columns(comparison, "subject"), lines), 3, n_each, len(comparison.runs))


def _columns(comparison: Comparison, first: str) -> list[str]:
    places = range(2, len(comparison.runs) + 2)
    return [first, "n", "1", *(word for place in places for word in _of_run(comparison, place))]


def _of_run(comparison: Comparison, place: int) -> tuple[str, ...]:
    p = ("p",) if comparison.corrected != "none" else ()
    return (str(place), f"{place} - 1", "low", "high", *p, "")


def _cells(comparison: Comparison, subject: SubjectId, side: Side, roi: str) -> list[str]:
    """Return vertices and reference r, and each run's r, difference, interval and mark."""
    from algocli.results.telling import DASH, number

    rows, has_p = comparison.of_roi(subject, side, roi), comparison.corrected != "none"
    if not rows or rows[0].n_vertices == 0:
        return [DASH, DASH, *[*[DASH] * (4 + has_p), ""] * len(comparison.runs)]
    cells = [number(rows[0].n_vertices, 0), number(rows[0].reference_mean_r)]
    for row in rows:
        differences = [number(value, signed=True) for value in (row.difference, row.low, row.high)]
        cells += [number(row.mean_r), *differences, *[number(row.p)] * has_p, "*" * row.stands_out]
    return cells
