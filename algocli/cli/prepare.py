"""algocli prepare: a challenge folder made from NSD's own files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.options import Json, Quiet, Subjects, in_same_folders
from algocli.cli.parsing import parse_subjects
from algocli.compute.remarks import counted
from algocli.dataset.challenge.layout import SUBJECTS, subject_folder
from algocli.dataset.sides import HEMISPHERES
from algocli.errors import DataError

if TYPE_CHECKING:
    from algocli.dataset.nsd.prepare import Prepared


def prepare(
    nsd: Annotated[
        Path, typer.Option("--nsd", help="The root of a copy of NSD: nsddata, nsddata_betas, nsddata_stimuli.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The challenge folder to write.")],
    masks: Annotated[
        Path,
        typer.Option(
            "--masks", help="A challenge folder to take roi_masks from, or a folder that holds just the masks."
        ),
    ],
    subject: Subjects = None,
    stim_info: Annotated[
        Path | None, typer.Option(help="nsd_stim_info_merged.csv.  [default: where NSD keeps it]")
    ] = None,
    stimuli: Annotated[Path | None, typer.Option(help="nsd_stimuli.hdf5.  [default: where NSD keeps it]")] = None,
    test_sessions: Annotated[int, typer.Option(min=1, help="How many of the last sessions are for testing.")] = 3,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a challenge folder from NSD's own files.

    Betas (betas_fithrf_GLMdenoise_RR on fsaverage) are z-scored over the trials of each session and averaged over an
    image's repeats. Images that only the last sessions show are for testing, all others for training, from the trials
    of the earlier sessions alone. Vertices without finite betas are left out. Noise ceilings are computed where NSD's
    ncsnr files lie beside the betas. Images that are there already are not written again.
    """
    from algocli.cli.console import note, show_json, tracker
    from algocli.dataset.nsd.prepare import prepare as make
    from algocli.dataset.nsd.tree import Tree

    numbers = parse_subjects(subject)
    if numbers is None:
        numbers = tuple(n for n in SUBJECTS if Tree.of(nsd, n).betas.is_dir())
    if not numbers:
        raise DataError(f"{nsd} holds no subject's betas: {Tree.of(nsd, SUBJECTS[0]).betas} and its like were expected")
    done = []
    for number in numbers:
        tree = Tree.of(nsd, number, stim_info=stim_info, stimuli=stimuli)
        done.append(make(tree, _masks_of(masks, number), out, n_test_sessions=test_sessions, track=tracker(quiet)))
        if not as_json:
            _show(done[-1])
        if not done[-1].has_ceilings:
            missing = " and ".join(tree.ncsnr(h).name for h in HEMISPHERES if not tree.ncsnr(h).is_file())
            note(f"no noise ceilings: {missing} not beside the betas", quiet=quiet)
    if as_json:
        show_json({"folder": out, "subjects": done})
    note(f"next: {in_same_folders('algocli data', out)}", quiet=quiet)


def _masks_of(masks: Path, number: int) -> Path:
    """Return the folder of a subject's masks within what was given."""
    of_subject = masks / subject_folder(number) / "roi_masks"
    if of_subject.is_dir():
        return of_subject
    return masks / "roi_masks" if (masks / "roi_masks").is_dir() else masks


def _show(prepared: Prepared) -> None:
    vertices = ", ".join(
        f"{prepared.n_vertices[h]:,} {h} vertices"
        + (f" ({prepared.n_dropped[h]:,} without betas)" if prepared.n_dropped[h] else "")
        for h in HEMISPHERES
    )
    print(
        f"subject {prepared.subject}: {counted(prepared.n_sessions, 'sessions')}, {prepared.n_train:,} training and "
        f"{prepared.n_test:,} test images (shown 3, 2 and 1 times: {prepared.repeats}), {vertices}"
    )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("prepare")(prepare)
