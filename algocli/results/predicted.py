"""Predicted responses to images of the user's own: arrays for other programs, and the mean of each region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algocli.compute.arrays import blocks, publishing_rows
from algocli.compute.track import Note, Track, silent, unheard
from algocli.dataset.conversions import describe
from algocli.dataset.naming import SubjectId, name_of
from algocli.dataset.protocol import Subject
from algocli.dataset.rois import choose_regions
from algocli.dataset.sides import ALL_VERTICES, Side, prefix
from algocli.errors import DataError, writing
from algocli.features.pictures import PictureFeatures, Pictures
from algocli.features.rebuilding import rebuild
from algocli.results.data_of_runs import Origin
from algocli.results.regions import classes_of, regions
from algocli.results.rows import write_records
from algocli.runs.predictor import Predictor, open_predictor, stores_of
from algocli.runs.run import Run

# Images whose responses are in memory together: 40 MB at the challenge's size.
_ROWS = 512
# The streams tile nearly all of the challenge's vertices: beside those, their mean says little.
_TILING = "streams"
IMAGES = "images.csv"

# A region's challenge vertices in each hemisphere, by its name.
RegionVertices = Mapping[str, Mapping[Side, NDArray[np.int64]]]


@dataclass(frozen=True)
class RegionResponse:
    """The mean predicted response of a region in one hemisphere to one image; None where the region is empty.

    `row` is the image's row in the arrays, from 0; `roi` a ROI, a class of ROIs or 'All vertices'.
    """

    subject: SubjectId
    row: int
    file: str
    hemisphere: Side
    roi: str
    n_vertices: int
    mean: float | None


@dataclass(frozen=True)
class Predicted:
    """A subject's predictions: the files of both hemispheres, and the rows of its regions, image by image.

    `regions` is empty where the data with the regions is gone.
    """

    subject: SubjectId
    files: tuple[Path, ...]
    regions: tuple[str, ...]
    rows: tuple[RegionResponse, ...]


def find_regions(subject: Subject, names: Sequence[str] | None = None) -> RegionVertices:
    """Return the vertices of some ROIs, classes or sums of ROIs; by default of the classes, all vertices last.

    Raises
    ------
    UsageError
        If the data names no such ROI or class.
    """
    classes = list(dict.fromkeys(roi.roi_class for roi in subject.rois))
    usual = (*(name for name in classes if name != _TILING), ALL_VERTICES)
    chosen = choose_regions(names, classes_of([subject]), apart=False) if names else usual
    of = {side: regions(subject, side, chosen) for side in subject.sides}
    return {name: {side: of[side][name] for side in subject.sides} for name in chosen}


def predict_pictures(
    run: Run,
    origins: Sequence[Origin],
    pictures: Pictures,
    cache_dir: Path,
    folder: Path,
    *,
    rois: Sequence[str] | None = None,
    device: str = "auto",
    trust_code: bool = False,
    track: Track = silent,
    note: Note = unheard,
) -> Iterator[Predicted]:
    """Predict every subject's responses to some images, and write them.

    folder/subjNN/lh_pred.npy and rh_pred.npy, (n_images, n_vertices) float32, have the images in their order, which
    folder/images.csv tells; it is written last.

    Parameters
    ----------
    origins
        The subjects and the data that they were trained on.
    rois
        Names of ROIs or classes of ROIs to take the mean of, instead of every class.
    device
        Where the networks run.
    trust_code
        Whether code that a recipe names may run.

    Raises
    ------
    UsageError
        If the features were imported, are of code that is not trusted, or there is no such ROI or device.
    DataError
        If an image cannot be read, the network is no longer what it was, or data that is needed is gone.
    MissingStep
        If features that the run was trained on are gone.
    StorageError
        If the disk is full or may not be written.
    """
    # What is missing is told before torch takes its seconds to load.
    stores = {origin.subject_run.id: stores_of(run, origin.subject_run.id, cache_dir) for origin in origins}
    if rois and all(origin.subject is None for origin in origins):
        raise DataError(origins[0].note, hint="name the data that has the ROIs with data_dir=...")
    regions = [find_regions(origin.subject, rois) if origin.subject is not None else {} for origin in origins]
    features = PictureFeatures(
        pictures, rebuild(stores[origins[0].subject_run.id], device, trust_code=trust_code), track
    )
    # Nobody should wait for a model to hear that a file is no image.
    features.begin()
    for place, (origin, vertices) in enumerate(zip(origins, regions, strict=True)):
        number = origin.subject_run.id
        predictor = open_predictor(
            run, number, stores[number], origin.subject, cache_dir, trust_code=trust_code, track=track, note=note
        )
        scores = predictor.score_parts(features.parts())
        if place == 0 and features.converted:
            note("; ".join(describe(features.converted)))
        with writing(folder):
            (folder / IMAGES).unlink(missing_ok=True)
        yield _write(number, predictor, scores, vertices, pictures, folder)
    write_records(
        ("row", "file"), ({"row": n, "file": str(path)} for n, path in enumerate(pictures.paths)), folder / IMAGES
    )


def _write(
    number: SubjectId,
    predictor: Predictor,
    scores: Sequence[NDArray[np.float32]],
    regions: RegionVertices,
    pictures: Pictures,
    folder: Path,
) -> Predicted:
    """Write every side's predictions of images with these scores, a block of images at a time."""
    n_images, files = len(pictures.paths), []
    rows: list[RegionResponse] = []
    for hemisphere in predictor.models:
        n_vertices = len(predictor.models[hemisphere][0].intercept)
        _check_size(regions, number, hemisphere, n_vertices)
        means = {name: np.full(n_images, np.nan) for name in regions}
        path = folder / name_of(number) / f"{prefix(hemisphere)}_pred.npy"
        with publishing_rows(path, (n_images, n_vertices)) as append:
            for block in _predict(predictor, hemisphere, scores, regions, means):
                append(block)
        files.append(path)
        for name, per_image in means.items():
            size = len(regions[name][hemisphere])
            rows += [
                RegionResponse(number, row, str(file), hemisphere, name, size, float(mean) if size else None)
                for row, (file, mean) in enumerate(zip(pictures.paths, per_image, strict=True))
            ]
    return Predicted(number, tuple(files), tuple(regions), tuple(sorted(rows, key=lambda response: response.row)))


def _predict(
    predictor: Predictor,
    hemisphere: Side,
    scores: Sequence[NDArray[np.float32]],
    regions: RegionVertices,
    means: Mapping[str, NDArray[np.float64]],
) -> Iterator[NDArray[np.float32]]:
    """Yield predictions, (n_some, n_vertices), filling in the regions' means, (n_images,) each, on the way."""
    for some in blocks(len(scores[0]), _ROWS):
        block = predictor.predict(hemisphere, [fit[some] for fit in scores])
        for name, per_image in means.items():
            vertices = regions[name][hemisphere]
            if len(vertices):
                per_image[some] = block[:, vertices].mean(axis=1, dtype=np.float64)
        yield block


def _check_size(regions: RegionVertices, number: SubjectId, hemisphere: Side, n_vertices: int) -> None:
    highest = max((sides[hemisphere].max(initial=-1) for sides in regions.values()), default=-1)
    if highest >= n_vertices:
        raise DataError(
            f"the run has {n_vertices} {hemisphere} vertices of subject {number}; the data folder has more",
            hint="name the data folder that it was trained on with data_dir=...",
        )
