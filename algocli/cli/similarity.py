"""`algocli similarity`: layers beside ROIs, other networks or RDMs, by RSA or CKA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    ClusterName,
    DataDir,
    Features,
    FeaturesFrom,
    Json,
    MadeFrom,
    MinCeiling,
    Quiet,
    RoiNames,
    Subjects,
    printable,
)
from algocli.cli.parsing import parse_ids
from algocli.cli.report import Csv
from algocli.cli.variants import (
    Dtype,
    ImageSize,
    Numerics,
    Pool,
    Project,
    ProjectSeed,
    Tokens,
    TransformName,
    Weights,
    parse_variant,
)
from algocli.compute.remarks import counted
from algocli.dataset.sides import Hemisphere
from algocli.results.telling import Correction

if TYPE_CHECKING:
    from algocli.results.similarity_table import Similarity


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("similarity")(similarity)


def similarity(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option("--model", help="Network of the layers.  [default: all cached]")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer", "-l", help="Layer, or pattern such as 'features.*'; may be repeated.  [default: all cached]"
        ),
    ] = None,
    features: Features = None,
    weights: Weights = None,
    transform: TransformName = None,
    image_size: ImageSize = None,
    tokens: Tokens = None,
    pool: Pool = None,
    project: Project = None,
    project_seed: ProjectSeed = None,
    dtype: Dtype = None,
    numerics: Numerics = None,
    rdm: Annotated[
        list[str] | None,
        typer.Option(
            "--rdm",
            metavar="[NAME=]FILE",
            help="Compare with the RDM of a .npy or .npz file, of one subject or several; may be repeated.",
        ),
    ] = None,
    to_model: Annotated[
        str | None, typer.Option("--to-model", metavar="NAME", help="Compare with the layers of this network.")
    ] = None,
    to_layer: Annotated[
        list[str] | None,
        typer.Option("--to-layer", metavar="NAME", help="Compare with these layers; may be repeated."),
    ] = None,
    to_features: Annotated[
        list[str] | None,
        typer.Option("--to-features", metavar="NAME", help="Compare with these cached features; may be repeated."),
    ] = None,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    hemisphere: Annotated[
        Hemisphere | None, typer.Option("--hemisphere", help="Only this one's vertices.  [default: both together]")
    ] = None,
    measure: Annotated[
        Literal["spearman", "pearson", "kendall", "cosine", "cka", "cka-unbiased"],
        typer.Option(help="How RDMs are compared (kendall: tau-a); or linear CKA."),
    ] = "spearman",
    distance: Annotated[
        Literal["correlation", "euclidean", "cosine"], typer.Option(help="Between images, of which RDMs are made.")
    ] = "correlation",
    permutations: Annotated[int, typer.Option(min=1, help="Permutations of images, for p.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of permutations.")] = 0,
    correct: Annotated[Correction, typer.Option(help="Correct p for how many layers and targets there are.")] = "none",
    subject: Subjects = None,
    csv: Csv = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Also draw a heatmap: .png, .svg or .pdf.")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", callback=printable, help="A heading of it.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write every number as .npy, and tables, to this folder.")
    ] = None,
    features_from: FeaturesFrom = None,
    stimuli: MadeFrom = None,
    cluster: ClusterName = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare layers with ROIs, with other layers or with RDMs.

    Nothing is fitted. Of every pair of images it is asked how different they are to a layer, and to an ROI (all
    vertices of both hemispheres together, over the training images): RSA compares these distances, CKA inner products.
    Both follow from the products between images that extract has computed, in one pass for all layers and ROIs.

    --rdm FILE compares layers with an RDM that somebody else has measured, image by image in the order of their names:
    n x n, for several subjects a stack of these, or what lies above their diagonals; an .npz may hold several. It needs
    images alone: --data-dir may be a folder of them, for extract as for this. --to-model, --to-layer and --to-features
    compare layers with layers.

    How sure: p is how often images in random order are as similar (one-sided). An interval says how far a similarity
    might have come out otherwise, had the images been others of the kind: by what each image and each pair adds to it,
    as resampled images make RDMs that vary too much. Of more than 1,000 images, so many tell both. CKA as it was
    published grows with features where images are few; cka-unbiased does not.

    Of several subjects the table has the mean, with the interval of other subjects, and, where all saw the same images,
    the noise ceiling: how similar each is to the mean of the others (lower end) and to that of all (upper end).
    """
    from algocli.cli.console import noter, show_json, tracker
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.similarities import similarity as compare

    _check_files(plot, output, title)
    dataset = open_dataset(data_dir)
    result = compare(
        dataset.subjects(parse_ids(subject, lambda: dataset.subject_ids)),
        features or None,
        model=model,
        layers=layer or None,
        **parse_variant(ctx.params),
        rdm=_parse_rdms(rdm) if rdm else None,
        to_features=to_features or None,
        to_model=to_model,
        to_layers=to_layer or None,
        rois=roi or None,
        min_ceiling=min_ceiling,
        hemisphere=hemisphere,
        measure=measure,
        distance=distance,
        n_permutations=permutations,
        seed=seed,
        correct=correct,
        features_from=features_from,
        stimuli=stimuli,
        cluster=cluster,
        cache_dir=cache_dir,
        track=tracker(quiet),
        note=noter(quiet),
    )
    if as_json:
        show_json(result.described)
    else:
        _show(result, quiet=quiet)
    _write(result, csv, plot, title, output, quiet=quiet)


def _show(result: Similarity, *, quiet: bool) -> None:
    from algocli.cli.console import note
    from algocli.cli.similarity_tables import remarks, show_similarity

    show_similarity(result)
    for remark in remarks(result):
        note(remark, quiet=quiet)


def _check_files(plot: Path | None, output: Path | None, title: str | None) -> None:
    """Refuse, before any work, what could not be written."""
    from algocli.errors import UsageError
    from algocli.pipeline.arguments import refuse_file
    from algocli.results.drawing.style import check_suffix

    if output is not None:
        refuse_file(output)
    if plot is not None:
        check_suffix(plot)
    elif title is not None:
        raise UsageError("--title is the heading of a heatmap, and there is none", hint="add --plot FILE")


def _write(
    result: Similarity, csv: Path | None, plot: Path | None, title: str | None, output: Path | None, *, quiet: bool
) -> None:
    """Write the files that were asked for, and say so."""
    from algocli.cli.console import note

    if csv is not None:
        result.write_csv(csv)
        note(f"wrote {csv}", quiet=quiet)
    if plot is not None:
        from algocli.results.drawing.style import render
        from algocli.results.plots.request import Wishes
        from algocli.results.plots.similarity import plot_similarity

        render(plot_similarity(result, Wishes(title=title)).figure, plot)
        note(f"wrote {plot}", quiet=quiet)
    if output is not None:
        note(f"wrote {counted(len(result.export(output)), 'files')} to {output}", quiet=quiet)


def _parse_rdms(words: list[str]) -> list[Path] | dict[str, Path]:
    """Turn 'FILE' into a path, and 'NAME=FILE' into what to call it as well."""
    named: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals or "/" in name or Path(word).exists():
            name, path = Path(word).stem, word
        if name in named:
            from algocli.errors import UsageError

            raise UsageError(f"--rdm {word}: two are called {name}", hint="write --rdm NAME=FILE for each")
        named[name] = Path(path)
    return named
