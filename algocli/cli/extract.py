"""algocli extract: every image through a network, once."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    DEFAULT_LAYER,
    DEFAULT_MODEL,
    CacheDir,
    DataDir,
    Json,
    Layer,
    Model,
    Quiet,
    Subjects,
    parse_subjects,
)


def extract(
    model: Model = DEFAULT_MODEL,
    layer: Layer = DEFAULT_LAYER,
    weights: Annotated[str, typer.Option(help="pretrained, random, random:SEED, or a checkpoint file.")] = "pretrained",
    dtype: Annotated[Literal["float16", "float32"], typer.Option(help="Precision of the stored features.")] = "float16",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Images a forward pass; changes no number.")] = 32,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pass every image through a network once and keep a layer's features in the cache.

    Interrupted at any moment, the same command goes on where it was.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import noter, show_json, size, tracker

    # The data is looked at first: a wrong folder is told before torch takes its seconds to load.
    subjects = Challenge(data_dir).subjects(parse_subjects(subject))
    from algocli.features.backbones import load_backbone, resolve_device
    from algocli.features.extraction import extract as run

    note = noter(quiet)
    device = resolve_device(device)
    backbone = load_backbone(model, layer, weights, device)
    stores = [
        run(
            one, backbone, cache_dir, dtype=dtype, batch_size=batch_size, device=device, track=tracker(quiet), note=note
        )
        for one in subjects
    ]
    rows = [
        {
            "subject": one.number,
            "features": store.folder.parent.name,
            "n_stimuli": store.n_stimuli,
            "n_features": store.n_features,
            "n_bytes": store.n_bytes(),
            "path": store.folder,
        }
        for one, store in zip(subjects, stores, strict=True)
    ]
    if as_json:
        show_json({"rows": rows})
        return
    for one, store in zip(subjects, stores, strict=True):
        print(f"{one.name}  {store.n_stimuli} x {store.n_features}  {size(store.n_bytes()):>7}  {store.folder}")
    note("next: algocli train")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("extract")(extract)
