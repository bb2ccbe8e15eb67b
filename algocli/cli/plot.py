"""`algocli plot`: figures of a run and of the data, one a subject."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.challenge.layout import HEMISPHERES, Hemisphere, subject_folder
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
from algocli.cli.plot_kinds import HELP, Request, What

if TYPE_CHECKING:
    from algocli.challenge.subjects import Challenge
    from algocli.encoding.runs import Run
    from algocli.results.drawing.brain_map import BrainMap
    from algocli.results.drawing.charts import Chart
    from algocli.results.drawing.style import Theme

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A .png, .svg, .pdf or .html file, or a folder; several subjects get their number in the name.",
    ),
]
Outline = Annotated[
    list[str] | None, typer.Option("--outline", help="ROI, or class of ROIs, to draw around; may be repeated.")
]
Low = Annotated[float | None, typer.Option("--vmin", help="Lower end of the colour scale.")]
High = Annotated[float | None, typer.Option("--vmax", help="Upper end of the colour scale.")]
Colours = Annotated[str | None, typer.Option("--cmap", metavar="NAME", help="A colour map of matplotlib's.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("plot")(plot)


def plot(
    what: Annotated[What, typer.Argument(help=HELP)],
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="The ROIs of 'roi'.")] = None,
    roi: RoiNames = None,
    stimulus: Annotated[int | None, typer.Option("--stimulus", help="Row of a training image, from 0.", min=0)] = None,
    nsd_id: Annotated[int | None, typer.Option("--nsd-id", help="A training image by its id in NSD.", min=0)] = None,
    min_r: Annotated[
        float | None,
        typer.Option(
            "--min-r", min=0, max=1, help="best-layer: no layer for vertices of r up to this.  [default: 0.1]"
        ),
    ] = None,
    output: Output = None,
    subject: Subjects = None,
    run: RunName = "latest",
    hemisphere: Annotated[Hemisphere | None, typer.Option("--hemisphere", help="Only this one.")] = None,
    outline: Outline = None,
    low: Low = None,
    high: High = None,
    colours: Colours = None,
    title: Annotated[str | None, typer.Option("--title", help="A heading of your own.")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
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
    from algocli.results.best_layer import count_layers
    from algocli.results.drawing.style import DARK, LIGHT, check_suffix
    from algocli.results.plots.wishes import Wishes

    request = Request(what, tuple(names or ()), tuple(roi or ()), stimulus, nsd_id, min_r)
    wishes = Wishes(
        parse_subjects(subject),
        HEMISPHERES if hemisphere is None else (hemisphere,),
        title,
        low=low,
        high=high,
        colours=colours,
        outlined=tuple(outline or ()),
        dpi=dpi,
        theme=DARK if dark else LIGHT,
    )
    request.check(wishes)
    if output is not None and not output.is_dir():
        check_suffix(output)
    challenge = Challenge(data_dir)
    found = find_run(cache_dir, run) if request.is_of_a_run else None
    chosen = _choose(challenge, found, wishes.subjects)
    written = []
    for number, shown in request.figures(challenge, found, wishes):
        path = _path(output, request.stem, number, several=len(chosen) > 1)
        _write(shown, path, dpi, wishes.theme)
        written.append({"subject": number, "path": path})
        if not as_json:
            show_path(path)
    if as_json:
        printed: dict[str, object] = {"what": what, "run": None if found is None else found.name, "figures": written}
        if found is not None and what is What.BEST_LAYER:
            printed["rows"] = count_layers(
                challenge, found, subjects=chosen, hemispheres=wishes.hemispheres, min_r=request.at_least
            )
        show_json(printed)
    elif found is not None:
        note(f"run {found.name}", quiet=quiet)


def _choose(challenge: Challenge, run: Run | None, numbers: tuple[int, ...] | None) -> tuple[int, ...]:
    from algocli.results.scoring import scored_subjects

    if run is None:
        return tuple(subject.number for subject in challenge.subjects(numbers))
    return tuple(share.number for _, share in scored_subjects(challenge, run, numbers))


def _write(shown: BrainMap | Chart, path: Path, dpi: int, theme: Theme) -> None:
    from algocli.results.drawing.charts import Chart
    from algocli.results.drawing.maps import draw_map
    from algocli.results.drawing.style import render

    render(shown.figure if isinstance(shown, Chart) else draw_map(shown, dpi=dpi, theme=theme), path, dpi)


def _path(output: Path | None, stem: str, number: int, *, several: bool) -> Path:
    """Name a subject's figure: as asked for one, told apart by the subject for several."""
    if output is None or output.is_dir():
        return (output or Path()) / f"{stem}_{subject_folder(number)}.png"
    return output.with_stem(f"{output.stem}_{subject_folder(number)}") if several else output
