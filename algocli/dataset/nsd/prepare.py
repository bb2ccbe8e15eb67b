"""Makes a challenge folder out of NSD's own files, the way the organisers made theirs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, publishing_rows
from algocli.compute.files import publish, write_json
from algocli.compute.opening import open_file
from algocli.compute.track import Track, silent
from algocli.dataset.arrays import load_mapping, open_array, save_array
from algocli.dataset.ceilings import Repeats, ceiling_from_ncsnr
from algocli.dataset.challenge.layout import (
    IMAGE_SIZE,
    N_FSAVERAGE,
    ROI_CLASSES,
    SubjectLayout,
    image_name,
    subject_folder,
)
from algocli.dataset.hdf5 import find_dataset, open_hdf5, refuse_black, refuse_unwritten
from algocli.dataset.nsd.betas import average, count_trials
from algocli.dataset.nsd.ceiling_files import read_map
from algocli.dataset.nsd.tree import Tree
from algocli.dataset.nsd.trials import Trials, read_trials
from algocli.dataset.sides import HEMISPHERES, SPLITS, Hemisphere, Split
from algocli.errors import DataError

_BRICK = "imgBrick"
# Rows of responses that are written at a time.
_ROWS = 64
# Tells a folder that was made here from one that was downloaded.
_RECORD = "prepared.json"


@dataclass(frozen=True)
class Prepared:
    """What was written for one subject; `n_dropped` vertices of each hemisphere's mask have no finite betas.

    `repeats` are the test images shown three times, twice and once; `has_ceilings` says whether noise ceilings were
    computed, which needs NSD's ncsnr files.
    """

    subject: int
    folder: Path
    n_sessions: int
    n_train: int
    n_test: int
    n_vertices: dict[Hemisphere, int]
    n_dropped: dict[Hemisphere, int]
    repeats: Repeats
    has_ceilings: bool


def prepare(tree: Tree, masks: Path, out: Path, *, n_test_sessions: int = 3, track: Track = silent) -> Prepared:
    """Write one subject's challenge folder: masks, responses of both splits, images, and noise ceilings if possible.

    Parameters
    ----------
    tree
        The subject's part of NSD.
    masks
        A folder of masks as the challenge has them (roi_masks): the vertices that count and the ROIs on fsaverage,
        and the mappings. Masks of the challenge's own space are made anew.
    out
        The challenge folder to write to.
    n_test_sessions
        How many of the last sessions are for testing.
    track
        Wraps sessions and images.

    Raises
    ------
    DataError
        If a file is missing or damaged, or they do not fit together.
    StorageError
        If the folder cannot be written.
    """
    given = _Masks(masks)
    layout = SubjectLayout(out / subject_folder(tree.subject))
    n_sessions = tree.count_sessions()
    n_trials = count_trials(tree.session("left", 1))
    trials = read_trials(tree.stim_info, tree.subject, n_sessions, n_trials, n_test_sessions)
    asked = {h: _asked(given, h) for h in HEMISPHERES}
    _check_images(tree.stimuli, layout, trials)
    _claim(layout, tree, n_test_sessions)
    n_vertices: dict[Hemisphere, int] = {}
    for hemisphere in HEMISPHERES:
        vertices = _write_responses(tree, layout, hemisphere, trials, asked[hemisphere], track)
        n_vertices[hemisphere] = len(vertices)
        _write_masks(given, layout, hemisphere, vertices)
        _write_ceiling(tree, layout, hemisphere, vertices, trials.repeats)
    for roi_class in ROI_CLASSES:
        with open_file(given.roi_mapping(roi_class)) as mapping:
            publish(layout.roi_mapping(roi_class), partial(shutil.copyfileobj, mapping))
    _write_images(tree.stimuli, layout, trials, track)
    return Prepared(
        subject=tree.subject,
        folder=layout.folder,
        n_sessions=n_sessions,
        n_train=len(trials.train_ids),
        n_test=len(trials.test_ids),
        n_vertices=n_vertices,
        n_dropped={h: len(asked[h]) - n_vertices[h] for h in HEMISPHERES},
        repeats=trials.repeats,
        has_ceilings=tree.has_ratios,
    )


def _claim(layout: SubjectLayout, tree: Tree, n_test_sessions: int) -> None:
    """Leave a record of what is made, and refuse a folder with responses that were not made here."""
    record = layout.folder / _RECORD
    if not record.is_file() and any(layout.folder.glob("*_split/*_fmri/*.npy")):
        raise DataError(
            f"{layout.folder} holds responses that were not prepared here: they would be lost",
            hint="write to another folder",
        )
    write_json(record, {"betas": str(tree.betas.resolve()), "n_test_sessions": n_test_sessions})


class _Masks(SubjectLayout):
    """Masks that lie in a folder of any name."""

    @property
    def masks(self) -> Path:
        return self.folder


def _asked(given: SubjectLayout, hemisphere: Hemisphere) -> NDArray[np.int64]:
    """Return the fsaverage vertices that count, and see first that every mask and mapping is there."""
    for roi_class in ROI_CLASSES:
        _on_fsaverage(given.roi_mask(roi_class, hemisphere, "fsaverage"))
        load_mapping(given.roi_mapping(roi_class))
    asked = np.flatnonzero(_on_fsaverage(given.all_vertices(hemisphere)) != 0)
    if not len(asked):
        raise DataError(f"{given.all_vertices(hemisphere)} marks no vertex: it is 0 everywhere")
    return asked


def _on_fsaverage(path: Path) -> NDArray[np.integer]:
    codes: NDArray[np.integer] = open_array(path)
    if codes.shape != (N_FSAVERAGE,) or codes.dtype.kind not in "iub":
        raise DataError(f"{path} is {codes.dtype} of shape {codes.shape}; {N_FSAVERAGE} whole numbers were expected")
    return codes


def _write_masks(
    given: SubjectLayout, layout: SubjectLayout, hemisphere: Hemisphere, vertices: NDArray[np.int64]
) -> None:
    """Write the masks, without the vertices that have no betas."""
    mask = np.zeros(N_FSAVERAGE, dtype=np.int64)
    mask[vertices] = 1
    save_array(layout.all_vertices(hemisphere), mask)
    for roi_class in ROI_CLASSES:
        codes = np.asarray(_on_fsaverage(given.roi_mask(roi_class, hemisphere, "fsaverage")), dtype=np.int64)
        save_array(layout.roi_mask(roi_class, hemisphere, "challenge"), codes[vertices])
        save_array(layout.roi_mask(roi_class, hemisphere, "fsaverage"), np.where(mask != 0, codes, 0))


def _write_responses(
    tree: Tree,
    layout: SubjectLayout,
    hemisphere: Hemisphere,
    trials: Trials,
    asked: NDArray[np.int64],
    track: Track,
) -> NDArray[np.int64]:
    """Write one hemisphere's responses, the largest thing in memory, and return the vertices they are of."""
    averages = average(tree, hemisphere, trials, asked, track)
    for split, rows in averages.responses.items():
        shape = (len(rows), len(averages.vertices))
        with publishing_rows(layout.responses(split, hemisphere), shape, "<f4") as write:
            for block in blocks(len(rows), _ROWS):
                write(rows[block, averages.kept])
    return averages.vertices


