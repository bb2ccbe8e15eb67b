"""Options of commands that write a web page beside what they print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algocli.cli.options import printable
from algocli.errors import UsageError

Html = Annotated[
    Path | None, typer.Option("--html", help="Also write one web page, with charts and cortices to turn, to this file.")
]
Title = Annotated[
    str | None,
    typer.Option("--title", callback=printable, help="A heading of your own for the page of --html."),
]


def check_wishes(html: Path | None, title: str | None) -> None:
    """Refuse, before any work, a page that cannot be written, or the heading of none.

    Raises
    ------
    UsageError, StorageError
        With the reason.
    """
    from algocli.results.page.files import check_page

    if html is not None:
        check_page(html)
    elif title is not None:
        raise UsageError("--title is the heading of a page, and there is none", hint="add --html FILE")
