"""Writes a synthetic challenge: eight subjects in the organisers' layout, with the truth beside them.

A subject is written under another name and renamed when it is whole, so that a folder with a subject's name is always
complete, whatever interrupted the writing; the same call again writes the subjects that are missing.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import write_header
from algocli.compute.cores import n_cores
from algocli.compute.files import n_bytes_in
from algocli.compute.lock import hold
from algocli.compute.threads import in_threads
from algocli.compute.track import Track, silent
from algocli.dataset.challenge.layout import (
    N_FSAVERAGE,
    ROI_CLASSES,
    SUBJECTS,
    SubjectLayout,
    image_name,
    subject_folder,
)
from algocli.dataset.sides import HEMISPHERES, SPLITS, Hemisphere, Split
from algocli.demo.cortex import Cortex, count_vertices, lay_out
from algocli.demo.drives import N_ENERGY, N_OBJECT
from algocli.demo.images import Gallery
from algocli.demo.marker import claim
from algocli.demo.recipe import Recipe, count_left, nsd_ids, shared_ids
from algocli.demo.responses import Responses, normalise_drives
from algocli.errors import UsageError, writing

# As many images as fit under 300 MB: the masks alone have 147, for they keep their official size.
N_TRAIN = 200
N_TEST = 40


@dataclass(frozen=True)
class SyntheticSummary:
    """What a synthetic challenge holds.

    Attributes
    ----------
    folder
        Where it lies.
    subjects
        The subjects asked for.
    n_train, n_test
        Images of each subject.
    n_shared
        Those of them that all subjects see.
    n_vertices
        Challenge vertices by subject and hemisphere.
    n_bytes
        Size of the subjects' files.
    n_written
        Subjects that were not there before; 0 says that all work had been done.
    """

    folder: Path
    subjects: tuple[int, ...]
    n_train: int
    n_test: int
    n_shared: int
    n_vertices: dict[int, dict[Hemisphere, int]]
    n_bytes: int
    n_written: int


def write_challenge(
    folder: Path,
    *,
    subjects: Sequence[int] = SUBJECTS,
    n_train: int = N_TRAIN,
    n_test: int = N_TEST,
    vertices: Literal["small", "real"] | int = "small",
    seed: int = 0,
    track: Track = silent,
    n_threads: int | None = None,
) -> SyntheticSummary:
    """Write a challenge whose every number follows from a few: the same arguments give the same bytes.

    Parameters
    ----------
    folder
        Where to write it: new, empty, or written by the same recipe before, in which case only what is missing is.
    subjects
        Which of the eight; what one consists of does not depend on the others.
    n_train, n_test
        Images of each subject, at most 10,000 together.
    vertices
        'small' for as many as fsaverage5 has of the real ones (1,188 left), 'real' for the official numbers, or how
        many the largest left hemispheres have.
    seed
        Of pixels, signals and noise.
    track
        Shows progress.
    n_threads
        Threads that draw images; by default one a core. No byte depends on it.

    Raises
    ------
    UsageError
        If a number is out of range, or the folder holds anything else.
    StorageError
        If the disk is full or the folder may not be written.
    """
    chosen = _choose(subjects)
    recipe = Recipe(n_train=n_train, n_test=n_test, n_left=count_left(vertices), seed=seed)
    claim(folder, recipe)
    # Whoever finds everything done need not be able to write.
    n_written = _write_missing(folder, chosen, recipe, track, n_threads) if _missing(folder, chosen) else 0
    return SyntheticSummary(
        folder=folder,
        subjects=chosen,
        n_train=n_train,
        n_test=n_test,
        n_shared=recipe.n_shared,
        n_vertices={s: {h: count_vertices(s, h, recipe.n_left) for h in HEMISPHERES} for s in chosen},
        n_bytes=sum(n_bytes_in(folder / subject_folder(subject)) for subject in chosen),
        n_written=n_written,
    )


def _choose(subjects: Sequence[int]) -> tuple[int, ...]:
    """Return subjects in order, each once."""
    unknown = [subject for subject in subjects if subject not in SUBJECTS]
    if unknown:
        raise UsageError(f"there is no subject {unknown[0]}: they go from 1 to 8")
    if not subjects:
        raise UsageError("no subject is named")
    return tuple(sorted(set(subjects)))


def _write_missing(folder: Path, subjects: Sequence[int], recipe: Recipe, track: Track, n_threads: int | None) -> int:
    """Write the subjects that are not there, and return how many these were."""
    with hold(folder / ".lock"):
        # Looked up again: another process may have written them while this one waited.
        missing = _missing(folder, subjects)
        gallery = Gallery(recipe.seed, kept=shared_ids(recipe).tolist() if len(missing) > 1 else ())
        for subject in missing:
            _write_subject(folder, subject, recipe, gallery, track, n_threads or n_cores())
    return len(missing)


def _missing(folder: Path, subjects: Sequence[int]) -> list[int]:
    return [subject for subject in subjects if not (folder / subject_folder(subject)).exists()]


def _write_subject(folder: Path, subject: int, recipe: Recipe, gallery: Gallery, track: Track, n_threads: int) -> None:
    """Write one subject; the folder gets its name when everything is in it."""
    final = folder / subject_folder(subject)
    unfinished = final.with_name(f"{final.name}.unfinished")
    with writing(final):
        with suppress(FileNotFoundError):
            shutil.rmtree(unfinished)
        try:
            _fill(SubjectLayout(unfinished), subject, recipe, gallery, track, n_threads)
            os.replace(unfinished, final)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise


def _fill(layout: SubjectLayout, subject: int, recipe: Recipe, gallery: Gallery, track: Track, n_threads: int) -> None:
    """Write all files of a subject: first the images, because the responses follow from what is in them."""
    ids = nsd_ids(recipe, subject)
    drives = _write_images(layout, f"subject {subject}: drawing images", ids, gallery, track, n_threads)
    normalise_drives(drives)
    for roi_class, names in ROI_CLASSES.items():
        _save(layout.roi_mapping(roi_class), {0: "Unknown", **names})
    label = f"subject {subject}: writing responses"
    for hemisphere in track(HEMISPHERES, total=len(HEMISPHERES), label=label, unit="hemispheres"):
        cortex = lay_out(subject, hemisphere, recipe.n_left)
        _write_masks(layout, cortex)
        _write_responses(layout, Responses(cortex, drives, np.concatenate([*ids.values()]), recipe.seed), recipe)


def _write_images(
    layout: SubjectLayout,
    label: str,
    ids: dict[Split, NDArray[np.int64]],
    gallery: Gallery,
    track: Track,
    n_threads: int,
) -> NDArray[np.float32]:
    """Write the images of both splits and return their drives, (n_images, n_drives), training first."""
    files = []
    for split in SPLITS:
        layout.images(split).mkdir(parents=True)
        files += [(layout.images(split) / image_name(split, row, int(i)), int(i)) for row, i in enumerate(ids[split])]

    def draw(file: tuple[Path, int]) -> NDArray[np.float32]:
        path, nsd_id = file
        exhibit = gallery.show(nsd_id)
        path.write_bytes(exhibit.png)
        return exhibit.drives

    drives = np.empty((len(files), N_ENERGY + N_OBJECT), dtype=np.float32)
    drawn = in_threads(draw, files, n_threads=n_threads)
    for row, measured in enumerate(track(drawn, total=len(files), label=label, unit="images")):
        drives[row] = measured
    return drives


def _write_masks(layout: SubjectLayout, cortex: Cortex) -> None:
    """Write the challenge's vertices and every class of ROIs, each on all of fsaverage and on the vertices alone."""
    everywhere = np.zeros(N_FSAVERAGE, dtype=np.int64)
    everywhere[cortex.vertices] = 1
    _save(layout.all_vertices(cortex.hemisphere), everywhere)
    for roi_class, codes in cortex.codes.items():
        everywhere[cortex.vertices] = codes
        _save(layout.roi_mask(roi_class, cortex.hemisphere, "fsaverage"), everywhere)
        _save(layout.roi_mask(roi_class, cortex.hemisphere, "challenge"), codes)


