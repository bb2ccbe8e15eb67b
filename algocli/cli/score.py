"""algocli score: the official score of a run or a zip, where the true test responses are at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import DEFAULT_CACHE_DIR, CacheDir, Json, MovedData, Quiet, Subjects
from algocli.cli.parsing import parse_repeats, parse_subjects
from algocli.cli.ways_out import remember
from algocli.compute.remarks import counted
from algocli.dataset.sides import ALL_VERTICES, HEMISPHERES
from algocli.errors import UsageError

if TYPE_CHECKING:
    from algocli.runs.run import Run
    from algocli.submission.score import Score, ScoreRow


def score(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN_OR_ZIP",
            help="A run's name, or a pattern that fits one; or a submission's zip.  [default: latest]",
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", callback=remember, help="The run, where an option is preferred.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the leaderboard's four text files.")
    ] = None,
    nsd: Annotated[
        Path | None,
        typer.Option("--nsd", help="Compute noise ceilings from the ncsnr.mgh files in this folder of NSD."),
    ] = None,
    repeats: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="For --nsd: test images shown 3, 2 and 1 times.  [default: 159,0,0 for subjects 1, 2, 5, 7]",
        ),
    ] = None,
    stim_info: Annotated[
        Path | None, typer.Option(help="For --nsd: NSD's nsd_stim_info_merged.csv, to count the repeats from.")
    ] = None,
    subject: Subjects = None,
    data_dir: MovedData = None,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compute the official score.

    Each vertex's r over the test images, negative ones as 0; min(100, 100 r² / NC), NC the noise ceiling; the mean over
    all vertices of all subjects. A ceiling of 0 counts 100 as soon as r > 0, by the official rule.
    """
    from algocli.cli.console import note, noter, show_json, show_path, tracker
    from algocli.pipeline.official import check_nsd
    from algocli.pipeline.official import score as compute
    from algocli.runs.latest import LATEST
    from algocli.submission.score import write_score_files

    if source is not None and run is not None:
        raise UsageError("a run is named twice, with --run and without", hint="leave --run out")
    check_nsd(nsd, repeats, stim_info)
    word = source or run or LATEST
    predictions = _find(word, cache_dir)
    result = compute(
        predictions,
        data_dir=data_dir,
        subjects=parse_subjects(subject),
        nsd=nsd,
        repeats=None if repeats is None else parse_repeats(repeats),
        stim_info=stim_info,
        track=tracker(quiet),
        note=noter(quiet),
    )
    name = word if isinstance(predictions, Path) else predictions.name
    written = [] if output is None else write_score_files(result, output)
    if as_json:
        show_json({"source": name, **vars(result), "files": written})
    else:
        _show(result, name)
        for path in written:
            show_path(path)
    for line in _notes(result):
        note(line, quiet=quiet)


def _find(source: str, cache_dir: Path) -> Run | Path:
    """Return the zip, or the run, that a word names."""
    from algocli.runs.finding import find_run

    if source.lower().endswith(".zip") or Path(source).is_file():
        return Path(source)
    return find_run(cache_dir, source)


def _show(result: Score, name: str) -> None:
    from algocli.cli.console import number, out, show_table

    shown = [row for row in result.pooled if row.roi != ALL_VERTICES]
    by_roi = [(row.roi, f"{row.n_vertices:,}", *_percents(row)) for row in shown]
    title = f"Accuracy on test images, %, all subjects and hemispheres pooled\n{name}"
    show_table(("ROI", "n", "mean", "median"), by_roi, title=title)
    out().print()
    lines = [
        (str(subject), *(cell for h in HEMISPHERES for cell in _side(result.row(subject, h, ALL_VERTICES))))
        for subject in result.subjects
    ]
    columns = ("subject", "left n", "mean", "median", "right n", "mean", "median")
    show_table(columns, lines, title=f"{ALL_VERTICES}, subject by subject")
    out().print()
    rest = number(result.mean_without_zero_ceiling, 2)
    out().print(
        f"score: mean {result.mean:.2f} ({rest} without {result.n_zero_ceiling:,} NC = 0), median {result.median:.2f}, "
        f"{counted(result.n_vertices, 'vertices')}",
        markup=False,
    )
    if result.adjusted_mean is not None:
        out().print(f"adjusted for {_images(result)}: mean {result.adjusted_mean:.2f}", markup=False)


def _images(result: Score) -> str:
    """Say how many test images there were, as in '159 to 395 test images'."""
    fewest, most = min(result.n_images.values()), max(result.n_images.values())
    return f"{fewest} test images" if fewest == most else f"{fewest} to {most} test images"


def _side(row: ScoreRow) -> tuple[str, ...]:
    return (f"{row.n_vertices:,}", *_percents(row))


def _percents(row: ScoreRow) -> Iterator[str]:
    from algocli.cli.console import number

    yield from (number(row.mean, 1), number(row.median, 1))


def _notes(result: Score) -> Iterator[str]:
    if len(result.subjects) < 8:
        yield f"of subject {', '.join(map(str, result.subjects))} only: the leaderboard's score is over all 8"
    if result.n_zero_ceiling:
        have, they = ("has", "it counts") if result.n_zero_ceiling == 1 else ("have", "they count")
        zero = f"{counted(result.n_zero_ceiling, 'vertices')} {have} a ceiling of 0"
        yield f"{zero}; by the official rule {they} 100 where r > 0"
    if result.n_constant:
        vary, their = ("varies", "its") if result.n_constant == 1 else ("vary", "their")
        yield f"{counted(result.n_constant, 'vertices')} never {vary}, measured or predicted: {their} r is 0"
    yield {
        "share": "noise ceilings were read as shares of variance (0 to 1), going by their largest value",
        "percent": "noise ceilings were read as percent (0 to 100), going by their largest value",
        "mixed": "noise ceilings were read as shares of variance in some files and as percent in others",
        "ncsnr": "noise ceilings were computed from NSD's signal-to-noise ratios",
    }[result.unit_assumed]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("score")(score)
