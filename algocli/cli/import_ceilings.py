"""algocli import-ceilings: noise ceilings from elsewhere, put where the organisers have theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algocli.cli.options import DEFAULT_DATA_DIR, DataDir, Json, Quiet, Subjects, in_same_folders
from algocli.cli.parsing import parse_repeats, parse_subjects
from algocli.errors import UsageError

if TYPE_CHECKING:
    from algocli.dataset.nsd.ceiling_import import ImportedCeiling

_SOURCE_HELP = (
    "A folder with subj01 to subj08, or one subject's folder or two files: lh_noise_ceiling.npy and rh_..., or NSD's "
    "lh.ncsnr.mgh and rh.ncsnr.mgh."
)


def import_ceilings(
    source: Annotated[list[Path], typer.Argument(help=_SOURCE_HELP)],
    unit: Annotated[
        Literal["share", "percent"] | None,
        typer.Option(help="What .npy files hold.  [default: percent if their maximum is above 1]"),
    ] = None,
    repeats: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="For .mgh files: test images shown 3, 2 and 1 times.  [default: 159,0,0 for subjects 1, 2, 5, 7]",
        ),
    ] = None,
    stim_info: Annotated[
        Path | None, typer.Option(help="For .mgh files: NSD's nsd_stim_info_merged.csv, to count the repeats from.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace other ceilings that are there.")] = False,
    subject: Subjects = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Bring noise ceilings into the challenge folder.

    They are kept as shares of variance, one for each vertex of the challenge: of a map on all of fsaverage the others
    are left out. Signal-to-noise ratios (ncsnr) become ceilings by ncsnr² / (ncsnr² + (A/3 + B/2 + C) / (A + B + C)).
    """
    from algocli.cli.console import note, show_json
    from algocli.dataset.challenge.subjects import Challenge
    from algocli.dataset.nsd.ceiling_files import find_files
    from algocli.dataset.nsd.ceiling_import import CeilingConversion
    from algocli.dataset.nsd.ceiling_import import import_ceilings as bring

    if repeats is not None and stim_info is not None:
        raise UsageError("--repeats and --stim-info say the same thing", hint="give one of them")
    how = CeilingConversion(unit, None if repeats is None else parse_repeats(repeats), stim_info)
    numbers = parse_subjects(subject)
    challenge = Challenge(data_dir)
    chosen = [each.number for each in challenge.subjects(numbers)]
    files = find_files(source, chosen, asked=numbers is not None)
    rows = bring([challenge.subject(number) for number in files], files, how, force=force)
    if as_json:
        show_json({"rows": rows})
    else:
        _show(rows)
    for line in _notes(rows):
        note(line, quiet=quiet)
    note(f"next: {in_same_folders('algocli report', data_dir)}", quiet=quiet)


def _show(rows: Sequence[ImportedCeiling]) -> None:
    from algocli.cli.console import number, show_table

    columns = ("Subject", "Hemisphere", "Vertices", "Mean", "Median", "Zero", "Read as")
    lines = [
        (
            str(row.subject),
            row.hemisphere,
            f"{row.n_vertices:,}",
            number(row.mean),
            number(row.median),
            f"{row.n_zero:,}",
            row.read_as + (" (assumed)" if row.assumed else ""),
        )
        for row in rows
    ]
    show_table(columns, lines, title="Noise ceilings, shares of variance", left=2)


def _notes(rows: Sequence[ImportedCeiling]) -> Iterator[str]:
    """Say what was assumed, subject by subject, and which ceilings were there already."""
    for row in rows[::2]:
        if row.repeats is not None:
            yield f"subject {row.subject}: test images shown 3, 2 and 1 times: {row.repeats}"
        elif row.assumed:
            why = "some value is" if row.read_as == "percent" else "no value is"
            other = "share" if row.read_as == "percent" else "percent"
            yield f"subject {row.subject}: read as {row.read_as}, because {why} above 1; else say --unit {other}"
    present = [f"{row.subject} {row.hemisphere}" for row in rows if not row.is_new]
    if present:
        yield f"there already, just the same: subject {', '.join(present)}"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("import-ceilings")(import_ceilings)