def _write_ceiling(
    tree: Tree, layout: SubjectLayout, hemisphere: Hemisphere, vertices: NDArray[np.int64], repeats: Repeats
) -> None:
    path = tree.ncsnr(hemisphere)
    if tree.has_ratios:
        ratios = read_map(path).reshape(-1)
        if len(ratios) != N_FSAVERAGE:
            raise DataError(f"{path} has {len(ratios)} values; fsaverage has {N_FSAVERAGE} vertices")
        try:
            ceiling = ceiling_from_ncsnr(ratios[vertices], repeats)
        except DataError as error:
            raise DataError(f"{path}: {error.message}", hint=error.hint) from error
        save_array(layout.noise_ceiling(hemisphere), ceiling)


def _write_images(brick: Path, layout: SubjectLayout, trials: Trials, track: Track) -> None:
    """Write each image that is not there yet: a second call after an interruption goes on where the first ended."""
    from PIL import Image

    wanted = _wanted(trials)
    missing = [place for place in wanted if not (layout.images(place[0]) / image_name(*place)).is_file()]
    if not missing:
        return
    with open_hdf5(brick) as file:
        images = file[_BRICK]
        for split, row, nsd_id in track(missing, total=len(missing), label="images"):
            pixels = np.asarray(images[nsd_id])
            refuse_black(pixels[None], [f"{brick}, NSD id {nsd_id}"])
            image = Image.fromarray(pixels)
            publish(layout.images(split) / image_name(split, row, nsd_id), partial(image.save, format="PNG"))


def _wanted(trials: Trials) -> list[tuple[Split, int, int]]:
    ids: dict[Split, NDArray[np.int64]] = {"train": trials.train_ids, "test": trials.test_ids}
    return [(split, row, int(nsd_id)) for split in SPLITS for row, nsd_id in enumerate(ids[split])]


def _check_images(brick: Path, layout: SubjectLayout, trials: Trials) -> None:
    """Refuse stimuli that lack an image, and a folder with other images: rows and names would no longer agree."""
    wanted = _wanted(trials)
    with open_hdf5(brick) as file:
        # Something else may have that name: a group, or a dataset without a shape.
        images = find_dataset(file, _BRICK)
        shape, dtype = getattr(images, "shape", None) or (0,), getattr(images, "dtype", None)
    if shape[1:] != (IMAGE_SIZE, IMAGE_SIZE, 3) or dtype != np.uint8:
        raise DataError(f"{brick} holds no {_BRICK} of {IMAGE_SIZE} x {IMAGE_SIZE} RGB images in 8 bits")
    largest = max(nsd_id for _, _, nsd_id in wanted)
    if largest >= shape[0]:
        raise DataError(f"{brick} has {shape[0]} images; NSD id {largest} is needed")
    with open_hdf5(brick) as file:
        refuse_unwritten(
            find_dataset(file, _BRICK), [nsd_id for _, _, nsd_id in wanted], f"{_BRICK} of {brick}", row="NSD id"
        )
    names = {image_name(*place) for place in wanted}
    for split in SPLITS:
        folder = layout.images(split)
        others = sorted(p.name for p in folder.glob("*.png") if p.name not in names) if folder.is_dir() else []
        if others:
            raise DataError(
                f"{folder} holds {len(others)} images that do not belong there; the first is {others[0]}",
                hint="write to another folder, or delete this one",
            )
