"""algocli import-words: what is said of images, their categories or their captions, as features like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    DataDir,
    Json,
    Quiet,
    Subjects,
    in_same_folders,
)
from algocli.cli.parsing import parse_ids

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="COCO's annotations, as instances_train2017.json and instances_val2017.json, which together have all of "
        "NSD's images; or tables with the columns id or file_name, and label or caption, a line each.",
    ),
]


def import_words(
    files: Files,
    name: Annotated[str, typer.Option(help="What to call the features: train takes it as --features NAME.")],
    coco: Annotated[
        Path | None,
        typer.Option(
            help="NSD's nsd_stim_info_merged.csv: which of COCO's images each is, and what was cut off.  "
            "[default: images have the same file names]"
        ),
    ] = None,
    measure: Annotated[
        Literal["presence", "count", "share"] | None,
        typer.Option(
            help="A category's number: whether there is any, how many there are, or how much of the image they "
            "cover together, 0 to 1: by outlines, or boxes where there are none.  [default: presence]"
        ),
    ] = None,
    encoder: Annotated[
        str | None,
        typer.Option(
            help="Make features of captions: hf:OWNER/NAME or hf:./FOLDER, any text encoder of transformers, or "
            "open_clip:ARCHITECTURE/WEIGHTS.  [default: none, and categories become features]"
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="The encoder's: pretrained, random, random:SEED, or a file or folder.  [default: pretrained]"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="What the encoder runs on: auto, cpu, cuda or mps.")] = "auto",
    dtype: Annotated[
        Literal["float16", "float32"] | None,
        typer.Option(help="Precision of the stored features.  [default: float32]"),
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace other features of that name and subject.")] = False,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Keep categories or captions of images as features.

    Everything after extract works on them, beside a network's layers. Categories: a column each, in the order of
    COCO's ids, of what is within the part of COCO's image that was shown; an image that shows none has zeros.
    Captions: each goes through --encoder, and an image has the mean of its captions' vectors.
    """
    from algocli.cli.console import noter, tracker
    from algocli.cli.stores import show_stores
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.words import import_words as keep

    data, note = open_dataset(data_dir), noter(quiet)
    features = keep(
        data.subjects(parse_ids(subject, lambda: data.subject_ids)),
        files,
        name,
        coco=coco,
        measure=measure,
        encoder=encoder,
        weights=weights,
        device=device,
        dtype=dtype,
        force=force,
        cache_dir=cache_dir,
        track=tracker(quiet),
        note=note,
    )
    show_stores(features.stores, as_json=as_json)
    note(f"next: {in_same_folders(f'algocli train --features {name}', data_dir, cache_dir)}")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import-words")(import_words)
