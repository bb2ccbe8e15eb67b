"""algocli submit: the zip for the leaderboard, proven right before it gets its name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    DataDir,
    Json,
    Quiet,
    RunName,
    Subjects,
    parse_subjects,
)

if TYPE_CHECKING:
    from algocli.encoding.runs import Run


def submit(
    out: Annotated[Path, typer.Option("--output", "-o", help="The zip to write.")] = Path("submission.zip"),
    partial: Annotated[bool, typer.Option("--partial", help="Allow subjects to be missing.")] = False,
    run: RunName = "latest",
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the leaderboard's zip of a run's test predictions.

    It is the format of CodaLab, and is checked before it gets its final name.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import note, show_json, size, tracker
    from algocli.encoding.runs import find_run
    from algocli.submission.package import package
    from algocli.submission.shapes import ExpectedShapes
    from algocli.submission.sources import of_run

    found = find_run(cache_dir, run)
    chosen = parse_subjects(subject) or found.subjects
    packaged = package(
        of_run(found, chosen),
        out,
        ExpectedShapes.of(Challenge(data_dir)),
        partial=partial,
        provenance=_provenance(found, chosen),
        track=tracker(quiet),
    )
    for text in packaged.notes:
        note(text, quiet=quiet)
    if as_json:
        show_json(packaged)
        return
    print(f"{packaged.path}  {size(packaged.n_bytes)}  ready")


def _provenance(run: Run, subjects: tuple[int, ...]) -> dict[str, Any]:
    from dataclasses import asdict

    from algocli import __version__

    return {
        "algocli": __version__,
        "run": run.name,
        "settings": asdict(run.settings),
        "command_line": sys.argv,
        "inputs": {str(n): run.subject(n).record.get("inputs") for n in subjects},
    }


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("submit")(submit)
