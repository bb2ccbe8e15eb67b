"""Options of commands that write a web page beside what they print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algocli.cli.options import printable

Html = Annotated[
    Path | None, typer.Option("--html", help="Also write one web page, with charts and cortices to turn, to this file.")
]
Title = Annotated[
    str | None,
    typer.Option("--title", callback=printable, help="A heading of your own for the page of --html."),
]
