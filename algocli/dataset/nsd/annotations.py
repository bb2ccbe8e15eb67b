"""COCO's annotations as they are in a subject's stimuli: boxes, outlines and key points in 425 x 425 pixels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algocli.compute.budget import check_memory
from algocli.compute.opening import check_file, read_file
from algocli.dataset.challenge.layout import IMAGE_SIZE
from algocli.dataset.nsd.coco import CocoImage, Frame, area
from algocli.dataset.stimuli import Stimulus
from algocli.errors import DataError

_EXPECTED = (
    "a COCO file such as instances_val2017.json was expected: 'images', each with id, width and height in whole "
    "numbers, and 'annotations', each with image_id"
)
_IDS, _SIZES = range(2**63), range(1, 2**16)
# No image has pixels so far out; beyond, areas would no longer be numbers.
_FARTHEST = 1e9
# COCO's own largest is of 470 MB.
_LARGEST = 2 * 2**30


@dataclass(frozen=True)
class Adapted:
    """Annotations in COCO's own format, and what became of COCO's.

    `content` is ready to be written as JSON: an image's id is its NSD id. `n_images` stimuli are in the file,
    `n_kept` annotations are left, and `n_outside` lay wholly in what was cut off.
    """

    content: dict[str, Any]
    n_images: int
    n_kept: int
    n_outside: int


def adapt(path: Path, stimuli: Sequence[Stimulus], origins: Sequence[CocoImage]) -> Adapted:
    """Bring a file of annotations into the stimuli of a subject.

    Stimuli that the file does not know, as they come from COCO's other split, are left out.

    Parameters
    ----------
    path
        COCO's instances, key points or captions, as JSON.
    stimuli, origins
        A subject's images, and where each one comes from.

    Raises
    ------
    DataError
        If the file cannot be read, is of another form, or knows none of the images.
    """
    content = read_annotations(path)
    sizes = {image["id"]: (image["width"], image["height"]) for image in content["images"]}
    known = [(s, o) for s, o in zip(stimuli, origins, strict=True) if o.coco_id in sizes]
    if not known:
        raise DataError(
            f"{path} knows none of the subject's {len(stimuli)} images",
            hint="most of them come from COCO's train2017: take instances_train2017.json",
        )
    frames = {o.coco_id: (s.nsd_id, o.crop.of(*sizes[o.coco_id])) for s, o in known}
    theirs = [annotation for annotation in content["annotations"] if annotation["image_id"] in frames]
    adapted = [adapt_one(path, annotation, *frames[annotation["image_id"]]) for annotation in theirs]
    kept = [new for new in adapted if new is not None]
    images = [
        {
            "id": s.nsd_id,
            "file_name": s.path.name,
            "width": IMAGE_SIZE,
            "height": IMAGE_SIZE,
            "split": s.split,
            "row": s.row,
            "coco_id": o.coco_id,
            "coco_split": o.split,
        }
        for s, o in known
    ]
    return Adapted({**content, "images": images, "annotations": kept}, len(known), len(kept), len(theirs) - len(kept))


def read_annotations(path: Path) -> dict[str, Any]:
    """Read a file of COCO's: its 'images' have an id and a size each, its 'annotations' the id of their image.

    Raises
    ------
    DataError
        If it cannot be read, or is of another form.
    """
    try:
        # Of numbers, Python makes about ten times as much.
        check_memory(10 * check_file(path, _LARGEST), remedy="it is no file of COCO's")
        content = json.loads(read_file(path, _LARGEST))
    # Broken JSON, broken UTF-8, or brackets nested without end.
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}", hint=_EXPECTED) from error
    well_formed = (
        isinstance(content, dict)
        and _are_all(content.get("images"), {"id": _IDS, "width": _SIZES, "height": _SIZES})
        and _are_all(content.get("annotations"), {"image_id": _IDS})
    )
    if not well_formed:
        raise DataError(f"{path} holds no annotations of COCO's", hint=_EXPECTED)
    annotations: dict[str, Any] = content
    return annotations


def _are_all(entries: object, spans: Mapping[str, range]) -> bool:
    """Say whether each entry of a list has whole numbers of these spans under these keys."""
    return isinstance(entries, list) and all(
        isinstance(entry, dict)
        and all(type(entry.get(key)) is int and entry[key] in span for key, span in spans.items())
        for entry in entries
    )


def adapt_one(path: Path, annotation: Mapping[str, Any], image_id: int, frame: Frame) -> dict[str, Any] | None:
    """Return an annotation in its stimulus's pixels, under another id; None where all of it was cut off.

    Raises
    ------
    DataError
        If what it says is of another form; `path` is where it was read.
    """
    try:
        return _adapt(annotation, image_id, frame)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", hint=error.hint) from error


def _adapt(annotation: Mapping[str, Any], image_id: int, frame: Frame) -> dict[str, Any] | None:
    new = {**annotation, "image_id": image_id}
    whose = f"annotation {str(annotation.get('id', 'without id'))[:20]}"
    if "bbox" in annotation:
        rows = _numbers(annotation["bbox"], 4, f"the bbox of {whose}").tolist()
        if len(rows) != 1:
            raise DataError(f"the bbox of {whose} has {4 * len(rows)} numbers; 4 were expected")
        box = frame.box(rows[0])
        if box is None:
            return None
        new["bbox"] = list(box)
        # Where nobody drew an outline, the box is what there is of its area.
        if "area" in annotation and not annotation.get("segmentation"):
            new["area"] = box[2] * box[3]
    # Whoever labelled boxes alone may have left the list of outlines empty.
    if annotation.get("segmentation"):
        new.update(_segment(annotation["segmentation"], frame, whose))
        if not new["segmentation"]:
            return None
    if "keypoints" in annotation:
        new.update(_key_points(annotation["keypoints"], frame, whose))
    return new


def _numbers(flat: object, n_each: int, what: str) -> NDArray[np.float64]:
    """Read a flat list of finite numbers, (n, n_each)."""
    if not (isinstance(flat, list) and all(type(x) in (int, float) and abs(x) < _FARTHEST for x in flat)):
        raise DataError(f"{what} is no list of finite numbers")
    if len(flat) % n_each:
        raise DataError(f"{what} has {len(flat)} numbers; a multiple of {n_each} was expected")
    return np.array(flat, dtype=np.float64).reshape(-1, n_each)


def _segment(segmentation: object, frame: Frame, whose: str) -> dict[str, Any]:
    """Return the outlines, or the mask of a crowd, and the area inside."""
    if isinstance(segmentation, list):
        polygons = [frame.polygon(_numbers(flat, 2, f"an outline of {whose}")) for flat in segmentation]
        left = [polygon for polygon in polygons if len(polygon)]
        return {"segmentation": [p.ravel().tolist() for p in left], "area": sum(map(area, left))}
    mask = _crop_mask(_decode(segmentation, frame, whose), frame)
    if not mask.any():
        return {"segmentation": []}
    return {"segmentation": {"counts": list(_encode(mask)), "size": list(mask.shape)}, "area": int(mask.sum())}


def _key_points(flat: object, frame: Frame, whose: str) -> dict[str, Any]:
    """Return COCO's triples of x, y and visibility: one that was cut off counts as not labelled."""
    triples = _numbers(flat, 3, f"the keypoints of {whose}")
    shown = (triples[:, 2] > 0) & frame.holds(triples[:, :2])
    moved = np.column_stack([frame.to_stimulus(triples[:, :2]), triples[:, 2]])
    moved[~shown] = 0
    return {"keypoints": moved.ravel().tolist(), "num_keypoints": int(shown.sum())}


