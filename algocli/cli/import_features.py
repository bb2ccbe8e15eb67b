"""algocli import-features: features that another program made, as a store like any other."""

from __future__ import annotations

from collections.abc import Sequence
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
    Subjects,
    in_same_folders,
)
from algocli.cli.parsing import parse_ids

if TYPE_CHECKING:
    from algocli.dataset.naming import SubjectId
    from algocli.dataset.protocol import Dataset

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Images x features: .npy, .npz, .h5, .hdf5, .zarr, .mat, .pt, .pth, .safetensors, .csv, .tsv or .parquet; "
        "a folder that holds one; one file for each subject, or a pattern, as in 'subj{subject:02d}.npy'.",
    ),
]


def import_features(
    files: Files,
    name: Annotated[str, typer.Option(help="What to call the features: train takes it as --features NAME.")],
    dataset: Annotated[
        str | None, typer.Option(help="Array within a file that holds several.  [default: the only one]")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            help="Image name or NSD id of each row, one a line, or a CSV column.  [default: what lies beside]"
        ),
    ] = None,
    key: Annotated[
        Literal["nsd-id", "row"] | None,
        typer.Option(
            help="What a row's number is, whatever rows are called: an NSD id, or the image's place.  "
            "[default: as names, or else as many rows say]"
        ),
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="NSD id of each row: a .npy, or a CSV file with the column nsd_id.")
    ] = None,
    ids_from: Annotated[
        int,
        typer.Option("--ids-from", min=0, max=1, help="What NSD ids count from: 0, as in its tables, or 1."),
    ] = 0,
    dtype: Annotated[
        Literal["float16", "float32"] | None,
        typer.Option(help="Precision of the stored features.  [default: float32, or the file's float16]"),
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace other features of that name and subject.")] = False,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Keep features that another program made.

    Everything after extract works on them. Rows with names (in the file, or beside it in file_names.txt or NAME.txt)
    are matched to images by file name or NSD id, in any order. Rows without are the subject's training images and then
    its test images, in the order of their names, or the training images alone, which gives no test predictions. An
    array with names, with --ids, or of 73000 rows, one for each NSD id, serves every subject. Rows that were never
    written are refused.
    """
    from algocli.cli.console import noter, tracker
    from algocli.cli.stores import show_stores
    from algocli.dataset.opening import open_dataset
    from algocli.pipeline.features import import_features as keep

    data, note = open_dataset(data_dir), noter(quiet)
    features = keep(
        data.subjects(_in_order(subject, data)),
        files,
        name,
        dataset=dataset,
        key=key,
        ids_file=ids,
        ids_from=ids_from,
        names_file=names,
        asked=bool(subject),
        dtype=dtype,
        force=force,
        cache_dir=cache_dir,
        track=tracker(quiet),
        note=note,
    )
    show_stores(features.stores, as_json=as_json)
    note(f"next: {in_same_folders(f'algocli train --features {name}', data_dir, cache_dir)}")


def _in_order(words: Sequence[str] | None, data: Dataset) -> tuple[SubjectId, ...] | None:
    """Return the subjects in the order in which they were named: that of the files, where there is one for each."""
    if parse_ids(words, lambda: data.subject_ids) is None:
        return None
    parts = [part for word in words or () for part in word.split(",")]
    return tuple(
        dict.fromkeys(subject for part in parts for subject in parse_ids([part], lambda: data.subject_ids) or ())
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import-features")(import_features)
