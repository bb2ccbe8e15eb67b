"""`algocli curve`: how much better models are that see more images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    AlphaGrid,
    CacheDir,
    ClusterName,
    FeaturesFrom,
    Json,
    MinCeiling,
    MovedData,
    Quiet,
    RoiNames,
    RunName,
    Subjects,
    printable,
)
from algocli.cli.parsing import parse_alphas, parse_components, parse_ids
from algocli.cli.report import Csv
from algocli.errors import UsageError

if TYPE_CHECKING:
    from algocli.results.curve_rows import Curve

Sizes = Annotated[
    str,
    typer.Option(
        metavar="N|N,N,...",
        help="How many numbers of images, evenly spaced on a logarithmic scale up to all; or the numbers themselves.",
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="A .png, .svg or .pdf file to draw the curves to; of several subjects one each."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("curve")(curve)


def curve(
    run: RunName = "latest",
    sizes: Sizes = "8",
    repeats: Annotated[
        int, typer.Option(min=1, help="How many subsets of each size, where they have room side by side.")
    ] = 3,
    pca: Annotated[
        str | None,
        typer.Option(metavar="N|full", help="Number of principal components.  [default: as the run has it]"),
    ] = None,
    regression: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another regression than the run's, such as ridge.")
    ] = None,
    alpha_by: Annotated[
        Literal["gcv", "kfold"] | None, typer.Option(help="How ridge chooses each vertex's penalty.")
    ] = None,
    alphas: AlphaGrid = None,
    subject: Subjects = None,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    resamples: Annotated[int, typer.Option(min=1, help="How often held-out images are drawn anew.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of subsets and draws.")] = 0,
    csv: Csv = None,
    output: Output = None,
    title: Annotated[str | None, typer.Option(callback=printable, help="A heading of the chart's own.")] = None,
    features_from: FeaturesFrom = None,
    cluster: ClusterName = None,
    data_dir: MovedData = None,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show how much better models are that see more images.

    Models are fitted on growing numbers of the images that the run fits, components and all, and every one is scored on
    the images that the run holds out. Each size is drawn by chance --repeats times, or as often as it has room among
    all images, within the next larger one. Nothing is read but the run's Gram matrices and responses, so that a curve
    takes as long as a few trainings. Few images that cannot have as many components as asked for have as many as they
    can, which is said.

    A model of k components errs by what it mistook noise for, whose variance falls as k / n: so r(n) follows
    c / sqrt(1 + b / n), which is fitted (for OLS to n - k - 1, the images that its components leave). c is the ceiling,
    what r comes to with images without end; 'half at' is the number of images of which a model explains half as much
    variance. A curve that learns more than k components ever hold, as ridge on all of them, rises for longer, and its
    ceiling is then a cautious one. The 95 % interval is of other held-out images, the same for all sizes, and of other
    subsets; a dash is a ceiling that these images do not bound.

    --pca, --regression, --alpha-by and --alphas draw the curve of other settings than the run's, on its features and
    its held-out images. --csv writes the ceilings to a file of their own: rows.ceilings.csv beside rows.csv.
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.pipeline import curves
    from algocli.runs.finding import find_run

    trained = find_run(cache_dir, run)
    changed: dict[str, Any] = {
        "n_components": parse_components(pca) if pca is not None else None,
        "regression": regression,
        "alpha_by": alpha_by,
        "alphas": parse_alphas(alphas) if alphas is not None else None,
    }
    given = {"n_components": pca, "regression": regression, "alpha_by": alpha_by, "alphas": alphas}
    drawn = curves.curve(
        trained,
        sizes=_parse_sizes(sizes),
        repeats=repeats,
        data_dir=data_dir,
        subjects=parse_ids(subject, lambda: trained.subjects),
        rois=roi or None,
        min_ceiling=min_ceiling,
        n_resamples=resamples,
        seed=seed,
        path=output,
        title=title,
        features_from=features_from,
        cluster=cluster,
        track=tracker(quiet),
        note=noter(quiet),
        **{name: value for name, value in changed.items() if given[name] is not None},
    )
    if as_json:
        of_run = {"run": drawn.run, "changed": drawn.changed, "held_out": drawn.held_out}
        show_json({**of_run, "rows": drawn.records, "ceilings": drawn.end.records})
    else:
        _show(drawn, (resamples, seed), quiet=quiet)
    for remark in drawn.notes:
        noter(quiet)(remark)
    for written in [
        *(curves.write_curve(drawn, csv) if csv is not None else ()),
        *curves.pictures(drawn, output).values(),
    ]:
        note(f"wrote {written}", quiet=quiet)


def _parse_sizes(words: str) -> int | list[int]:
    """Turn '8' into how many sizes there are to be, and '100,200' into two sizes."""
    numbers = words.split(",")
    if not all(number.strip().isdecimal() and len(number) <= 9 for number in numbers):
        raise UsageError(f"--sizes {words}: a whole number is expected, or several as in 100,200,400")
    return int(words) if len(numbers) == 1 else [int(number) for number in numbers]


def _show(learned: Curve, drawn: tuple[int, int], *, quiet: bool) -> None:
    """Print the tables, and how they are to be read."""
    from algocli.cli.console import note
    from algocli.cli.curve_tables import curve_tables, explain_curves
    from algocli.cli.roi_tables import show_tables

    show_tables(curve_tables(learned), "")
    for line in explain_curves(learned, drawn):
        note(line, quiet=quiet)
