"""algocli layers: what there is to ask of a network."""

from __future__ import annotations

from typing import Annotated

import typer

from algocli.cli.options import Json


def layers(
    model: Annotated[str, typer.Argument(help="A torchvision classifier, such as alexnet or resnet50.")],
    as_json: Json = False,
) -> None:
    """List a network's layers: graph node, shape of the output, flattened size."""
    from algocli.cli.console import show_json, show_table
    from algocli.features.backbones import list_layers

    found = list_layers(model)
    if as_json:
        rows = [{"layer": one.name, "shape": one.shape, "n_features": one.n_features} for one in found]
        show_json({"model": model, "rows": rows})
        return
    rows_of_text = [(one.name, " x ".join(map(str, one.shape)), f"{one.n_features:,}") for one in found]
    show_table(("Layer", "Shape", "Features"), rows_of_text)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("layers")(layers)
