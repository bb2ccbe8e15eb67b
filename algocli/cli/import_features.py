"""algocli import-features: features that another program made, as a store like any other."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

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
    parse_subjects,
)


def import_features(
    file: Annotated[Path, typer.Argument(help="An array of images x features: .npy, .h5, .hdf5 or .zarr.")],
    name: Annotated[str, typer.Option(help="What to call the features: train takes it as --features NAME.")],
    dataset: Annotated[
        str | None, typer.Option(help="Array within an HDF5 file or Zarr group.  [default: the only one]")
    ] = None,
    key: Annotated[
        Literal["nsd-id", "row"] | None,
        typer.Option(help="What a row's number is: an NSD id, or the image's place.  [default: as many rows say]"),
    ] = None,
    ids: Annotated[
        Path | None, typer.Option(help="NSD id of each row: a .npy, or a CSV file with the column nsd_id.")
    ] = None,
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

    Everything after extract works on them. Rows are the subject's training images and then its test images, in the
    order of their names. An array of 73000 rows, one for each NSD id, or one with --ids serves every subject.
    """
    from algocli.challenge.subjects import Challenge
    from algocli.cli.console import noter, tracker
    from algocli.cli.stores import show_stores
    from algocli.errors import UsageError
    from algocli.features.importing import import_features as import_rows
    from algocli.features.importing import is_keyed_by_id, locate_rows
    from algocli.features.matrices import open_matrix, read_ids

    subjects = Challenge(data_dir).subjects(parse_subjects(subject))
    matrix = open_matrix(file, dataset)
    row_ids = None if ids is None else read_ids(ids)
    if len(subjects) > 1 and not is_keyed_by_id(matrix, row_ids, key):
        raise UsageError(
            f"the rows of {matrix.name} are in the order of one subject's images; {len(subjects)} subjects were chosen",
            hint=f"say whose they are, as in -s {subjects[0].number}, or give each row's NSD id with --ids",
        )
    note = noter(quiet)
    # Every subject's rows are found before the first is stored: a file that lacks some is told at once.
    located = [locate_rows(one, matrix, row_ids, key) for one in subjects]
    run = functools.partial(
        import_rows, dtype=dtype, ids_file=ids, row_key=key, force=force, track=tracker(quiet), note=note
    )
    stores = [run(one, matrix, rows, name, cache_dir) for one, rows in zip(subjects, located, strict=True)]
    show_stores(stores, as_json=as_json)
    note(f"next: {in_same_folders(f'algocli train --features {name}', data_dir, cache_dir)}")


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import-features")(import_features)
