"""Checks a subject's images: their names and order, and that each of them can be opened."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from algocli.compute.cores import n_cores
from algocli.compute.remarks import list_some
from algocli.compute.threads import in_threads
from algocli.compute.track import Track
from algocli.dataset.challenge.findings import COPY_AGAIN, FROM_ARCHIVE, Findings
from algocli.dataset.challenge.image_names import image_names, order_faults, parse_name
from algocli.dataset.challenge.layout import IMAGE_SIZE, SubjectLayout
from algocli.dataset.conversions import Conversion, count_images, describe, gather
from algocli.dataset.pixels import find_conversions
from algocli.dataset.pngs import PngHeader, decode, probe
from algocli.dataset.sides import SPLITS, Split
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError


def check_names(layout: SubjectLayout, findings: Findings) -> dict[Split, tuple[Stimulus, ...] | None]:
    """Check the names of a subject's images; a split without images is None."""
    stimuli = {split: _list_images(layout, split, findings) for split in SPLITS}
    train_ids = {stimulus.nsd_id: stimulus.path.name for stimulus in stimuli["train"] or ()}
    for stimulus in stimuli["test"] or ():
        if stimulus.nsd_id in train_ids:
            findings.fault(
                stimulus.path,
                f"shows the image of {train_ids[stimulus.nsd_id]}: no image may be in both splits",
                FROM_ARCHIVE,
            )
    return stimuli


def n_rows(stimuli: Sequence[Stimulus]) -> int:
    """Return the number of response rows that images stand for: a hole in the numbers is a row too."""
    # So a lost image is told once, as the hole, and not again as a disagreement with the responses.
    return max(max(stimulus.row for stimulus in stimuli) + 1, 0)


def check_contents(
    number: int,
    stimuli: Sequence[Stimulus],
    findings: Findings,
    *,
    deep: bool,
    track: Track,
) -> None:
    """Check that every image is a whole PNG of the challenge's size; `deep` decodes them all.

    Images that are no plain RGB are notes, a line a kind; one of which no pixels can be made is a fault, found by
    decoding.
    """
    # Decoding keeps a core busy; reading the ends of files only waits, on a network disk for long.
    n_threads, batch = (n_cores(), 4) if deep else (4, 64)
    headers: dict[Path, PngHeader] = {}
    converted: dict[str, tuple[Conversion, ...]] = {}
    results = in_threads(partial(_examine, deep=deep), [s.path for s in stimuli], n_threads=n_threads, batch=batch)
    label = f"subject {number}: {'decoding' if deep else 'opening'} images"
    for stimulus, result in zip(stimuli, track(results, total=len(stimuli), label=label, unit="images"), strict=True):
        if isinstance(result, DataError):
            findings.refuse(stimulus.path, result)
        else:
            headers[stimulus.path], converted[stimulus.path.name] = result
    _check_sizes(headers, findings)
    _note_colours(headers, findings)
    if deep:
        for line in describe(gather(converted.items())):
            findings.note(line)
    else:
        _note_extras(headers, findings)


def _list_images(layout: SubjectLayout, split: Split, findings: Findings) -> tuple[Stimulus, ...] | None:
    folder = layout.images(split)
    if not findings.is_there(folder):
        return None
    try:
        names = image_names(folder)
        n_others = len(os.listdir(folder)) - len(names)
    except DataError as error:
        findings.refuse(folder, error)
        return None
    if n_others:
        files = "file is" if n_others == 1 else "files are"
        findings.note(f"{n_others} other {files} passed over in the folder of {split} images")
    if not names:
        findings.fault(folder, f"holds no images named like {split}-0001_nsd-00013.png", FROM_ARCHIVE)
        return None
    stimuli = tuple(parse_name(folder, name) for name in names)
    for problem in order_faults(stimuli, split):
        findings.fault(folder, f"is out of order: {problem}", "take the folder from the challenge's archive")
    return tuple(s for s in stimuli if s.split == split) or None


def _examine(path: Path, deep: bool) -> tuple[PngHeader, tuple[Conversion, ...]] | DataError:
    try:
        header = probe(path)
        if not deep:
            return header, ()
        decode(path)
        return header, find_conversions(path)
    except DataError as error:
        return DataError(error.message, hint=error.hint or COPY_AGAIN)


def _note_colours(headers: Mapping[Path, PngHeader], findings: Findings) -> None:
    for colour in dict.fromkeys(header.colour for header in headers.values()):
        names = [path.name for path, header in headers.items() if header.colour == colour]
        if colour != "RGB":
            are = "is" if len(names) == 1 else "are"
            findings.note(f"{count_images(len(names))} {are} {colour} ({list_some(names)}), to be converted to RGB")


def _note_extras(headers: Mapping[Path, PngHeader], findings: Findings) -> None:
    """Note what near a file's beginning bears on its pixels; whether it changes any, decoding tells."""
    for extra in dict.fromkeys(extra for header in headers.values() for extra in header.extras):
        names = [path.name for path, header in headers.items() if extra in header.extras]
        have = "has" if len(names) == 1 else "have"
        findings.note(f"{count_images(len(names))} {have} {extra} ({list_some(names)}): --deep says what comes of it")


def _check_sizes(headers: Mapping[Path, PngHeader], findings: Findings) -> None:
    sizes = Counter((header.width, header.height) for header in headers.values())
    if not sizes:
        return
    official, usual = (IMAGE_SIZE, IMAGE_SIZE), sizes.most_common(1)[0][0]
    if usual != official:
        findings.note(f"images are {_pixels(usual)}; the challenge's are {_pixels(official)}")
    for path, header in headers.items():
        size = (header.width, header.height)
        if size != usual:
            findings.fault(path, f"is {_pixels(size)}; the other images are {_pixels(usual)}", FROM_ARCHIVE)


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]} pixels"
