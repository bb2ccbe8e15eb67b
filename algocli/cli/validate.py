"""algocli validate: every reason why the leaderboard would refuse a zip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algocli.cli.options import Json, Quiet


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="The submission to check.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            envvar="ALGOCLI_DATA_DIR",
            help="Take the expected shapes from this folder instead of the official table.",
        ),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Allow subjects to be missing.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List every fault of a submission zip, or call it ready."""
    from algocli.cli.console import noter, show_json, size, tracker
    from algocli.errors import DataError
    from algocli.pipeline.leaderboard import validate as check

    verdict = check(file, data_dir=data_dir, partial=partial, track=tracker(quiet))
    if as_json:
        show_json(verdict)
    else:
        for fault in verdict.faults:
            print(f"{fault}\n  mend: {fault.mend}")
        for text in verdict.notes:
            noter(quiet)(text)
        if verdict.ready:
            print(f"{file}  {size(verdict.n_bytes)}  ready")
    if not verdict.ready:
        n = len(verdict.faults)
        raise DataError(f"{file} is not ready: {n} fault{'s' if n > 1 else ''}")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("validate")(validate)
