"""`algocli stimuli`: which image belongs to which row of the responses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Annotated

import typer

from algocli.cli.options import DEFAULT_DATA_DIR, DataDir, Json, Quiet, Subjects, parse_subjects
from algocli.dataset.sides import SPLITS, Split

SplitName = Annotated[Split | None, typer.Option("--split", help="Only the images of this split.")]
Coco = Annotated[
    Path | None, typer.Option("--coco", help="NSD's nsd_stim_info_merged.csv: also list COCO id, split and crop.")
]
Annotations = Annotated[
    Path | None,
    typer.Option("--annotations", help="With --coco: bring COCO's annotations, a JSON file, into the stimuli."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The file for adapted annotations.  [default: FILE_subjNN.json]")
]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write the list to this CSV file.")]

# Of the columns that every list has; negative ones stand to the right.
_WIDTHS = (7, 5, -4, 24, -6)


@dataclass(frozen=True)
class StimulusRow:
    """One image as it is listed."""

    subject: int
    split: Split
    row: int
    file: str
    nsd_id: int


@dataclass(frozen=True)
class CocoRow(StimulusRow):
    """One image with where it comes from: COCO's id and split, and the shares of the image that were cut off."""

    coco_id: int
    coco_split: str
    crop_top: float
    crop_bottom: float
    crop_left: float
    crop_right: float


Row = StimulusRow | CocoRow


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("stimuli")(stimuli)


def stimuli(
    subject: Subjects = None,
    split: SplitName = None,
    csv_file: CsvFile = None,
    coco: Coco = None,
    annotations: Annotations = None,
    output: Output = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List a subject's images: split, row, file and NSD id.

    Rows count from 0 within a split, as in the response arrays; the numbers in file names count from 1. NSD ids
    go from 0 to 72999. On a pipe, columns are separated by tabs.

    --annotations writes COCO's boxes, outlines, key points or captions as they are in one subject's 425 x 425 pixel
    images: in COCO's own format, cut at the edges, without what was cut off, an image's id being its NSD id.
    """
    from algocli.cli.console import show_json, show_path
    from algocli.errors import UsageError

    if as_json and csv_file is not None:
        raise UsageError("--json prints the list and --csv writes it to a file: choose one")
    numbers = parse_subjects(subject)
    if annotations is not None:
        if split is not None or csv_file is not None:
            raise UsageError("--split and --csv are for the list, and --annotations writes none")
        _adapt(data_dir, numbers, coco, annotations, output, as_json=as_json, quiet=quiet)
        return
    if output is not None:
        raise UsageError("--output is for --annotations", hint="--csv writes the list to a file")
    rows = list(_rows(data_dir, numbers, split, coco))
    if csv_file is not None:
        _write_csv(csv_file, rows)
        show_path(csv_file)
    elif as_json:
        show_json({"rows": rows})
    else:
        _print(rows)


def _adapt(
    data_dir: Path,
    numbers: tuple[int, ...] | None,
    coco: Path | None,
    annotations: Path,
    output: Path | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a subject's annotations and say how many there are."""
    from algocli.cli.console import note, show_json, show_path
    from algocli.compute.files import publish
    from algocli.dataset.challenge.subjects import Challenge
    from algocli.dataset.nsd.annotations import adapt
    from algocli.dataset.nsd.coco import read_coco_images
    from algocli.errors import UsageError

    if coco is None:
        raise UsageError("--annotations needs --coco", hint="--coco nsd_stim_info_merged.csv says what was cut off")
    subjects = Challenge(data_dir).subjects(numbers)
    if len(subjects) != 1:
        raise UsageError(f"--annotations is for one subject; {len(subjects)} were chosen", hint="choose one with -s")
    stimuli = subjects[0].stimuli
    adapted = adapt(annotations, stimuli, read_coco_images(coco, stimuli))
    path = output or Path(f"{annotations.stem}_{subjects[0].name}.json")
    if path.resolve() == annotations.resolve():
        raise UsageError(f"{path} would take the place of COCO's own annotations", hint="name another file with -o")
    publish(path, lambda stream: stream.write(json.dumps(adapted.content).encode()))
    if as_json:
        show_json({"file": path, "images": adapted.n_images, "kept": adapted.n_kept, "outside": adapted.n_outside})
    else:
        show_path(path)
    note(
        f"{adapted.n_images:,} of {len(stimuli):,} images are in {annotations.name}; {adapted.n_kept:,} annotations, "
        f"{adapted.n_outside:,} left out as they were cut off",
        quiet=quiet,
    )


def _rows(data_dir: Path, numbers: tuple[int, ...] | None, only: Split | None, coco: Path | None) -> Iterator[Row]:
    from algocli.dataset.challenge.image_names import list_stimuli
    from algocli.dataset.challenge.subjects import Challenge
    from algocli.dataset.nsd.coco import read_coco_images

    images = [
        (subject.number, image)
        for subject in Challenge(data_dir).subjects(numbers)
        for split in (SPLITS if only is None else (only,))
        for image in list_stimuli(subject.layout, split)
    ]
    plain = [StimulusRow(number, one.split, one.row, one.path.name, one.nsd_id) for number, one in images]
    if coco is None:
        yield from plain
        return
    # NSD's table has 73,000 lines: it is read once for all.
    for row, origin in zip(plain, read_coco_images(coco, [image for _, image in images]), strict=True):
        crop = {f"crop_{side}": share for side, share in vars(origin.crop).items()}
        yield CocoRow(**vars(row), coco_id=origin.coco_id, coco_split=origin.split, **crop)


def _columns(rows: Sequence[Row]) -> list[str]:
    return [field.name for field in fields(rows[0] if rows else StimulusRow)]


def _print(rows: Sequence[Row]) -> None:
    # Eight subjects have 73,000 rows: rich would lay them out for a quarter of a minute before the first appears.
    columns = _columns(rows)
    widths = [*_WIDTHS, *(len(name) for name in columns[len(_WIDTHS) :])]
    aligned = [f"{{:{'>' if width < 0 else '<'}{abs(width)}}}" for width in widths]
    line = "  ".join(aligned) if sys.stdout.isatty() else "\t".join(["{}"] * len(columns))
    print(line.format(*columns))
    for row in rows:
        print(line.format(*astuple(row)))


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    from algocli.compute.tables import write_rows

    write_rows(path, _columns(rows), map(astuple, rows))
