"""algocli fetch-weights: weights for machines that have no network."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import Json, Quiet, TrustRemoteCode

if TYPE_CHECKING:
    from algocli.pipeline.fetching import FetchedWeights


def fetch_weights(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL",
            help="As of extract: a classifier of torchvision's, timm/NAME, hf:OWNER/NAME or open_clip:NAME/WEIGHTS.",
            show_default=False,
        ),
    ],
    weights: Annotated[str, typer.Option(help="pretrained, or the name of one of several.")] = "pretrained",
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Copy them to this folder as well, which extract takes as --weights; of several networks each has a "
            "folder of its own there.",
            show_default=False,
        ),
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch weights, for machines that cannot.

    Where this machine has a network, they come to where extract looks for them: torch's folder and the Hugging Face
    Hub's, which TORCH_HOME and HF_HOME name. Where each file lies is printed. Such a folder may be copied whole, and
    named there by its variable; or what --to has copied is named by --weights.
    """
    from algocli.cli.console import note, noter, show_json, show_line, size
    from algocli.pipeline import fetch_weights as fetch

    fetched = fetch(models, weights=weights, to=to, trust_remote_code=trust_remote_code, note=noter(quiet))
    if as_json:
        show_json({"rows": fetched})
        return
    for one in fetched:
        show_line(f"{one.model}: {size(one.n_bytes)}")
        for path in one.files:
            show_line(f"  {path}")
    for text in _what_to_copy(fetched):
        note(text, quiet=quiet)


def _what_to_copy(fetched: list[FetchedWeights]) -> list[str]:
    """Say what to copy to another machine, and what to type there."""
    copied = [one for one in fetched if one.folder is not None]
    if copied:
        return [
            f"there, with a copy: algocli extract --model {quote(one.model)} --weights {quote(str(one.folder))}"
            for one in copied
        ]
    homes = dict.fromkeys((one.variable, one.home) for one in fetched if one.variable is not None)
    told = [f"to another machine: copy {home}, and let {variable} name the copy" for variable, home in homes]
    return [*told, "or copy what --to DIR puts into one folder, and name that by --weights"]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("fetch-weights")(fetch_weights)
