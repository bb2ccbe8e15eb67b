"""`algocli stimuli`: which image belongs to which row of the responses."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

from algocli.challenge.layout import SPLITS, Split
from algocli.cli.options import DEFAULT_DATA_DIR, DataDir, Json, Quiet, Subjects, parse_subjects

SplitName = Annotated[Split | None, typer.Option("--split", help="Only the images of this split.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write the list to this CSV file.")]


@dataclass(frozen=True)
class StimulusRow:
    """One image as it is listed."""

    subject: int
    split: Split
    row: int
    file: str
    nsd_id: int


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stimuli")(stimuli)


def stimuli(
    subject: Subjects = None,
    split: SplitName = None,
    csv_file: CsvFile = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List a subject's images: split, row, file and NSD id.

    Rows count from 0 within a split, as in the response arrays; the numbers in file names count from 1. NSD ids
    go from 0 to 72999. On a pipe, columns are separated by tabs.
    """
    from algocli.cli.console import show_json, show_path
    from algocli.errors import UsageError

    if as_json and csv_file is not None:
        raise UsageError("--json prints the list and --csv writes it to a file: choose one")
    rows = list(_rows(data_dir, parse_subjects(subject), split))
    if csv_file is not None:
        _write_csv(csv_file, rows)
        show_path(csv_file)
    elif as_json:
        show_json({"rows": rows})
    else:
        _print(rows)


def _rows(data_dir: Path, numbers: tuple[int, ...] | None, only: Split | None) -> Iterator[StimulusRow]:
    from algocli.challenge.stimuli import list_stimuli
    from algocli.challenge.subjects import Challenge

    for subject in Challenge(data_dir).subjects(numbers):
        for split in SPLITS if only is None else (only,):
            for stimulus in list_stimuli(subject.layout, split):
                yield StimulusRow(subject.number, split, stimulus.row, stimulus.path.name, stimulus.nsd_id)


def _columns() -> list[str]:
    return [field.name for field in fields(StimulusRow)]


def _print(rows: Sequence[StimulusRow]) -> None:
    # Eight subjects have 73,000 rows: rich would lay them out for a quarter of a minute before the first appears.
    line = "{:<7}  {:<5}  {:>4}  {:<24}  {:>6}" if sys.stdout.isatty() else "{}\t{}\t{}\t{}\t{}"
    print(line.format(*_columns()))
    for row in rows:
        print(line.format(*astuple(row)))


def _write_csv(path: Path, rows: Sequence[StimulusRow]) -> None:
    import csv
    import io

    from algocli.compute.files import publish

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_columns())
    writer.writerows(map(astuple, rows))
    publish(path, lambda stream: stream.write(text.getvalue().encode()))
