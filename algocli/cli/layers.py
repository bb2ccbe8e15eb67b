"""algocli layers: what there is to ask of a network."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from algocli.cli.options import Json, Quiet, TrustRemoteCode

# What is left out of a row where there is nothing to say.
_NO_TOKENS = ("tokens", None)


def layers(
    model: Annotated[
        str,
        typer.Argument(
            help="alexnet, timm/NAME, hf:OWNER/NAME, open_clip:ARCHITECTURE/WEIGHTS, torchhub:OWNER/REPO[:BRANCH]:NAME "
            "or python:MODULE:CALLABLE.",
            show_default=False,
        ),
    ],
    patterns: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN",
            help="Only these: a layer, a module with all inside it, or a pattern such as 'layer3*'.",
            show_default=False,
        ),
    ] = None,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Only names of so many parts: 1 is the network's outline.")
    ] = None,
    weights: Annotated[
        str,
        typer.Option(
            help="As of extract, and checked for the layers listed; drawn ones have the same, with no download."
        ),
    ] = "random",
    transform: Annotated[
        Literal["auto", "tutorial", "model"],
        typer.Option(help="As of extract; it decides how large the images are."),
    ] = "auto",
    image_size: Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help="As of extract.")] = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List a network's layers with their shapes and sizes.

    Each name can be given to extract. One with others below it is a module's and stands for what the module yields;
    patterns ask extract for layers alone. The sizes are the length of the flattened output and what it takes on disk
    for a subject's images.

    Of a transformer's layer the tokens are told, as in 1 + 4 + 16 x 16 tokens x 384: a class token, four registers and
    a grid of patches, of 384 numbers each. extract --tokens takes some of them, and --pool makes the grid coarser. What
    attention projects of its tokens is named as its module with :query, :key or :value behind it.
    """
    from algocli.cli.console import noter, show_json, show_table
    from algocli.pipeline.networks import N_IMAGES
    from algocli.pipeline.networks import layers as list_them

    told = noter(quiet)
    rows = list_them(
        model,
        patterns,
        weights=weights,
        transform=transform,
        image_size=image_size,
        trust_remote_code=trust_remote_code,
        note=told,
    )
    rows = [row for row in rows if depth is None or row.layer.count(".") < depth]
    if as_json:
        told_rows = [
            {name: value for name, value in asdict(row).items() if (name, value) != _NO_TOKENS} for row in rows
        ]
        show_json({"model": model, "n_images_subject": N_IMAGES, "dtype": "float16", "rows": told_rows})
        return
    rows_of_text = [
        (
            "  " * row.layer.count(".") + row.layer,
            row.tokens or " x ".join(map(str, row.shape)),
            f"{row.n_features:,}",
            f"{row.n_bytes_subject / 1e6:,.0f}",
        )
        for row in rows
    ]
    title = f"{model}: MB are those of a subject, {N_IMAGES:,} images in float16, before compression"
    show_table(("Layer", "Shape", "Features", "MB"), rows_of_text, title=title)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("layers")(layers)