def _decode(segmentation: object, frame: Frame, whose: str) -> NDArray[np.bool_]:
    """Read a mask, (height, width), from the lengths of its runs, which go down the columns and begin outside."""
    mask = segmentation if isinstance(segmentation, dict) else {}
    counts, size = mask.get("counts"), [frame.height, frame.width]
    if isinstance(counts, str):
        raise DataError(
            f"the mask of {whose} is compressed as a string", hint="COCO's own instances files hold lists of counts"
        )
    if not isinstance(counts, list) or not all(type(n) is int and n >= 0 for n in counts):
        raise DataError(f"the mask of {whose} has no list of counts")
    if mask.get("size") != size or sum(counts) != frame.height * frame.width:
        raise DataError(f"the mask of {whose} is damaged: runs of {frame.height} x {frame.width} pixels were expected")
    values = np.arange(len(counts)) % 2 == 1
    runs = np.repeat(values, counts)
    return np.asarray(runs.reshape(frame.width, frame.height).T)


def _crop_mask(mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
    """Take for each pixel of the stimulus the mask's value where its middle lies."""
    middles = np.arange(IMAGE_SIZE) + 0.5
    x, y = frame.to_coco(np.column_stack([middles, middles])).T
    rows = np.clip(y.astype(np.int64), 0, mask.shape[0] - 1)
    columns = np.clip(x.astype(np.int64), 0, mask.shape[1] - 1)
    return mask[np.ix_(rows, columns)]


def _encode(mask: NDArray[np.bool_]) -> Iterator[int]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    if flat[0]:
        yield 0
    yield from np.diff([0, *edges.tolist(), len(flat)]).tolist()
