"""`algocli plot`: figures of a run and of the data, one a subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    RoiNames,
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
    RESPONSE = "response"
    BEST_LAYER = "best-layer"


_OF_A_RUN = (What.ACCURACY, What.ROIS, What.BEST_LAYER)


@dataclass(frozen=True)
class _Request:
    """What the command line asks for: a kind of figure, and what belongs to some kinds only."""

    what: What
    names: tuple[str, ...]
    only: tuple[str, ...]
    stimulus: int | None
    min_r: float | None

    @property
    def stem(self) -> str:
        """The beginning of a figure's default name."""
        return "_".join([self.what, *self.names, *([] if self.stimulus is None else [str(self.stimulus)])])

    @property
    def at_least(self) -> float:
        """The r above which a vertex has a layer."""
        from algocli.results.best_layer import DEFAULT_MIN_R

        return DEFAULT_MIN_R if self.min_r is None else self.min_r

    def check(self) -> None:
        """Refuse what does not belong together before anything is read."""
        what = self.what
        if what is What.ROI and not self.names:
            raise UsageError("plot roi needs the name of a ROI", hint="algocli plot roi FFA-1")
        if what is What.RESPONSE and self.stimulus is None:
            raise UsageError("plot response needs a training image", hint="algocli plot response --stimulus 0")
        if self.names and what is not What.ROI:
            raise UsageError(f"plot {what} takes no further word, found '{self.names[0]}'", hint=f"algocli plot {what}")
        if self.only and what not in (What.ROIS, What.RESPONSE):
            raise UsageError(f"plot {what} takes no --roi", hint="algocli plot roi NAME shows where a ROI lies")
        if self.stimulus is not None and what is not What.RESPONSE:
            raise UsageError(
                f"plot {what} takes no --stimulus", hint=f"algocli plot response --stimulus {self.stimulus}"
            )
        if self.min_r is not None and what is not What.BEST_LAYER:
            raise UsageError(f"plot {what} takes no --min-r", hint=f"algocli plot best-layer --min-r {self.min_r:g}")


class _Common(TypedDict):
    """What every kind of figure takes."""

    subjects: tuple[int, ...]
    hemispheres: Sequence[Hemisphere]
    title: str | None
    dpi: int


_WHAT_HELP = (
    "accuracy: r on the cortex; rois: bars; roi NAME...: where ROIs lie; vertices: all challenge vertices; "
    "response: measured responses to one training image; best-layer: which layer of a blend has the largest weight."
)

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
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="The ROIs of 'roi'.")] = None,
    roi: RoiNames = None,
    stimulus: Annotated[int | None, typer.Option("--stimulus", help="Row of a training image, from 0.", min=0)] = None,
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
    from algocli.results.best_layer import count_layers
    from algocli.results.figures import check_suffix, render

    request = _Request(what, tuple(names or ()), tuple(roi or ()), stimulus, min_r)
    request.check()
    if output is not None and not output.is_dir():
        check_suffix(output)
    challenge = Challenge(data_dir)
    found = find_run(cache_dir, run) if what in _OF_A_RUN else None
    chosen = _choose(challenge, found, parse_subjects(subject))
    sides = HEMISPHERES if hemisphere is None else (hemisphere,)
    written = []
    for number, figure in _figures(
        request, challenge, found, _Common(subjects=chosen, hemispheres=sides, title=title, dpi=dpi)
    ):
        path = _path(output, request.stem, number, several=len(chosen) > 1)
        render(figure, path, dpi)
        written.append({"subject": number, "path": path})
        if not as_json:
            show_path(path)
    if as_json:
        printed: dict[str, object] = {"what": what, "run": None if found is None else found.name, "figures": written}
        if found is not None and what is What.BEST_LAYER:
            printed["rows"] = count_layers(challenge, found, subjects=chosen, hemispheres=sides, min_r=request.at_least)
        show_json(printed)
    elif found is not None:
        note(f"run {found.name}", quiet=quiet)


def _choose(challenge: Challenge, run: Run | None, numbers: tuple[int, ...] | None) -> tuple[int, ...]:
    from algocli.results.scoring import scored_subjects

    if run is None:
        return tuple(subject.number for subject in challenge.subjects(numbers))
    return tuple(share.number for _, share in scored_subjects(challenge, run, numbers))


def _figures(request: _Request, challenge: Challenge, run: Run | None, common: _Common) -> Iterator[tuple[int, Figure]]:
    from algocli.results import plots

    drawn: Iterator[tuple[int, Chart]] | Iterator[tuple[int, SurfaceMap]]
    if run is not None and request.what is What.ROIS:
        drawn = plots.plot_bars(challenge, run, rois=request.only, **common)
    elif run is not None and request.what is What.BEST_LAYER:
        drawn = plots.plot_best_layer(challenge, run, min_r=request.at_least, **common)
    elif run is not None:
        drawn = plots.plot_accuracy(challenge, run, **common)
    elif request.stimulus is not None:
        drawn = plots.plot_response(challenge, request.stimulus, rois=request.only, **common)
    elif request.names:
        drawn = plots.plot_roi(challenge, request.names, **common)
    else:
        drawn = plots.plot_vertices(challenge, **common)
    for number, shown in drawn:
        yield number, shown.figure


def _path(output: Path | None, stem: str, number: int, *, several: bool) -> Path:
    """Name a subject's figure: as asked for one, told apart by the subject for several."""
    if output is None or output.is_dir():
        return (output or Path()) / f"{stem}_{subject_folder(number)}.png"
    return output.with_stem(f"{output.stem}_{subject_folder(number)}") if several else output
