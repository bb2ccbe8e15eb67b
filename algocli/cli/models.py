"""algocli models: what networks there are to name."""

from __future__ import annotations

from typing import Annotated

import typer

from algocli.cli.options import Json, Quiet
from algocli.compute.remarks import counted, list_some

# Of the weights that a network has, so many are named in the table.
_SHOWN = 2


def models(
    pattern: Annotated[
        str | None,
        typer.Argument(
            help="A part of the name, or of that of its weights, or a pattern such as 'timm/vit_*'.", show_default=False
        ),
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the networks that can be named, with their sizes.

    They are torchvision's and, where it is installed, timm's; a pattern that begins with open_clip: or hf: lists those
    of open_clip, or the kinds that transformers knows, which takes seconds. The sizes are millions of parameters,
    counted for timm's where few are listed, and the side of the images that their usual weights ask for.

    Beside these hf:OWNER/NAME names what is on the Hugging Face Hub, hf:./FOLDER what save_pretrained wrote,
    open_clip:ARCHITECTURE/WEIGHTS an image tower, torchhub:OWNER/REPO[:BRANCH]:NAME what a repository offers, and
    python:MODULE:CALLABLE a network of your own.

    Much work on visual cortex begins with DINOv2 (timm/vit_base_patch14_dinov2.lvd142m), DINOv3
    (timm/vit_base_patch16_dinov3.lvd1689m), EVA02 (timm/eva02_base_patch14_224.mim_in22k), CLIP
    (timm/vit_base_patch16_clip_224.openai), SigLIP (timm/vit_base_patch16_siglip_224.v2_webli) and ConvNeXt as CLIP
    trained it (timm/convnext_base.clip_laion2b).
    """
    from algocli.cli.console import note, show_json, show_table
    from algocli.pipeline.networks import models as list_them

    rows = list_them(pattern)
    if as_json:
        show_json({"rows": rows})
        return
    rows_of_text = [
        (
            row.model,
            "\u2013" if row.n_parameters is None else f"{row.n_parameters / 1e6:,.1f}",
            "\u2013" if row.image_size is None else str(row.image_size),
            list_some(row.weights, _SHOWN),
        )
        for row in rows
    ]
    show_table(("Model", "Million", "Pixels", "Weights"), rows_of_text, title=counted(len(rows), "networks"))
    note(f"next: algocli layers {rows[0].model}", quiet=quiet)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("models")(models)
