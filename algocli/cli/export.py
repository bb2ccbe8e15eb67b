"""`algocli export`: a run's per-vertex results in files for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

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
from algocli.errors import UsageError

if TYPE_CHECKING:
    from algocli.encoding.runs import Run

Format = Literal["npy", "csv"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("export")(export)


def export(
    file_format: Annotated[
        Format, typer.Option("--format", help="npy: correlations and validation predictions; csv: one row a vertex.")
    ] = "npy",
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = Path("export"),
    subject: Subjects = None,
    run: RunName = "latest",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a run's per-vertex results and print the paths.

    Each subject has a folder, subj01 and so on. npy writes lh_correlation.npy, lh_pred_val.npy (the same for rh) and
    val_index.npy, the training rows that the predictions belong to; csv writes vertices.csv. Where report
    --significance has been asked for, lh_p.npy and a column p have the vertices' p values.
    """
    from algocli.cli.console import note, show_json, show_path
    from algocli.encoding.runs import find_run

    if output.is_file():
        raise UsageError(f"{output} is a file; a folder was expected")
    found = find_run(cache_dir, run)
    numbers = parse_subjects(subject)
    written = []
    for paths in _by_subject(file_format, found, numbers, data_dir, output):
        written += paths
        if not as_json:
            for path in paths:
                show_path(path)
    if as_json:
        show_json({"run": found.name, "files": written})
    else:
        note(f"run {found.name}", quiet=quiet)


def _by_subject(
    file_format: Format, run: Run, numbers: tuple[int, ...] | None, data_dir: Path, output: Path
) -> Iterator[list[Path]]:
    """Write subject by subject, so that a path appears as soon as its file is there."""
    from algocli.challenge.subjects import Challenge
    from algocli.results.export import export_arrays, export_table
    from algocli.results.scoring import scored_subjects

    if file_format == "npy":
        # The run alone knows all that goes into the arrays; the data may be on another machine.
        for number in numbers or run.subjects:
            yield export_arrays(run.subject(number), output)
    else:
        for data, share in scored_subjects(Challenge(data_dir), run, numbers):
            yield export_table(data, share, output)
