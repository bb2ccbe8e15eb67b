"""`algocli plot`: figures of a run and of the data, one a subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from algocli.challenge.layout import HEMISPHERES, Hemisphere, subject_folder
from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    DataDir,
    Json,
    Quiet,
    RunName,
    Subjects,
    parse_subjects,
)
from algocli.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from algocli.challenge.subjects import Challenge
    from algocli.encoding.runs import Run
    from algocli.results.charts import Chart
    from algocli.results.maps import SurfaceMap


class What(StrEnum):
    """What a figure shows."""

    ACCURACY = "accuracy"
    ROIS = "rois"
    ROI = "roi"
    VERTICES = "vertices"


_OF_A_RUN = (What.ACCURACY, What.ROIS)


class _Common(TypedDict):
    """What every kind of figure takes."""

    subjects: tuple[int, ...]
    hemispheres: Sequence[Hemisphere]
    title: str | None
    dpi: int


_WHAT_HELP = "accuracy: r on the cortex; rois: bars; roi NAME...: where ROIs lie; vertices: all challenge vertices."

Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="A .png, .svg or .pdf file, or a folder; several subjects get their number in the name."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("plot")(plot)


def plot(
    what: Annotated[What, typer.Argument(help=_WHAT_HELP)],
    names: Annotated[list[str] | None, typer.Argument(metavar="[ROI]...", help="ROIs, for 'roi' and 'rois'.")] = None,
    output: Output = None,
    subject: Subjects = None,
    run: RunName = "latest",
    hemisphere: Annotated[Hemisphere | None, typer.Option("--hemisphere", help="Only this one.")] = None,
    title: Annotated[str | None, typer.Option("--title", help="A heading of your own.")] = None,
    dpi: Annotated[int, typer.Option("--dpi", min=50, max=1200, help="Dots per inch.")] = 200,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw a figure for each subject and print its path.

    Nothing is fetched from the network and no display is needed.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import note, show_json, show_path
    from algocli.encoding.runs import find_run
    from algocli.results.figures import render

    _check_request(what, names, output)
    challenge = Challenge(data_dir)
    found = find_run(cache_dir, run) if what in _OF_A_RUN else None
    common = _Common(
        subjects=_choose(challenge, found, parse_subjects(subject)),
        hemispheres=HEMISPHERES if hemisphere is None else (hemisphere,),
        title=title,
        dpi=dpi,
    )
    stem = "_".join([what, *(names or [])])
    written = []
    for number, figure in _figures(what, names or [], challenge, found, common):
        path = _path(output, stem, number, several=len(common["subjects"]) > 1)
        render(figure, path, dpi)
        written.append({"subject": number, "path": path})
        if not as_json:
            show_path(path)
    if as_json:
        show_json({"what": what, "run": None if found is None else found.name, "figures": written})
    elif found is not None:
        note(f"run {found.name}", quiet=quiet)


def _check_request(what: What, names: list[str] | None, output: Path | None) -> None:
    """Refuse what cannot work before anything is read."""
    from algocli.results.figures import check_suffix

    if what is What.ROI and not names:
        raise UsageError("plot roi needs the name of a ROI", hint="algocli plot roi FFA-1")
    if names and what not in (What.ROI, What.ROIS):
        raise UsageError(f"plot {what} takes no further word, found '{names[0]}'", hint=f"algocli plot {what}")
    if output is not None and not output.is_dir():
        check_suffix(output)


def _choose(challenge: Challenge, run: Run | None, numbers: tuple[int, ...] | None) -> tuple[int, ...]:
    from algocli.results.scoring import scored_subjects

    if run is None:
        return tuple(subject.number for subject in challenge.subjects(numbers))
    return tuple(share.number for _, share in scored_subjects(challenge, run, numbers))


def _figures(
    what: What, names: list[str], challenge: Challenge, run: Run | None, common: _Common
) -> Iterator[tuple[int, Figure]]:
    from algocli.results import plots

    drawn: Iterator[tuple[int, Chart]] | Iterator[tuple[int, SurfaceMap]]
    if run is None and what is What.ROI:
        drawn = plots.plot_roi(challenge, names, **common)
    elif run is None:
        drawn = plots.plot_vertices(challenge, **common)
    elif what is What.ROIS:
        drawn = plots.plot_bars(challenge, run, rois=names or None, **common)
    else:
        drawn = plots.plot_accuracy(challenge, run, **common)
    for number, shown in drawn:
        yield number, shown.figure


def _path(output: Path | None, stem: str, number: int, *, several: bool) -> Path:
    """Name a subject's figure: as asked for one, told apart by the subject for several."""
    if output is None or output.is_dir():
        return (output or Path()) / f"{stem}_{subject_folder(number)}.png"
    return output.with_stem(f"{output.stem}_{subject_folder(number)}") if several else output