def _write_responses(layout: SubjectLayout, responses: Responses, recipe: Recipe) -> None:
    """Write the responses of one hemisphere to both splits, and its noise ceilings."""
    hemisphere = responses.hemisphere
    n_vertices = len(responses.ceilings)
    rows: dict[Split, tuple[int, int]] = {"train": (0, recipe.n_train), "test": (recipe.n_train, recipe.n_images)}
    for split, (start, stop) in rows.items():
        path = layout.responses(split, hemisphere)
        path.parent.mkdir(exist_ok=True)
        _save_rows(path, (stop - start, n_vertices), responses.measured(start, stop))
    _save(layout.noise_ceiling(hemisphere), responses.ceilings)


def _save_rows(path: Path, shape: tuple[int, int], blocks: Iterable[NDArray[np.float32]]) -> None:
    """Write a float32 matrix block by block: at full size it is too large to be held."""
    with path.open("wb") as stream:
        write_header(stream, shape)
        for block in blocks:
            # Not `tofile`, which does not say why it failed.
            stream.write(block.data)


def _save(path: Path, value: NDArray[Any] | dict[int, str]) -> None:
    """Write an array, or the dict that a mapping file holds, as a .npy file."""
    path.parent.mkdir(exist_ok=True)
    content = io.BytesIO()
    np.save(content, np.asarray(value))
    path.write_bytes(content.getvalue())
