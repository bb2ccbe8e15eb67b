"""algocli layers: what there is to ask of a network."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from algocli.cli.options import Json, Quiet

# What the column of megabytes is for: a subject's images, two bytes a number.
_N_IMAGES = 10_000
_BYTES = 2


def layers(
    model: Annotated[
        str,
        typer.Argument(
            help="alexnet, timm/NAME, torchhub:OWNER/REPO[:BRANCH]:NAME or python:MODULE:CALLABLE.", show_default=False
        ),
    ],
    weights: Annotated[
        str, typer.Option(help="As of extract; drawn ones have the same layers, with no download.")
    ] = "random",
    transform: Annotated[
        Literal["auto", "tutorial", "model"],
        typer.Option(help="As of extract; it decides how large the images are."),
    ] = "auto",
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run the code of a torchhub repository here.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List a network's layers with their shapes and sizes.

    The sizes are the length of the flattened output and what it takes on disk for a subject's images.
    """
    from algocli.cli.console import noter, show_json, show_table
    from algocli.features.networks.backbones import list_layers

    listed = list_layers(model, weights, transform=transform, trust_remote_code=trust_remote_code, note=noter(quiet))
    sizes = [_N_IMAGES * layer.n_features * _BYTES for layer in listed]
    if as_json:
        rows = [
            {"layer": layer.name, "shape": layer.shape, "n_features": layer.n_features, "n_bytes_subject": n_bytes}
            for layer, n_bytes in zip(listed, sizes, strict=True)
        ]
        show_json({"model": model, "n_images_subject": _N_IMAGES, "dtype": "float16", "rows": rows})
        return
    rows_of_text = [
        (layer.name, " x ".join(map(str, layer.shape)), f"{layer.n_features:,}", f"{n_bytes / 1e6:,.0f}")
        for layer, n_bytes in zip(listed, sizes, strict=True)
    ]
    title = f"{model}: MB are those of a subject, {_N_IMAGES:,} images in float16, before compression"
    show_table(("Layer", "Shape", "Features", "MB"), rows_of_text, title=title)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("layers")(layers)
