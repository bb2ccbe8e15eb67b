"""algocli sweep: networks, layers and settings by the dozen, in one command and one table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from algocli.cli.examples import SWEEP_FILE
from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    ClusterName,
    DataDir,
    Json,
    MinCeiling,
    Quiet,
    RoiNames,
    Subjects,
    TrustRemoteCode,
    in_same_folders,
    is_named,
)
from algocli.cli.parsing import parse_alphas, parse_components, parse_ids
from algocli.cli.report import Csv
from algocli.cli.variants import NAMES, parse_count
from algocli.cli.ways_out import GIVEN
from algocli.cli.wording import FIELDS
from algocli.encoding import usual
from algocli.errors import AlgocliError, UsageError
from algocli.features import usual as usual_features
from algocli.pipeline.defaults import DEFAULT_HEATMAP

if TYPE_CHECKING:
    from algocli.pipeline.sweeping import Sweep

_SEVERAL = "may be repeated"
Networks = Annotated[
    list[str] | None,
    typer.Argument(metavar="NETWORK", help="Networks, as --model of extract takes them: alexnet, timm/NAME, ..."),
]
FromFile = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="A TOML file that names networks, layers, options and settings."),
]
SweptLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        "-l",
        help="Layer, or pattern such as 'layer3*', of all networks that have it; NETWORK=LAYER,LAYER of one alone; "
        f"{_SEVERAL}.  [default: four that are spread over each network's depth]",
    ),
]
_Words: TypeAlias = list[str] | None
_Numbers: TypeAlias = list[int] | None
_Shares: TypeAlias = list[float] | None


def sweep(
    ctx: typer.Context,
    networks: Networks = None,
    from_file: FromFile = None,
    layer: SweptLayers = None,
    pca: Annotated[
        _Words,
        typer.Option(
            metavar="N|full",
            help=f"Number of components, or all there are; {_SEVERAL}, as all that follows.  "
            f"[default: {usual.N_COMPONENTS}]",
        ),
    ] = None,
    regression: Annotated[_Words, typer.Option(metavar="NAME", help="As train has them.  [default: ols]")] = None,
    alpha_by: Annotated[_Words, typer.Option(help="gcv or kfold: how ridge chooses penalties.")] = None,
    alphas: Annotated[_Words, typer.Option(metavar="LOW:HIGH:N", help="Ridge's penalties.")] = None,
    fields: Annotated[
        _Words, typer.Option(metavar="coarse|fine|FILE", help="Windows of receptive fields.  [default: fine]")
    ] = None,
    image_width: Annotated[
        _Shares, typer.Option(metavar="DEG", help="How wide images were seen.  [default: what the dataset says]")
    ] = None,
    holdout: Annotated[_Shares, typer.Option(help=f"Share held out once.  [default: {usual.HOLDOUT}]")] = None,
    folds: Annotated[_Numbers, typer.Option(help="Hold out every image once, in this many folds.")] = None,
    shared: Annotated[_Words, typer.Option(help="all, only or exclude: images that other subjects saw too.")] = None,
    seed: Annotated[_Numbers, typer.Option(min=0, help=f"Seed of the split.  [default: {usual.SEED}]")] = None,
    refit: Annotated[
        bool, typer.Option("--refit/--no-refit", help="Predict the test images from a refit on all training images.")
    ] = True,
    standardise: Annotated[
        bool, typer.Option("--standardise", help="Divide each feature by its spread over the fitted images first.")
    ] = False,
    weights: Annotated[
        _Words, typer.Option(help="As extract takes them, for all networks.  [default: pretrained]")
    ] = None,
    transform: Annotated[_Words, typer.Option(help="auto, tutorial or model: how images are prepared.")] = None,
    image_size: Annotated[_Numbers, typer.Option(min=1, help="The side of the images that networks are fed.")] = None,
    tokens: Annotated[
        _Words, typer.Option(metavar="WHICH", help="all, class, patches, mean or registers: of transformers' layers.")
    ] = None,
    pool: Annotated[
        _Words, typer.Option(metavar="N|none", help="Average each channel over a grid of so many cells.")
    ] = None,
    project: Annotated[_Words, typer.Option(metavar="N|none", help="Keep so many sparse random projections.")] = None,
    project_seed: Annotated[_Numbers, typer.Option(min=0, help="Seed of the projections.")] = None,
    dtype: Annotated[
        _Words, typer.Option(help=f"Precision of the stored features.  [default: {usual_features.DTYPE}]")
    ] = None,
    numerics: Annotated[
        _Words, typer.Option(help=f"Precision of the networks.  [default: {usual_features.NUMERICS}]")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images a forward pass.")] = None,
    stimuli: Annotated[Path | None, typer.Option(help="Read the images elsewhere, as extract does.")] = None,
    trust_remote_code: TrustRemoteCode = False,
    cluster: ClusterName = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Stop once it is told what is to be done, and about how long it takes.")
    ] = False,
    nested: Annotated[
        bool,
        typer.Option(
            "--nested/--no-nested",
            help="Choose the best model of each ROI in inner folds, and score it outside them: five fits more of each.",
        ),
    ] = True,
    roi: RoiNames = None,
    min_ceiling: MinCeiling = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The heatmap: a .png, .svg or .pdf file.")
    ] = DEFAULT_HEATMAP,
    csv: Csv = None,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fit every layer of several networks into one table.

    All settings that are named are tried; a heatmap shows every model beside every ROI.

    Features that are missing are extracted: each image is decoded once for as many networks as memory holds, and
    passes each of them once. How many passes, gigabytes and minutes that takes is told first; what cannot be built, or
    lacks a layer, is refused before it. What is done already stays: interrupted at any moment, the same command goes
    on. A network that fails on the way leaves the others alone, and is told in the end.

    Every combination of what is named several times is made; of several regressions each takes what it reads.

    Scores are mean r on held-out training images. The best of many models looks better on the images that it was
    chosen by than on others: so the best of each ROI is chosen in inner folds and scored outside them, as compare
    --nested does; what the naive choice would have shown stands beside it.

    A TOML file says more: layers and options for each network, in the words of this command, a list wherever several
    are meant. What the command line says as well goes before it:
    """
    from algocli.cli.console import note, noter, show_json, tracker
    from algocli.cli.each import compare_all
    from algocli.cli.sweep_tables import show_sweep
    from algocli.compute.track import once
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.sweeping import sweep as run

    if not networks and from_file is None:
        raise UsageError("sweep needs networks, or a file that names some", hint="algocli sweep alexnet resnet18")
    layers, options = _parse_layers(layer), _parse_options(ctx)
    # What a training says of its network is in the end said of the table, too.
    remark = once(noter(quiet))
    dataset = open_dataset(data_dir)
    subjects = dataset.subjects(parse_ids(subject, lambda: dataset.subject_ids))
    swept = run(
        subjects,
        networks or None,
        layers,
        file=from_file,
        dry_run=dry_run,
        nested=nested,
        rois=roi or None,
        min_ceiling=min_ceiling,
        csv=csv,
        plot=output,
        device=device,
        batch_size=batch_size,
        stimuli=stimuli,
        trust_remote_code=trust_remote_code,
        cache_dir=cache_dir,
        cluster=cluster,
        track=tracker(quiet),
        note=remark,
        **options,
    )
    if as_json:
        show_json(_described(swept, output))
    elif swept.scores is not None:
        show_sweep(swept.scores, remark)
    if swept.scores is not None:
        beside = [] if csv is None or swept.scores.nested is None else [csv.with_name(f"{csv.stem}.nested{csv.suffix}")]
        for path in (output, csv, *beside):
            if path is not None:
                note(f"wrote {path}", quiet=quiet)
        note(f"next: {in_same_folders(compare_all(swept.runs, cache_dir), data_dir, cache_dir)}", quiet=quiet)
    _refuse_failed(swept, ctx)


