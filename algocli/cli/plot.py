"""`algocli plot`: figures of a run and of the data, one a subject."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    CacheDir,
    FieldLayer,
    Json,
    MinCeiling,
    MovedData,
    Quiet,
    RoiNames,
    Subjects,
    printable,
)
from algocli.cli.parsing import parse_ids
from algocli.cli.ways_out import remember
from algocli.dataset.sides import HEMISPHERES, Hemisphere
from algocli.pipeline.figure_kinds import HELP, Request, What

if TYPE_CHECKING:
    from algocli.dataset.protocol import Dataset
    from algocli.pipeline.figures import Plotting
    from algocli.runs.run import Run

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="A .png, .svg or .pdf file, for maps also an .html page to turn them in, or a folder; several subjects "
        "get their number in the name.",
    ),
]
RunNames = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        callback=remember,
        help="Name of a run, its beginning, or a pattern such as 'alexnet*'; layers and best-layer take several.  "
        "[default: the latest]",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="WORDS",
        help="layers, best-layer, rois --group: what to call a run, or a layer of one run; once for each, in their "
        "order.  [default: the layer, or the run's name where that is the same]",
    ),
]
Against = Annotated[str | None, typer.Option("--against", metavar="RUN", help="difference: the run to subtract.")]
Significant = Annotated[
    bool, typer.Option("--significant", help="accuracy: colour only what is better than chance (q <= .05).")
]
Nested = Annotated[
    bool,
    typer.Option(
        "--nested", help="best-layer: choose between runs in inner folds, which score is then not flattered; more fits."
    ),
]
Group = Annotated[
    bool,
    typer.Option(
        "--group",
        help="accuracy, difference, rois, layers, best-layer, receptive fields: one figure of all subjects together.",
    ),
]
MeshName = Annotated[
    Literal["fsaverage5", "fsaverage6", "fsaverage"],
    typer.Option("--surface", help="Mesh to draw on; fsaverage shows every vertex, and is fetched once."),
]
Outline = Annotated[
    list[str] | None, typer.Option("--outline", help="ROI, or whatever --roi takes, to draw around; may be repeated.")
]
Low = Annotated[float | None, typer.Option("--vmin", help="Lower end of the colour scale.")]
High = Annotated[float | None, typer.Option("--vmax", help="Upper end; around 0 one end tells the other.")]
Colours = Annotated[str | None, typer.Option("--cmap", metavar="NAME", help="A colour map of matplotlib's.")]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("plot")(plot)


def plot(
    what: Annotated[What, typer.Argument(help=HELP)],
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="The ROIs of 'roi'.")] = None,
    run: RunNames = None,
    against: Against = None,
    label: Labels = None,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    significant: Significant = False,
    stimulus: Annotated[int | None, typer.Option("--stimulus", help="Row of a training image, from 0.", min=0)] = None,
    nsd_id: Annotated[int | None, typer.Option("--nsd-id", help="A training image by its id in NSD.", min=0)] = None,
    min_r: Annotated[
        float | None,
        typer.Option(
            "--min-r", min=0, max=1, help="best-layer: no layer for vertices of r up to this.  [default: 0.1]"
        ),
    ] = None,
    nested: Nested = False,
    group: Group = False,
    layer: FieldLayer = None,
    output: Output = None,
    subject: Subjects = None,
    hemisphere: Annotated[Hemisphere | None, typer.Option("--hemisphere", help="Only this one.")] = None,
    surface: MeshName = "fsaverage5",
    outline: Outline = None,
    low: Low = None,
    high: High = None,
    colours: Colours = None,
    title: Annotated[str | None, typer.Option("--title", callback=printable, help="A heading of your own.")] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    dpi: Annotated[int, typer.Option("--dpi", min=50, max=1200, help="Dots per inch.")] = 200,
    data_dir: MovedData = None,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw a figure for each subject and print its path.

    Nothing is fetched from the network, unless a larger surface is asked for the first time, and no display is needed.
    fsaverage5 has one in sixteen of the challenge's vertices; the caption counts them. layers and best-layer of several
    runs choose by the images that they show r on, which flatters the best; with --nested best-layer chooses in inner
    folds, and a blend weighs its layers within the fit. Receptive fields are those of train --regression fields; where
    no window is better than the whole image, cortex stays bare. Charts of them show areas whole, as V1, unless --roi
    names others.
    """
    from algocli.pipeline.arguments import data_of
    from algocli.pipeline.figures import Plotting
    from algocli.results.drawing.style import DARK, LIGHT
    from algocli.results.plots.request import Wishes
    from algocli.results.regions import check_min_ceiling

    request = Request(
        what,
        tuple(names or ()),
        len(run or ()),
        against is not None,
        tuple(roi or ()),
        stimulus,
        nsd_id,
        min_r,
        significant,
        group,
    )

    @cache
    def runs() -> list[Run]:
        return _find_runs(request, run, against, cache_dir)

    @cache
    def data() -> Dataset:
        return data_of(runs(), data_dir)

    wishes = Wishes(
        parse_ids(subject, lambda: data().subject_ids),
        HEMISPHERES if hemisphere is None else (hemisphere,),
        title,
        surface,
        low=low,
        high=high,
        colours=colours,
        outlined=tuple(outline or ()),
        dpi=dpi,
        theme=DARK if dark else LIGHT,
        min_ceiling=check_min_ceiling(min_ceiling),
        labels=tuple(label or ()),
        nested=nested,
        layer=layer,
    )
    request.check(wishes)
    if output is not None and not output.is_dir():
        request.check_output(output)
    _draw(Plotting.of(request, wishes, data(), runs()), output, as_json=as_json, quiet=quiet)


def _find_runs(request: Request, names: list[str] | None, against: str | None, cache_dir: Path) -> list[Run]:
    """Open the runs that are named, that to compare with last."""
    from algocli.runs.finding import find_run, find_runs
    from algocli.runs.latest import LATEST

    words = (names or [LATEST]) if request.is_of_a_run else []
    runs = find_runs(cache_dir, words) if request.takes_several else [find_run(cache_dir, word) for word in words]
    return [*runs, *([] if against is None else [find_run(cache_dir, against)])]


def _draw(plotting: Plotting, output: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Draw what is asked for, subject by subject."""
    from algocli.cli.console import note, noter, show_json, show_path, tracker

    plotting.prepare(tracker(quiet), noter(quiet))
    written, request, runs = [], plotting.request, plotting.runs
    for number, shown in plotting.figures():
        path = plotting.path(output, number)
        plotting.write(shown, path)
        whom = {"subjects": list(plotting.subjects)} if request.group else {"subject": number}
        written.append({**whom, "path": path})
        if not as_json:
            show_path(path)
    if as_json:
        named = {"runs": [run.name for run in runs]} if len(runs) > 1 else {"run": runs[0].name if runs else None}
        rows = plotting.rows()
        show_json({"what": request.what, **named, "figures": written, **({} if rows is None else {"rows": rows})})
    for remark in plotting.remarks():
        noter(quiet)(remark)
    if runs and not as_json:
        note((" against " if request.against else ", ").join(f"run {run.name}" for run in runs), quiet=quiet)
