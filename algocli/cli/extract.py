"""algocli extract: every image through a network, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_LAYER,
    DEFAULT_MODEL,
    CacheDir,
    DataDir,
    Json,
    Layers,
    Model,
    PresetName,
    Quiet,
    Subjects,
    TrustRemoteCode,
    in_same_folders,
    is_named,
    parse_subjects,
)
from algocli.errors import AlgocliError, UsageError

if TYPE_CHECKING:
    from algocli.features.store.shards import FeatureStore


def extract(
    ctx: typer.Context,
    preset: PresetName = None,
    model: Model = DEFAULT_MODEL,
    layer: Layers = None,
    weights: Annotated[
        str, typer.Option(help="pretrained, random, random:SEED, a checkpoint file, or a named set of weights.")
    ] = "pretrained",
    transform: Annotated[
        Literal["auto", "tutorial", "model"],
        typer.Option(
            help="224 x 224 as in the tutorial, or what the weights ask for; auto: the tutorial's for its own networks "
            "and where nothing else is known."
        ),
    ] = "auto",
    pool: Annotated[int | None, typer.Option(min=1, help="Average each channel over a grid of so many cells.")] = None,
    project: Annotated[int | None, typer.Option(min=1, help="Keep so many sparse random projections.")] = None,
    project_seed: Annotated[int, typer.Option(min=0, help="Seed of the projections.")] = 0,
    dtype: Annotated[Literal["float16", "float32"], typer.Option(help="Precision of the stored features.")] = "float16",
    numerics: Annotated[
        Literal["float32", "tf32", "float16", "bfloat16"],
        typer.Option(help="Precision of the network itself: tf32 and float16 on CUDA, bfloat16 anywhere."),
    ] = "float32",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images a forward pass. [default: 16 on a cpu, 64 on a GPU]")
    ] = None,
    stimuli: Annotated[
        Path | None, typer.Option(help="Read the images from NSD's HDF5 file, or from a folder with a CSV of ids.")
    ] = None,
    rows: Annotated[
        str | None, typer.Option(metavar="A:B", help="Only these rows, for a job array; any partition gives the same.")
    ] = None,
    with_gram: Annotated[
        bool, typer.Option("--gram/--no-gram", help="Also compute the products between images that train begins with.")
    ] = True,
    trust_remote_code: TrustRemoteCode = False,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pass every image through a network, once.

    The features of one layer, or of several, are kept in the cache; a layer may be a pattern such as 'layer3.*'.
    Interrupted at any moment, the same command goes on where it was.

    Images are taken as 8-bit RGB: transparent ones are laid on mid-grey (127), photographs are turned upright as their
    EXIF says, 16-bit numbers span their whole range; how many were converted so is told. An image whose numbers could
    mean anything is refused.
    """
    from algocli.cli.console import note, noter, tracker
    from algocli.cli.stores import show_stores
    from algocli.dataset.images import open_images
    from algocli.dataset.opening import open_dataset
    from algocli.encoding.presets import PRESETS

    some_rows = _parse_rows(rows)
    if preset:
        model = model if is_named(ctx, "model") else PRESETS[preset].model
        layer = layer or list(PRESETS[preset].layers)
    # The data is looked at first: a wrong folder is told before torch takes its seconds to load.
    sources = [(one, open_images(one, stimuli)) for one in open_dataset(data_dir).subjects(parse_subjects(subject))]
    from algocli.features.extraction import extract as run
    from algocli.features.networks.backbones import load_backbone, resolve_device
    from algocli.features.passage import Passage, default_batch_size
    from algocli.features.reduction import Reduction
    from algocli.features.store.gram import gram

    device = resolve_device(device)
    backbone = load_backbone(
        model,
        layer or [DEFAULT_LAYER],
        weights,
        device,
        transform=transform,
        trust_remote_code=trust_remote_code,
        note=noter(quiet),
    )
    reduction = Reduction(pool, project, project_seed)
    how = Passage(dtype, batch_size or default_batch_size(device), device, numerics, reduction, some_rows)
    stores = []
    for one, images in sources:
        made = run(one, backbone, cache_dir, how, images=images, track=tracker(quiet), note=noter(quiet))
        for store in made if with_gram else ():
            if store.complete:
                gram(store, device=device, track=tracker(quiet))
        stores += made
    show_stores(stores, as_json=as_json)
    if not as_json:
        usual = f"algocli train --preset {preset}" if preset else "algocli train"
        note(f"next: {_next_step(stores, (model, layer), usual, data_dir, cache_dir)}", quiet=quiet)


def _next_step(
    stores: Sequence[FeatureStore], asked: tuple[str, list[str] | None], usual: str, data_dir: Path, cache_dir: Path
) -> str:
    if not all(store.complete for store in stores):
        return "the same command for the rows that are left, or without --rows"
    is_usual = "--preset" in usual or (asked[0] == DEFAULT_MODEL and (asked[1] or [DEFAULT_LAYER]) == [DEFAULT_LAYER])
    from algocli.features.store.library import find_recipe

    name = stores[0].folder.parent.name
    if is_usual and "--preset" not in usual:
        # Of several kinds (other weights, another transform) train would ask which one is meant.
        try:
            is_usual = find_recipe(cache_dir, DEFAULT_MODEL, DEFAULT_LAYER) == name
        except AlgocliError:
            is_usual = False
    train = usual if is_usual else f"algocli train --features {name}"
    return in_same_folders(train, data_dir, cache_dir)


def _parse_rows(words: str | None) -> range | None:
    """Turn 'A:B' into rows A to B, end excluded; either may be left out at the edges."""
    if words is None:
        return None
    first, colon, last = words.partition(":")
    if not colon or any(word and not word.isdecimal() for word in (first, last)):
        raise UsageError(f"--rows {words}: two row numbers are expected, as in 0:2500")
    start, stop = int(first or 0), int(last) if last else sys.maxsize
    if start > stop:
        raise UsageError(f"--rows {words}: the first row comes first", hint=f"--rows {stop}:{start}")
    return range(start, stop)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("extract")(extract)
