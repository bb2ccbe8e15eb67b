"""A subject of six images that were cut out of COCO's, and COCO's files of them, written by hand.

Each of COCO's images is of 640 x 480 pixels, of which 80 were cut off left and right: what is left is 480 x 480.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from algocli.dataset.challenge.subjects import Challenge, Subject
from tests.support.challenge import write_tiny_challenge

# By NSD's ids, in the order of a store's rows: four training images, two test images.
NSD_IDS = (1000, 1003, 1006, 1009, 1001, 1004)
COCO_IDS = (50, 40, 30, 20, 10, 60)
CATEGORIES = [{"id": 24, "name": "zebra"}, {"id": 1, "name": "person"}, {"id": 18, "name": "dog"}]
CATEGORIES.insert(1, {"id": 17, "name": "cat"})
PERSON, CAT, DOG = 1, 17, 18


def subject_of(folder: Path) -> Subject:
    """Write the data folder, and return its only subject."""
    write_tiny_challenge(folder, (1,), n_train=4, n_test=2, image_size=16)
    return Challenge(folder).subject(1)


def rectangle(x: float, y: float, width: float, height: float) -> list[float]:
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def outlined(image: int, category: int, *corner_and_size: float) -> dict[str, Any]:
    box, outline = list(corner_and_size), rectangle(*corner_and_size)
    return {"image_id": image, "category_id": category, "bbox": box, "segmentation": [outline], "iscrowd": 0}


def right_half(image: int, category: int) -> dict[str, Any]:
    """A crowd that fills all of an image from its middle on."""
    return {
        "image_id": image,
        "category_id": category,
        "bbox": [320, 0, 320, 480],
        "segmentation": {"counts": [320 * 480, 320 * 480], "size": [480, 640]},
        "iscrowd": 1,
    }


TRAIN = [
    outlined(50, CAT, 80, 0, 240, 240),
    outlined(50, CAT, 0, 0, 80, 480),  # cut off
    {"image_id": 50, "category_id": DOG, "bbox": [320, 240, 300, 240], "iscrowd": 0},  # nobody outlined it
    right_half(40, PERSON),
    outlined(40, PERSON, 0, 0, 640, 480),
    outlined(20, CAT, 570, 0, 70, 100),  # cut off
]
VAL = [outlined(10, DOG, 80, 0, 120, 120), outlined(10, DOG, 80, 0, 120, 120), outlined(60, CAT, 20, 0, 120, 120)]
# Columns: person, cat, dog, zebra.
PRESENCE = [[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
COUNT = [[0, 1, 1, 0], [2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 2, 0], [0, 1, 0, 0]]
SHARE = [[0, 1 / 4, 1 / 4, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1 / 16, 0], [0, 1 / 32, 0, 0]]


def write_coco(path: Path, ids: tuple[int, ...], annotations: list[dict[str, Any]], **more: Any) -> Path:
    images = [{"id": one, "width": 640, "height": 480, "file_name": f"{one:012d}.jpg"} for one in ids]
    numbered = [{"id": number, **annotation} for number, annotation in enumerate(annotations, 1)]
    path.write_text(json.dumps({"images": images, "annotations": numbered, **more}))
    return path


def write_instances(folder: Path) -> list[Path]:
    """Write what of COCO's instances files is of these images, and of one that nobody saw."""
    return [
        write_coco(folder / "instances_train2017.json", (*COCO_IDS[:4], 7), TRAIN, categories=CATEGORIES),
        write_coco(folder / "instances_val2017.json", COCO_IDS[4:], VAL, categories=CATEGORIES),
    ]


def write_origins(path: Path, nsd_ids: tuple[int, ...] = NSD_IDS) -> Path:
    """Write the table of where images come from, in the order of their ids."""
    rows = sorted(zip(nsd_ids, COCO_IDS, strict=True))
    lines = [f'{nsd},{coco},train2017,"(0, 0, 0.125, 0.125)"' for nsd, coco in rows]
    path.write_text("\n".join(["nsdId,cocoId,cocoSplit,cropBox", *lines]))
    return path


def write_captions(path: Path, said: dict[int, list[str]]) -> Path:
    """Write COCO's captions of some of its images, those of one not next to one another."""
    longest = max(map(len, said.values()))
    annotations = [
        {"image_id": image, "caption": texts[turn]}
        for turn in range(longest)
        for image, texts in said.items()
        if turn < len(texts)
    ]
    return write_coco(path, tuple(said), annotations)


def as_numbers(rows: list[list[float]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.array(rows, np.float32)
