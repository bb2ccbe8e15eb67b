"""COCO's annotations of a subject's images: their captions, and the objects within what was left of each image.

Images are those that a table says they were cut out of; without one, those that have the same file names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from algocli.dataset.nsd.annotations import adapt_one, read_annotations
from algocli.dataset.nsd.coco import Crop, Frame
from algocli.dataset.protocol import Subject
from algocli.errors import DataError, UsageError
from algocli.features.imports.formats.labels import Labels
from algocli.features.imports.locating import find_rows
from algocli.features.words.outlines import Outline, box_outline
from algocli.features.words.saying import Origins, Shown

_WHOLE = Crop(0, 0, 0, 0)
# An image's place among a subject's, and what of COCO's image it shows.
_Places = Mapping[int, list[tuple[int, Frame]]]


class CocoFile:
    """A file of COCO's, such as instances_train2017.json, read into memory.

    Raises
    ------
    DataError
        If it cannot be read, or is of another form.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content = read_annotations(path)

    @property
    def categories(self) -> tuple[str, ...]:
        """Those that it tells apart, in the order of their ids."""
        names = tuple(self._names.values())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"{self.path} has several categories called {twice[0]}")
        return names

    @cached_property
    def _names(self) -> dict[int, str]:
        categories = self._content.get("categories") or []
        if not categories:
            raise DataError(
                f"{self.path} has no categories of objects",
                hint="instances_train2017.json has; encoder=... makes features of captions",
            )
        if not isinstance(categories, list) or not all(
            isinstance(one, dict) and type(one.get("id")) is int and type(one.get("name")) is str for one in categories
        ):
            raise DataError(f"{self.path}: each of its categories should have an id and a name")
        return {one["id"]: one["name"] for one in sorted(categories, key=lambda one: int(one["id"]))}

    def captions(self, subject: Subject, origins: Origins) -> dict[int, list[str]]:
        """Return the captions of each image that the file knows."""
        places = self._places(subject, origins)
        captions: dict[int, list[str]] = {place: [] for images in places.values() for place, _ in images}
        for annotation in self._content["annotations"]:
            text = annotation.get("caption")
            if not isinstance(text, str):
                raise DataError(
                    f"{self.path} holds no captions: {_called(annotation)} has none",
                    hint="captions_train2017.json holds them; without encoder=... categories become features",
                )
            for place, _ in places.get(annotation["image_id"], ()):
                if not text.strip():
                    whose = subject.stimuli[place].path.name
                    raise DataError(f"{self.path}: {_called(annotation)}, of {whose}, is an empty caption")
                captions[place].append(text.strip())
        return captions

    def shown(self, subject: Subject, origins: Origins) -> dict[int, list[Shown]]:
        """Return the objects of each image that the file knows, as far as they were not cut off."""
        names, places = self._names, self._places(subject, origins)
        shown: dict[int, list[Shown]] = {place: [] for images in places.values() for place, _ in images}
        for annotation in self._content["annotations"]:
            for place, frame in places.get(annotation["image_id"], ()):
                category = names.get(annotation.get("category_id"))
                if category is None:
                    raise DataError(f"{self.path}: {_called(annotation)} is of none of the categories that are named")
                left = adapt_one(self.path, annotation, place, frame)
                if left is not None:
                    shown[place].append(Shown(category, _outline(left), bool(annotation.get("iscrowd"))))
        return shown

    def _places(self, subject: Subject, origins: Origins) -> _Places:
        images = self._content["images"]
        sizes = {image["id"]: (image["width"], image["height"]) for image in images}
        if origins is None:
            rows = find_rows(subject, subject.stimuli, self._labels(subject))
            wanted = [(place, images[row]["id"], _WHOLE) for place, row in enumerate(rows) if row is not None]
        else:
            wanted = [(place, origin.coco_id, origin.crop) for place, origin in enumerate(origins)]
        places = defaultdict(list)
        for place, coco_id, crop in wanted:
            if coco_id in sizes:
                places[coco_id].append((place, crop.of(*sizes[coco_id])))
        return dict(places)

    def _labels(self, subject: Subject) -> Labels:
        """Return what the images are called, which has to be as the subject's are."""
        names = [image.get("file_name") for image in self._content["images"]]
        if not all(isinstance(name, str) and name for name in names):
            raise DataError(f"{self.path}: not all of its images have a file_name")
        # What counts COCO's images would be taken for an id of another count.
        counted = [name for name in names if subject.ids.n is not None and Path(str(name)).stem.isdecimal()]
        if counted:
            raise UsageError(
                f"{self.path} calls its images as COCO does, {counted[0]}, and {subject.name} has images of its own",
                hint="coco='nsd_stim_info_merged.csv' says which is which",
            )
        return Labels(tuple(map(str, names)), self.path.name)


def _outline(annotation: Mapping[str, Any]) -> Outline | None:
    """Return where in its stimulus a thing is: by its outline, else by its box; None where it has neither."""
    outline = annotation.get("segmentation")
    if isinstance(outline, Mapping):
        return Outline(runs=tuple(outline["counts"]))
    if outline:
        return Outline(tuple(np.asarray(polygon, dtype=np.float64).reshape(-1, 2) for polygon in outline))
    return box_outline(annotation["bbox"]) if "bbox" in annotation else None


def _called(annotation: Mapping[str, Any]) -> str:
    return f"annotation {str(annotation.get('id', 'without id'))[:20]}"