def _parse_layers(words: Sequence[str] | None) -> dict[str, list[str]] | None:
    """Return layers by the network that they are named of, '*' for all."""
    layers: dict[str, list[str]] = {}
    for word in words or ():
        network, equals, layer = word.rpartition("=")
        if equals and not (network and layer):
            raise UsageError(f"-l {word}: NETWORK=LAYER is expected, or a layer alone")
        layers.setdefault(network or "*", []).append(layer)
    return layers or None


def _parse_options(ctx: typer.Context) -> dict[str, Any]:
    """Return options of features and fields of the settings that were named."""
    from algocli.encoding.regressions.registry import check_regression

    parse: dict[str, Callable[[Any], Any]] = {
        "pca": parse_components,
        "alphas": parse_alphas,
        "regression": partial(check_regression, "regression"),
        "pool": partial(parse_count, "pool"),
        "project": partial(parse_count, "project"),
    }
    options: dict[str, Any] = {}
    for name, field in {**FIELDS, **{name: name for name in NAMES}}.items():
        if name in ctx.params and is_named(ctx, name):
            given = ctx.params[name]
            read = parse.get(name, lambda value: value)
            options[field] = [read(value) for value in given] if isinstance(given, list | tuple) else given
    return options


def _described(swept: Sweep, output: Path) -> dict[str, object]:
    """Return what JSON says of a sweep."""
    told: dict[str, object] = {"plan": swept.plan}
    if swept.scores is not None:
        told |= {"heatmap": output, "rows": swept.table(), "best": swept.best, "held_out": swept.scores.held_out}
    return {**told, "failed": {what: error.message for what, error in swept.failed.items()}}


def _refuse_failed(swept: Sweep, ctx: typer.Context) -> None:
    """Tell what failed in the end, with the command that does it again and leaves what is done."""
    try:
        swept.refuse_failed()
    except AlgocliError as error:
        again = f"{shlex.join(['algocli', *ctx.meta.get(GIVEN, ())])} (again: what is done stays)"
        raise type(error)(error.message, hint=f"{error.hint}\n       {again}" if error.hint else again) from error


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    # The mark keeps what follows from being wrapped; an empty line would end that.
    file = "\n".join(("\b", *(f"  {line}" for line in SWEEP_FILE.splitlines())))
    app.command("sweep", help=f"{cleandoc(sweep.__doc__ or '')}\n\n{file}")(sweep)
