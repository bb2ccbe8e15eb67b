"""`algocli export`: a run's per-vertex results in files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from algocli.cli.options import (
    DEFAULT_CACHE_DIR,
    DEFAULT_DATA_DIR,
    CacheDir,
    DataDir,
    FieldLayer,
    Json,
    Quiet,
    RunName,
    Subjects,
    is_named,
)
from algocli.cli.parsing import parse_ids
from algocli.pipeline.defaults import DEFAULT_EXPORT, ExportFormat


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("export")(export)


def export(
    ctx: typer.Context,
    file_format: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="npy: correlations and validation predictions; csv: one row a vertex; gifti, mgh, nifti: maps on "
            "fsaverage.",
        ),
    ] = "npy",
    group: Annotated[
        bool,
        typer.Option("--group", help="gifti, mgh, nifti: means over subjects, and how many are behind each vertex."),
    ] = False,
    layer: FieldLayer = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = DEFAULT_EXPORT,
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
    in .mgh, where lh.mask.mgh tells which are inside. nifti is the same once more as lh.correlation.nii.gz and
    lh.floc-faces.nii.gz: a list of vertices, 163842 x 1 x 1, as FreeSurfer keeps surfaces in NIfTI files; data on a
    surface is in no volume, and viewers of volumes have no use for it.

    Where report --significance has been asked for, the p values are there too: lh_p.npy, a column p, lh.p.func.gii, and
    lh.sig.mgh with -log10 p. A blend's weight of each layer, or its share in a banded ridge, is there by such names as
    weight.features.2; npy has them fit by fit, and penalties. Receptive fields are there as NSD's own files have them,
    prfangle (degrees, 0 to the right, 90 up, against the clock), prfeccentricity and prfsize (degrees), and as prfx,
    prfy and prfmargin; where a vertex has no window they are NaN, empty in csv, and 0 in .mgh. They say where between
    the windows that were tried the error would be least; those that predict are in npy's lh_field. Where each
    layer has windows of its own, --layer says whose; files are called the same, so each layer takes a folder. All but
    npy need the data; without --data-dir it is looked for where the run was trained.

    --group writes maps of all subjects together into a folder called group: means over those who have a response at a
    vertex, however few, and lh.n_subjects with how many they are.
    """
    from algocli.cli.console import note, noter, show_json, show_path
    from algocli.pipeline.arguments import refuse_file
    from algocli.pipeline.files import export as write
    from algocli.runs.finding import find_run

    refuse_file(output)
    trained = find_run(cache_dir, run)
    remarks: list[str] = []
    written = write(
        trained,
        output,
        file_format=file_format,
        group=group,
        layer=layer,
        data_dir=data_dir if is_named(ctx, "data_dir") else None,
        subjects=parse_ids(subject, lambda: trained.subjects),
        made=None if as_json else show_path,
        note=remarks.append,
    )
    if as_json:
        show_json({"run": trained.name, "files": written})
    for remark in remarks:
        noter(quiet)(remark)
    if not as_json:
        note(f"run {trained.name}", quiet=quiet)
