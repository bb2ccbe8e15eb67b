"""`algocli data`: is this data folder sound, and what is in it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algocli.cli.ascii import harmless
from algocli.cli.options import DEFAULT_DATA_DIR, DataDir, Json, Quiet, Subjects
from algocli.cli.parsing import parse_subjects
from algocli.compute.remarks import counted, gather
from algocli.dataset.challenge.layout import ROI_NAMES

if TYPE_CHECKING:
    from algocli.compute.vouching import Fault
    from algocli.dataset.challenge.check import SubjectCheck

QuickCheck = Annotated[
    bool, typer.Option("--quick", help="Names, shapes and types only; skip what images and responses hold.")
]
DownloadHelp = Annotated[
    bool,
    typer.Option("--download-help", help="Say where the data is asked for and where to put it, and check nothing."),
]
DeepCheck = Annotated[
    bool, typer.Option("--deep", help="Decode every image as well, and name those that are not plain.")
]

# Where more files of one folder share a fault, the rest are counted: nobody reads ten thousand lines.
MAX_ALIKE = 10

_DOWNLOAD_HELP = """\
The challenge data (for each of 8 subjects some 10,000 images and 1.4 to 1.6 GB of responses) is free for research:
whoever uses it agrees to the terms of the Natural Scenes Dataset.

1. Open http://algonauts.csail.mit.edu/challenge.html and follow "Data": a form asks for your name, institution and
   consent, and you are sent a link to one archive a subject.
2. Download the subjects that you want; one is enough for everything but a submission.
3. Unpack them next to one another:
     {folder}/subj01/training_split, test_split, roi_masks
     {folder}/subj02/...
4. algocli data --data-dir {folder} checks what is there.

For scores on the test images (algocli score), which were withheld during the challenge and have been public since
August 2023, put into each subjNN/test_split
     test_fmri/lh_test_fmri.npy and rh_test_fmri.npy
     noise_ceiling/lh_noise_ceiling.npy and rh_noise_ceiling.npy (or bring them with algocli import-ceilings).

With NSD itself (http://naturalscenesdataset.org, also by a form), algocli prepare makes such a folder from its betas.
Without any data, algocli demo writes a synthetic challenge in the same layout."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("data")(data)


def data(
    subject: Subjects = None,
    quick: QuickCheck = False,
    deep: DeepCheck = False,
    download_help: DownloadHelp = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check the challenge data and summarise it.

    Every file is compared with its neighbours, every response is read, and both ends of every image are looked at.
    Where something is wrong, the exit code is 3. Decoding tells which images are of 16 bits, turned by their EXIF, of
    several frames or transparent (laid on mid-grey), and names as faults those of which no pixels can be made.
    """
    from algocli.cli.console import show_json, tracker
    from algocli.dataset.challenge.check import check
    from algocli.dataset.challenge.subjects import Challenge
    from algocli.errors import DataError, UsageError

    if download_help:
        print(_DOWNLOAD_HELP.format(folder=data_dir))
        return
    if quick and deep:
        raise UsageError("--quick and --deep exclude one another")
    challenge = Challenge(data_dir)
    checks = check(
        challenge,
        parse_subjects(subject),
        depth="quick" if quick else "deep" if deep else "usual",
        track=tracker(quiet),
    )
    if as_json:
        show_json({"folder": challenge.folder, "subjects": checks})
    else:
        _show(challenge.folder, checks)
    counts = [len(c.faults) for c in checks if c.faults]
    if counts:
        where = f"in {len(counts)} of {counted(len(checks), 'subjects')}"
        raise DataError(
            f"{challenge.folder} has {counted(sum(counts), 'faults')}, {where}",
            hint="mend them, then run `algocli data` again",
        )


def _show(folder: Path, checks: Sequence[SubjectCheck]) -> None:
    from algocli.cli.console import out, show_table

    columns = [
        "subject",
        "train",
        "test",
        "vertices\nleft/right",
        f"ROIs of {len(ROI_NAMES)}\nleft/right",
        "test\nresponses",
        "noise\nceilings",
        "faults",
    ]
    show_table(columns, [_row(c) for c in checks])
    console = out()
    for title, lines in (
        ("Absent ROIs", _absent(checks)),
        ("Notes", _notes(checks)),
        ("Faults", [line for c in checks for line in _faults(folder, c.faults)]),
    ):
        if lines:
            console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(harmless(line), markup=False, emoji=False)


def _row(check: SubjectCheck) -> list[str]:
    return [
        str(check.subject),
        _count(check.n_train),
        _count(check.n_test),
        "/".join(_count(h.n_vertices) for h in check.hemispheres),
        "/".join(_count(len(h.rois_present) or None) for h in check.hemispheres),
        "yes" if check.has_test_responses else "no",
        "yes" if check.has_noise_ceiling else "no",
        str(len(check.faults)),
    ]


def _count(value: int | None) -> str:
    from algocli.cli.console import DASH

    return DASH if value is None else str(value)


def _absent(checks: Sequence[SubjectCheck]) -> list[str]:
    """Name the ROIs without vertices: first those that no one has, then the others, hemisphere by hemisphere."""
    hemispheres = [(c.subject, h) for c in checks for h in c.hemispheres]
    everywhere = [roi for roi in hemispheres[0][1].rois_absent if all(roi in h.rois_absent for _, h in hemispheres)]
    lines = [f"everywhere: {', '.join(everywhere)}"] if everywhere else []
    others = ((number, h, [roi for roi in h.rois_absent if roi not in everywhere]) for number, h in hemispheres)
    return [*lines, *gather((number, h.hemisphere, ", ".join(rois)) for number, h, rois in others if rois)]


def _notes(checks: Sequence[SubjectCheck]) -> list[str]:
    percent = [str(c.subject) for c in checks if any(h.noise_ceiling == "percent" for h in c.hemispheres)]
    lines = list(gather((c.subject, "", note) for c in checks for note in c.notes))
    return lines + ([f"noise ceilings are read as percent: subject {', '.join(percent)}"] if percent else [])


def _faults(folder: Path, faults: Sequence[Fault]) -> Iterator[str]:
    """Write each fault and its mend; of many alike in one folder, the first ones and how many there are more."""
    told: Counter[tuple[Path, str]] = Counter()
    for fault in faults:
        kind = (fault.path.parent, fault.problem)
        told[kind] += 1
        if told[kind] <= MAX_ALIKE:
            yield f"{fault.path.relative_to(folder)} {fault.problem}. {fault.mend[0].upper()}{fault.mend[1:]}."
    for (parent, problem), count in told.items():
        if count > MAX_ALIKE:
            yield f"{parent.relative_to(folder)}: {count - MAX_ALIKE} more of which each {problem}; --json names them."
