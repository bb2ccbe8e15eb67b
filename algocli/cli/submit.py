"""algocli submit: the zip for the leaderboard, proven right before it gets its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from algocli.cli.options import DEFAULT_CACHE_DIR, CacheDir, Json, MovedData, Quiet, Subjects
from algocli.cli.parsing import parse_subjects
from algocli.cli.ways_out import remember
from algocli.errors import UsageError
from algocli.pipeline.defaults import DEFAULT_ZIP

if TYPE_CHECKING:
    from algocli.submission.package import Packaged

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN",
        help="Runs by name, or by a pattern such as 'mine*'; a subject is taken from the first that has it.  "
        "[default: latest]",
    ),
]
MoreRuns = Annotated[
    list[str] | None, typer.Option("--run", callback=remember, help="The same, where options are preferred.")
]
Average = Annotated[bool, typer.Option("--average", help="Submit the mean of two or more runs' predictions.")]
Weighted = Annotated[
    bool, typer.Option("--weighted", help="With --average: each run counts at a vertex by its validation r.")
]
Folder = Annotated[
    Path | None,
    typer.Option("--from", help="Package other tools' predictions: a folder with subj01/lh_pred_test.npy and so on."),
]
MantissaBits = Annotated[
    str,
    typer.Option(
        "--mantissa-bits",
        metavar="off|auto|N",
        help="How many of float32's 23 mantissa bits to round away; auto: as few as keep the zip near or below 290 MB.",
    ),
]


def submit(
    names: Names = None,
    average: Average = False,
    weighted: Weighted = False,
    folder: Folder = None,
    out: Annotated[Path, typer.Option("--output", "-o", help="The zip to write.")] = DEFAULT_ZIP,
    partial: Annotated[bool, typer.Option("--partial", help="Allow subjects to be missing.")] = False,
    mantissa_bits: MantissaBits = "auto",
    run: MoreRuns = None,
    subject: Subjects = None,
    data_dir: MovedData = None,
    cache_dir: CacheDir = DEFAULT_CACHE_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the leaderboard's zip of a run's test predictions.

    It is the format of CodaLab, and is checked before it gets its final name. A record of what is in it, with the same
    name ending in .json, is left beside it. The same predictions give the same bytes.
    """
    from algocli.cli.console import note, noter, show_json, size, tracker
    from algocli.pipeline.leaderboard import submit as package
    from algocli.runs.finding import find_runs
    from algocli.runs.latest import LATEST

    if weighted and not average:
        raise UsageError("--weighted is for --average", hint="algocli submit --average --weighted RUN RUN")
    if folder is not None and (names or average or run):
        raise UsageError("--from packages files, and takes no run")
    if names and run:
        raise UsageError("runs are named twice, with --run and without", hint="leave --run out")
    bits, chosen = _parse_bits(mantissa_bits), parse_subjects(subject)
    remarks: list[str] = []
    packaged = package(
        find_runs(cache_dir, names or run or LATEST) if folder is None else folder,
        out,
        average=average,
        weighted=weighted,
        partial=partial,
        mantissa_bits=bits,
        subjects=chosen,
        data_dir=data_dir,
        track=tracker(quiet),
        note=remarks.append,
    )
    for text in (*remarks, *packaged.notes):
        noter(quiet)(text)
    for text in _rounding(packaged):
        note(text, quiet=quiet)
    if as_json:
        show_json(packaged)
        return
    print(f"{packaged.path}  {size(packaged.n_bytes)}  ready")


def _parse_bits(words: str) -> Any:
    """Turn 'off' into 0, 'auto' into itself and '12' into 12."""
    if words in ("off", "auto"):
        return 0 if words == "off" else words
    if not (words.isdecimal() and len(words) <= 2 and int(words) <= 20):
        raise UsageError(f"--mantissa-bits {words}: off, auto or a number up to 20 was expected")
    return int(words)


def _rounding(packaged: Packaged) -> Iterator[str]:
    if packaged.rounded_bits:
        yield (
            f"{packaged.rounded_bits} mantissa bits were rounded away: each vertex's r with its exact predictions is "
            f"at least 1 - {packaged.rounding_loss / 2:.1g}"
        )


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("submit")(submit)
