"""algocli train: fit an encoding model from cached features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperOption

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    AlphaGrid,
    CacheDir,
    ClusterName,
    DataDir,
    Device,
    Draws,
    Features,
    FeaturesFrom,
    FieldLayers,
    FieldPerLayer,
    FieldSet,
    Folds,
    Holdout,
    ImageWidth,
    Json,
    MadeFrom,
    PresetName,
    Print,
    Quiet,
    SearchSeed,
    Seed,
    SharedImages,
    Subjects,
    TrainedLayers,
    TrainedModel,
    in_same_folders,
    is_named,
)
from algocli.cli.parsing import parse_alphas, parse_cluster, parse_components, parse_ids
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
from algocli.cli.ways_out import remember
from algocli.cli.wording import FIELDS
from algocli.dataset.naming import SubjectId
from algocli.encoding import usual

if TYPE_CHECKING:
    from algocli.runs.run import Run


def _complete(incomplete: str) -> list[str]:
    from algocli.encoding.regressions.registry import forms

    return [form for form in forms() if form.startswith(incomplete)]


class _Train(TyperCommand):
    """Knows the regressions that there are when it is asked to explain itself: to find them takes numpy."""

    def format_help(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        from algocli.encoding.regressions.registry import regressions

        for param in self.params:
            if isinstance(param, TyperOption) and param.name == "regression":
                told = "; ".join(f"{regression.form}: {regression.help}" for regression in regressions())
                param.help = f"How components are mapped to responses. {told}.  [default: {param.default}]"
        super().format_help(ctx, formatter)


RegressionName = Annotated[
    str, typer.Option("--regression", metavar="NAME", show_default=False, autocompletion=_complete)
]


def train(
    ctx: typer.Context,
    each: Annotated[
        bool,
        typer.Option(
            "--each",
            help="Fit every layer by itself, in a run of its own: all that are chosen, or all that there are.",
        ),
    ] = False,
    preset: PresetName = None,
    pca: Annotated[str, typer.Option(metavar="N|full", help="Number of principal components, or all there are.")] = str(
        usual.N_COMPONENTS
    ),
    regression: RegressionName = "ols",
    alpha_by: Annotated[
        Literal["gcv", "kfold"],
        typer.Option(
            help="How ridge chooses each vertex's penalty: by GCV, the quick way, or by inner folds with their own PCA."
        ),
    ] = "gcv",
    alphas: AlphaGrid = None,
    holdout: Holdout = None,
    folds: Folds = None,
    shared: SharedImages = "all",
    seed: Seed = usual.SEED,
    refit: Annotated[
        bool, typer.Option("--refit/--no-refit", help="Predict the test images from a refit on all training images.")
    ] = True,
    model: TrainedModel = None,
    layer: TrainedLayers = None,
    weights: Weights = None,
    transform: TransformName = None,
    image_size: ImageSize = None,
    tokens: Tokens = None,
    pool: Pool = None,
    project: Project = None,
    project_seed: ProjectSeed = None,
    dtype: Dtype = None,
    numerics: Numerics = None,
    features: Features = None,
    scale: Annotated[
        bool, typer.Option("--scale/--no-scale", help="Bring several layers to one scale before they are joined.")
    ] = True,
    join: Annotated[
        Literal["features", "components"],
        typer.Option(help="Of several layers, put side by side all features, or the components of each."),
    ] = "features",
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Divide each feature by its spread over the fitted images first.")
    ] = False,
    n_iter: Draws = usual.N_DRAWS,
    search_seed: SearchSeed = None,
    fields: FieldSet = usual.WINDOWS,
    image_width: ImageWidth = None,
    field_layers: FieldLayers = None,
    field_per_layer: FieldPerLayer = False,
    device: Device = "cpu",
    cluster: ClusterName = None,
    by_hand: Print = False,
    run: Annotated[
        str | None,
        typer.Option(
            callback=remember,
            help="Name of the run; with --each what comes before the layer, or a name with a star in place of it.  "
            "[default: one that says the settings]",
        ),
    ] = None,
    force: Annotated[bool, typer.Option(help="Fit again, replacing the run of that name.")] = False,
    subject: Subjects = None,
    features_from: FeaturesFrom = None,
    stimuli: MadeFrom = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit an encoding model for every vertex.

    It predicts the held-out images, which give its score, and the test images. With no options this is the
    challenge's tutorial: AlexNet features.2, 100 components, OLS, a tenth held out. Ridge has a penalty of its own for
    every vertex and gains from many components: --pca 1000 --regression ridge; all there are take minutes, and 4 GB at
    full size. Unlike the tutorial's, components are exact, and a refit, which it recommends, predicts the test images.

    The same image is never fitted and held out: where a subject has one twice, by its pixels, both copies go where the
    first would; all others stay where they were. --shared only scores every subject on images that other subjects saw
    too, and fits on the subject's own, as is usual where a thousand are common to all; --shared exclude makes subjects
    independent samples of images. An image is shared if another subject whose folder is there has one with the same
    pixels, or the same number in one collection, for training or for the test.

    --each fits every layer by itself, in a run each; --model, -l and --features may then be patterns, such as -l
    'features.*', and what is done already stays. Else several layers, also of different networks, are joined as if
    their features stood side by side, each layer first brought to one scale. Whatever is chosen (penalties, weights,
    scales) is chosen without the held-out images, in each fold anew. Choosing between runs or presets by these images
    is not: their best looks better than it is. How many vertices' penalties ended at the grid's edge is told. Receptive
    fields, --regression fields, take layers with rows and columns that are not projected, and no components: each
    vertex has one Gaussian window on the image, its channels, and a penalty; where it looks is kept in the run, and
    told between the windows that were tried, where their errors put the least. With --field-per-layer each layer has
    its own, and a weight; --field-layers blends in ridge on --pca components of the layers beyond.
    --standardise takes a pass over the features for every fold. Banded ridge, with 50 draws and 300 components, takes a
    full-size subject most of an hour for two layers and hours for five. The memory that all this takes is told first,
    and what does not fit is refused.
    """
    from algocli.cli.console import note, noter, tracker
    from algocli.cli.each import compare_all, show_each
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.training import train as fit
    from algocli.runs.run import check_run_name

    # Words are read before folders: a slip of the keyboard is told as one, whatever is on the disk.
    chosen = _chosen(ctx)
    variant = parse_variant(ctx.params)
    if run is not None and not each:
        check_run_name(run)
    dataset = open_dataset(data_dir)
    subjects = dataset.subjects(parse_ids(subject, lambda: dataset.subject_ids))
    done: list[Run] = []
    try:
        fit(
            subjects,
            features,
            each=each,
            preset=preset,
            model=model,
            layers=layer,
            **variant,
            name=run,
            features_from=features_from,
            stimuli=stimuli,
            cache_dir=cache_dir,
            force=force,
            device=device,
            cluster=parse_cluster(cluster, by_hand),
            made=done.append,
            track=tracker(quiet),
            note=noter(quiet),
            **chosen,
        )
    finally:
        # What is trained is shown even where some of it was refused.
        if each and done:
            show_each(done, [subject.id for subject in subjects], as_json=as_json)
    if each:
        command = compare_all(done, cache_dir)
    else:
        _show(done[0], [subject.id for subject in subjects], as_json)
        command = "algocli report"
    note(f"next: {in_same_folders(command, data_dir, cache_dir)}", quiet=quiet)


