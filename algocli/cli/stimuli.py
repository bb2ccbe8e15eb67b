"""`algocli stimuli`: which image belongs to which row of the responses."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence, Set
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import DEFAULT_DATA_DIR, DataDir, Json, Quiet, Subjects
from algocli.cli.parsing import parse_subjects
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
SharedImages = Annotated[
    Literal["all", "only", "exclude"],
    typer.Option("--shared", help="Only the images that another subject saw too, or exclude these."),
]
CsvFile = Annotated[Path | None, typer.Option("--csv", help="Write the list to this CSV file.")]

if TYPE_CHECKING:
    from algocli.compute.track import Track
    from algocli.dataset.challenge.subjects import Challenge
    from algocli.dataset.stimuli import Stimulus

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
    shared: SharedImages = "all",
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
    go from 0 to 72999. On a pipe, columns are separated by tabs. An image is shared if a subject whose folder is there
    has one with the same NSD id, or the same pixels, for training or the test.

    --annotations writes COCO's boxes, outlines, key points or captions as they are in one subject's 425 x 425 pixel
    images: in COCO's own format, cut at the edges, without what was cut off, an image's id being its NSD id.
    """
    from algocli.cli.console import show_json, show_path, tracker
    from algocli.errors import UsageError

    if as_json and csv_file is not None:
        raise UsageError("--json prints the list and --csv writes it to a file: choose one")
    numbers = parse_subjects(subject)
    if annotations is not None:
        if split is not None or shared != "all" or csv_file is not None:
            raise UsageError("--split, --shared and --csv are for the list, and --annotations writes none")
        _adapt(data_dir, numbers, coco, annotations, output, as_json=as_json, quiet=quiet)
        return
    if output is not None:
        raise UsageError("--output is for --annotations", hint="--csv writes the list to a file")
    rows = list(_rows(data_dir, numbers, split, shared, coco, tracker(quiet)))
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


def _rows(
    data_dir: Path,
    numbers: tuple[int, ...] | None,
    only: Split | None,
    shared: Literal["all", "only", "exclude"],
    coco: Path | None,
    track: Track,
) -> Iterator[Row]:
    from algocli.dataset.challenge.image_names import list_stimuli
    from algocli.dataset.challenge.subjects import Challenge
    from algocli.dataset.nsd.coco import read_coco_images

    challenge = Challenge(data_dir)
    images = [
        (subject.number, image)
        for subject in challenge.subjects(numbers)
        for split in (SPLITS if only is None else (only,))
        for image in list_stimuli(subject.layout, split)
    ]
    if shared != "all":
        among = _shared(challenge, {number for number, _ in images}, track)
        images = [pair for pair in images if (pair in among) == (shared == "only")]
    plain = [StimulusRow(number, image.split, image.row, image.path.name, image.nsd_id) for number, image in images]
    if coco is None:
        yield from plain
        return
    # NSD's table has 73,000 lines: it is read once for all.
    for row, origin in zip(plain, read_coco_images(coco, [image for _, image in images]), strict=True):
        crop = {f"crop_{side}": share for side, share in vars(origin.crop).items()}
        yield CocoRow(**vars(row), coco_id=origin.coco_id, coco_split=origin.split, **crop)


def _shared(challenge: Challenge, numbers: Set[int], track: Track) -> set[tuple[int, Stimulus]]:
    """Return the images of some subjects that other subjects saw too, each with its subject."""
    from algocli.dataset.copies import find_shared
    from algocli.errors import DataError

    everybody = challenge.subjects()
    if len(everybody) < 2:
        raise DataError(
            f"what other subjects saw cannot be known: {challenge.folder} holds no more than {everybody[0].name}",
            hint="put other subjects beside it, or leave --shared away",
        )
    shared = set()
    for subject in (wanted for wanted in everybody if wanted.number in numbers):
        others = [other for other in everybody if other is not subject]
        sharing = find_shared(subject, others, track=track)
        stimuli = zip(subject.stimuli, sharing.rows.tolist(), strict=True)
        shared |= {(subject.number, stimulus) for stimulus, is_shared in stimuli if is_shared}
    return shared


def _columns(rows: Sequence[Row]) -> list[str]:
    return [field.name for field in fields(rows[0] if rows else StimulusRow)]


def _print(rows: Sequence[Row]) -> None:
    from algocli.cli.console import show_line

    # Eight subjects have 73,000 rows: rich would lay them out for a quarter of a minute before the first appears.
    columns = _columns(rows)
    widths = [*_WIDTHS, *(len(name) for name in columns[len(_WIDTHS) :])]
    aligned = [f"{{:{'>' if width < 0 else '<'}{abs(width)}}}" for width in widths]
    line = "  ".join(aligned) if sys.stdout.isatty() else "\t".join(["{}"] * len(columns))
    print(line.format(*columns))
    for row in rows:
        show_line(line.format(*astuple(row)))


def _write_csv(path: Path, rows: Sequence[Row]) -> None:
    from algocli.compute.tables import write_rows

    write_rows(path, _columns(rows), map(astuple, rows))
