"""Checks a challenge folder and names everything that is wrong with it, not just the first thing.

A missing file is one fault: whatever could only be judged with its help is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from algocli.compute.choices import check_choice
from algocli.compute.track import Track, silent
from algocli.compute.vouching import Fault
from algocli.dataset.ceilings import CeilingUnit
from algocli.dataset.challenge.check_images import check_contents, check_names, n_rows
from algocli.dataset.challenge.check_masks import Mask, check_masks
from algocli.dataset.challenge.check_responses import (
    Responses,
    check_ceilings,
    check_copies,
    check_numbers,
    check_shapes,
)
from algocli.dataset.challenge.check_sameness import list_sameness
from algocli.dataset.challenge.findings import Findings
from algocli.dataset.challenge.layout import OFFICIAL_SIZES
from algocli.dataset.challenge.subjects import Challenge, Subject
from algocli.dataset.sides import HEMISPHERES, SPLITS, Hemisphere, Split
from algocli.dataset.stimuli import Stimulus

# quick: names, shapes and types; usual: also every response and both ends of every image; deep: decodes the images.
Depth = Literal["quick", "usual", "deep"]


@dataclass(frozen=True)
class HemisphereCheck:
    """What one hemisphere's files hold; None stands for what is absent or could not be read."""

    hemisphere: Hemisphere
    n_vertices: int | None
    rois_present: tuple[str, ...]
    rois_absent: tuple[str, ...]
    response_dtype: str | None
    has_test_responses: bool
    noise_ceiling: CeilingUnit | None


@dataclass(frozen=True)
class SubjectCheck:
    """What one subject's files hold and what is wrong with them; left hemisphere first."""

    subject: int
    n_train: int | None
    n_test: int | None
    hemispheres: tuple[HemisphereCheck, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]

    @property
    def has_test_responses(self) -> bool:
        """Whether both hemispheres' test responses are there."""
        return all(h.has_test_responses for h in self.hemispheres)

    @property
    def has_noise_ceiling(self) -> bool:
        """Whether both hemispheres have usable noise ceilings."""
        return all(h.noise_ceiling is not None for h in self.hemispheres)


def check(
    challenge: Challenge | Path | str,
    subjects: Iterable[int] | None = None,
    *,
    depth: Depth = "usual",
    track: Track = silent,
) -> tuple[SubjectCheck, ...]:
    """Check the files of some subjects, or of all that are there.

    Parameters
    ----------
    depth
        'quick' looks at names, shapes, types and masks only; 'usual' also reads every response and the header and
        end of every image; 'deep' decodes every image as well.
    track
        Shows how far the reading is.

    Raises
    ------
    UsageError
        If there is no such depth.
    DataError
        If the folder is no challenge, or lacks a subject that was asked for. Everything else is a fault in the result.
    """
    if not isinstance(challenge, Challenge):
        challenge = Challenge(challenge)
    check_choice("depth", depth, get_args(Depth))
    copied: dict[bytes, Path] = {}
    seen: dict[int, list[Stimulus]] = {}
    checks = [_check_subject(subject, depth, copied, seen, track) for subject in challenge.subjects(subjects)]
    if depth == "quick":
        return tuple(checks)
    same = list_sameness(seen, track)
    return tuple(replace(checked, notes=(*checked.notes, *same[checked.subject])) for checked in checks)


def _check_subject(
    subject: Subject, depth: Depth, copied: dict[bytes, Path], seen: dict[int, list[Stimulus]], track: Track
) -> SubjectCheck:
    layout, findings = subject.layout, Findings(subject.layout.folder)
    images = check_names(layout, findings)
    counts = {split: None if (named := images[split]) is None else len(named) for split in SPLITS}
    rows = {split: None if (named := images[split]) is None else n_rows(named) for split in SPLITS}
    masks = check_masks(layout, findings)
    n_vertices = {h: masks[h].n_vertices for h in HEMISPHERES}
    responses = check_shapes(subject.number, layout, rows, n_vertices, findings)
    check_copies(layout, responses, copied, findings)
    units = check_ceilings(layout, n_vertices, findings)
    _compare_with_official(subject.number, counts, n_vertices, findings)
    seen[subject.number] = [stimulus for split in SPLITS for stimulus in images[split] or ()]
    if depth != "quick":
        check_contents(subject.number, seen[subject.number], findings, deep=depth == "deep", track=track)
        check_numbers(subject.number, layout, responses, findings, track)
    return SubjectCheck(
        subject=subject.number,
        n_train=counts["train"],
        n_test=counts["test"],
        hemispheres=tuple(_summarise(h, masks[h], responses, units[h]) for h in HEMISPHERES),
        faults=findings.faults,
        notes=findings.notes,
    )


def _summarise(
    hemisphere: Hemisphere, mask: Mask, responses: Responses, ceiling: CeilingUnit | None
) -> HemisphereCheck:
    measured = responses.get(("train", hemisphere))
    return HemisphereCheck(
        hemisphere=hemisphere,
        n_vertices=mask.n_vertices,
        rois_present=mask.rois_present,
        rois_absent=mask.rois_absent,
        response_dtype=None if measured is None else str(measured.dtype),
        has_test_responses=("test", hemisphere) in responses,
        noise_ceiling=ceiling,
    )


def _compare_with_official(
    number: int,
    n_images: dict[Split, int | None],
    n_vertices: dict[Hemisphere, int | None],
    findings: Findings,
) -> None:
    """Note where a subject has other sizes than the released one, as a synthetic challenge has."""
    official = OFFICIAL_SIZES[number]
    images = [(n_images[split], official.n_stimuli(split), str(split)) for split in SPLITS]
    vertices = [(n_vertices[h], official.n_vertices[h], str(h)) for h in HEMISPHERES]
    other = [f"{usual} {what}" for count, usual, what in images + vertices if count is not None and count != usual]
    if other:
        findings.note(f"not the released size: {', '.join(other)}")
