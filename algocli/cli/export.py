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
    is_named,
    parse_subjects,
)
from algocli.compute.track import Note
from algocli.dataset.naming import SubjectId
from algocli.errors import DataError, UsageError

if TYPE_CHECKING:
    from algocli.dataset.protocol import Subject
    from algocli.runs.run import Run
    from algocli.runs.subject_run import SubjectRun

Format = Literal["npy", "csv", "gifti", "mgh"]


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("export")(export)


def export(
    ctx: typer.Context,
    file_format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="npy: correlations and validation predictions; csv: one row a vertex; gifti, mgh: maps on fsaverage.",
        ),
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
    val_index.npy, the training rows that the predictions belong to; csv writes vertices.csv.

    gifti is for Connectome Workbench: lh.correlation.func.gii, noise_ceiling and accuracy where they are known, and
    lh.floc-faces.label.gii for each ROI class. mgh is for FreeSurfer: the same as lh.correlation.mgh and
    lh.floc-faces.annot. All have the 163,842 vertices of fsaverage; those outside the challenge are NaN in GIFTI and 0
    in .mgh, where lh.mask.mgh tells which are inside.

    Where report --significance has been asked for, the p values are there too: lh_p.npy, a column p, lh.p.func.gii, and
    lh.sig.mgh with -log10 p. A blend's weight of each layer, or its share in a banded ridge, is there by such names as
    weight.features.2; npy has them fit by fit, and penalties. All but npy need the data; without --data-dir it is
    looked for where the run was trained.
    """
    from algocli.cli.console import note, show_json, show_path
    from algocli.dataset.opening import open_dataset
    from algocli.results.data_of_runs import tell_other_places
    from algocli.results.scoring import scored_subjects
    from algocli.runs.mixtures import tell_mixtures
    from algocli.runs.run import find_run

    if output.is_file():
        raise UsageError(f"{output} is a file; a folder was expected")
    found, numbers = find_run(cache_dir, run), parse_subjects(subject)
    remarks = list(tell_mixtures(found, numbers))
    if file_format == "npy":
        # The run alone knows all that goes into the arrays; the data may be on another machine.
        files = _arrays(found, numbers, output)
    elif is_named(ctx, "data_dir"):
        pairs = scored_subjects(open_dataset(data_dir), found, numbers)
        remarks += tell_other_places(pairs)
        files = _views(file_format, pairs, output)
    else:
        files = _views(file_format, _recorded(found, data_dir, numbers, remarks.append), output)
    written = []
    for path in files:
        written.append(path)
        if not as_json:
            show_path(path)
    if as_json:
        show_json({"run": found.name, "files": written})
    for remark in [*remarks, *([] if as_json else [f"run {found.name}"])]:
        note(remark, quiet=quiet)


def _arrays(run: Run, numbers: tuple[SubjectId, ...] | None, output: Path) -> Iterator[Path]:
    """Write subject by subject, so that a path appears as soon as its file is there."""
    from algocli.results.export import export_arrays

    for number in numbers or run.subjects:
        yield from export_arrays(run.subject(number), output)


def _views(file_format: Format, pairs: list[tuple[Subject, SubjectRun]], output: Path) -> Iterator[Path]:
    """Write what needs the data, subject by subject."""
    from algocli.results.export import export_table
    from algocli.results.export_maps import export_gifti, export_overlays

    write = {"csv": export_table, "gifti": export_gifti, "mgh": export_overlays}[file_format]
    for subject, share in pairs:
        yield from write(subject, share, output)


def _recorded(
    run: Run, usual: Path, numbers: tuple[SubjectId, ...] | None, remark: Note
) -> list[tuple[Subject, SubjectRun]]:
    """Pair each subject with the data that it was trained on, or that which lies in the usual folder.

    Raises
    ------
    DataError
        If there is neither: only the masks say where on the cortex a vertex lies.
    """
    from algocli.results.data_of_runs import recorded_subjects

    pairs = []
    for origin in recorded_subjects(run, usual, numbers):
        if origin.subject is None:
            raise DataError(
                f"{origin.note}: its masks say where on the cortex each vertex lies",
                hint="name the data with --data-dir, or take --format npy, which needs none",
            )
        if origin.note:
            remark(origin.note)
        pairs.append((origin.subject, origin.share))
    return pairs
