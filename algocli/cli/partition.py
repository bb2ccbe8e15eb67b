"""`algocli partition`: what sets of layers explain each alone, and what they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_MODEL,
    AlphaGrid,
    CacheDir,
    DataDir,
    Draws,
    FeaturesFrom,
    FieldSet,
    Folds,
    Holdout,
    ImageWidth,
    Json,
    MadeFrom,
    MinCeiling,
    Model,
    Quiet,
    RoiNames,
    SearchSeed,
    Seed,
    SharedImages,
    Subjects,
    is_named,
)
from algocli.cli.parsing import parse_alphas, parse_components, parse_ids
from algocli.cli.report import Csv, Group, Resamples
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
from algocli.encoding import usual
from algocli.results.telling import Correction

if TYPE_CHECKING:
    from algocli.pipeline.shares import Partition

Sets = Annotated[
    list[str],
    typer.Argument(
        metavar="SET", help="A layer, or the name of cached features; several joined by a plus, A+B, are one set."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("partition")(partition)


def partition(
    ctx: typer.Context,
    sets: Sets,
    model: Model = DEFAULT_MODEL,
    weights: Weights = None,
    transform: TransformName = None,
    image_size: ImageSize = None,
    tokens: Tokens = None,
    pool: Pool = None,
    project: Project = None,
    project_seed: ProjectSeed = None,
    dtype: Dtype = None,
    numerics: Numerics = None,
    pca: Annotated[
        str | None,
        typer.Option(
            metavar="N|full",
            help="Number of principal components.  [default: 1000, or all where images are fewer; OLS 100; banded 300]",
        ),
    ] = None,
    regression: Annotated[
        Literal["ridge", "ols", "banded", "fields"],
        typer.Option(
            help="How components are mapped to responses; 'banded' has a penalty for each layer, 'fields' a window on "
            "the image for each vertex."
        ),
    ] = "ridge",
    alphas: AlphaGrid = None,
    n_iter: Draws = usual.N_DRAWS,
    search_seed: SearchSeed = None,
    fields: FieldSet = usual.WINDOWS,
    image_width: ImageWidth = None,
    holdout: Holdout = None,
    folds: Folds = None,
    shared: SharedImages = "all",
    seed: Seed = usual.SEED,
    refit: Annotated[
        bool,
        typer.Option("--refit/--no-refit", help="Let new runs predict test images too, as train does: twice the work."),
    ] = True,
    subject: Subjects = None,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    group: Group = False,
    intervals: Annotated[
        bool,
        typer.Option("--intervals", help="Also show a 95 % interval of each part, and what is more than chance."),
    ] = False,
    resamples: Resamples = 1000,
    resample_seed: Annotated[int, typer.Option(min=0, help="Seed of these draws.")] = 0,
    correct: Annotated[
        Correction | None,
        typer.Option(
            help="Correct p for how many ROIs there are: 'fdr' bounds the share of false ones, 'max' any.  "
            "[default: none, with --group fdr]"
        ),
    ] = None,
    csv: Csv = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write every part per vertex to this folder.")
    ] = None,
    features_from: FeaturesFrom = None,
    stimuli: MadeFrom = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Partition explained variance between sets of layers.

    Two to five sets are named. A model of every union of them is trained, or found done: each is a run that report
    and compare know. From the R² of held-out images follow what each set explains alone and what exactly some of them
    share; all parts sum to what all sets explain. Ridge on many components is the default because k components of two
    layers together are not k of each: with few, a union gives up what its parts keep, and the shares are off. With
    OLS, for that reason, a union has k components of every layer. Each layer, not each set, has one scale. With banded
    ridge a union has a penalty for each layer as well, as sets of different size or strength need; one layer alone is
    ridge. With receptive fields the layers of a union have one window together, and no components. Nothing is clipped.

    How sure: --intervals says how far a part might have come out otherwise, had this subject seen other images of the
    kind. Held-out images are drawn anew, the same ones for all models. That models of other images would have learned
    other noise, and chosen other penalties, makes intervals wider; with --folds an image counts for the folds whose
    models it is in, too. R² pays for what models learn of noise, so parts of sets that explain nothing lie below 0:
    intervals are of what such models come to, not of what better ones would. A star is p <= .05: a set's own part, or
    the total, is more than chance (one-sided); a shared part, which may be negative, is other than chance (two-sided).
    Chance is 0; for the total, and what all sets share, it is what the fitted images' mean explains, a little less.
    --correct is over a subject's ROIs, for each part.

    --group is about people: it averages each part over subjects, with a 95 % interval of other subjects who see other
    images, p by flips of whole subjects' signs, and how many subjects show the part by their own intervals.
    """
    from algocli.cli.console import note, noter, tracker
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.arguments import refuse_file
    from algocli.pipeline.shares import partition as divide
    from algocli.results.telling import drawn_anew
    from algocli.stats.partition import check_count

    asked = intervals or group or any(is_named(ctx, name) for name in ("resamples", "resample_seed", "correct"))
    n_components, grid = parse_components(pca or "full"), parse_alphas(alphas)
    check_count(len(sets))
    if output is not None:
        refuse_file(output)
    dataset = open_dataset(data_dir)
    result = divide(
        dataset.subjects(parse_ids(subject, lambda: dataset.subject_ids)),
        sets,
        model=model,
        **parse_variant(ctx.params),
        n_components="usual" if pca is None else n_components,
        regression=regression,
        alphas=grid,
        n_iter=n_iter,
        search_seed=search_seed,
        windows=fields,
        image_width=image_width,
        holdout=holdout,
        folds=folds,
        shared=shared,
        seed=seed,
        refit=refit,
        rois=roi or None,
        min_ceiling=min_ceiling,
        group=group,
        intervals=asked,
        n_resamples=resamples,
        resample_seed=resample_seed,
        correct=correct,
        features_from=features_from,
        stimuli=stimuli,
        cache_dir=cache_dir,
        track=tracker(quiet),
        note=noter(quiet),
    )
    drawn = drawn_anew(resamples, resample_seed) if asked else ""
    _show(result, regression, drawn, as_json=as_json, quiet=quiet)
    for written in _write(result, csv, output):
        note(written, quiet=quiet)


def _write(result: Partition, csv: Path | None, output: Path | None) -> Iterator[str]:
    """Write the files that were asked for, and say so."""
    from algocli.results.rows import write_csv

    if csv is not None:
        write_csv(result.shown, csv)
        yield f"wrote {csv}"
    if output is not None:
        yield f"wrote {counted(len(result.export(output)), 'files')} to {output}"


def _show(result: Partition, regression: str, drawn: str, *, as_json: bool, quiet: bool) -> None:
    """Print the tables and how they are to be read, or JSON; then what is to be known of them."""
    from algocli.cli.console import note, noter, show_json
    from algocli.cli.group_tables import show_group_parts
    from algocli.cli.partition_tables import remarks, show_parts

    reading: Iterable[str] = ()
    if as_json:
        whose = result.group.whose() if result.group is not None else {}
        show_json({**result.describe(), **whose, "rows": result.shown.records})
    elif result.group is None:
        show_parts(result.report)
        reading = remarks(result.report, regression, drawn)
    else:
        show_group_parts(result.group)
        reading = chain(remarks(result.report, regression, by_letters=False), result.group.explain_all())
    for remark in reading:
        note(remark, quiet=quiet)
    for remark in result.shown.notes:
        noter(quiet)(remark)