def _chosen(ctx: typer.Context) -> dict[str, Any]:
    """Return the fields of the settings that were named by an option."""
    from algocli.encoding.regressions.registry import check_regression

    parse: dict[str, Callable[[Any], Any]] = {
        "pca": parse_components,
        "alphas": parse_alphas,
        "regression": partial(check_regression, "regression"),
    }
    return {
        field: parse.get(option, lambda value: value)(ctx.params[option])
        for option, field in FIELDS.items()
        if is_named(ctx, option)
    }


def _show(run: Run, subjects: Sequence[SubjectId], as_json: bool) -> None:
    from algocli.cli.console import number, show_json, show_table
    from algocli.cli.each import medians_of

    subject_runs = [run.subject(n) for n in subjects]
    sides = tuple(dict.fromkeys(side for each in subject_runs for side in each.sides))
    medians = {each.id: medians_of(run, each.id) for each in subject_runs}
    if as_json:
        rows = [{"subject": n, "median_r": of_subject} for n, of_subject in medians.items()]
        show_json({"run": run.name, "path": run.folder, "rows": rows})
        return
    print(f"run {run.name}")
    rows_of_text = [(str(n), *(number(of_subject.get(side)) for side in sides)) for n, of_subject in medians.items()]
    show_table(
        ("Subject", *(side.capitalize() for side in sides)),
        rows_of_text,
        title="Median r of held-out training images, all vertices",
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("train", cls=_Train)(train)
