"""What things cover together, against shapes whose areas are known, and against every pixel that was filled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from algocli.dataset.challenge.layout import IMAGE_SIZE
from algocli.features.words.categories import measure_each
from algocli.features.words.outlines import Outline, box_outline, share_covered
from algocli.features.words.saying import Shown

_AREA = IMAGE_SIZE**2
boxes = st.tuples(*[st.integers(0, 200)] * 2, *[st.integers(1, 225)] * 2)


def as_mask(filled: np.ndarray) -> Outline:
    """Return a mask, (height, width), as COCO writes it."""
    flat = filled.T.ravel()
    edges = np.flatnonzero(np.diff(flat.astype(int))) + 1
    runs = np.diff([0, *edges, flat.size]).tolist()
    return Outline(runs=tuple([0, *runs] if flat[0] else runs))


def test_two_boxes_that_overlap_cover_what_neither_counts_twice() -> None:
    both = [box_outline((0, 0, 200, 100)), box_outline((100.5, 50.25, 200, 100))]
    overlap = (200 - 100.5) * (100 - 50.25)
    assert share_covered(both) == pytest.approx((2 * 200 * 100 - overlap) / _AREA, rel=1e-12)


@given(st.lists(boxes, max_size=6))
def test_whole_boxes_cover_the_pixels_that_they_fill(given_boxes: list[tuple[int, int, int, int]]) -> None:
    filled = np.zeros((IMAGE_SIZE, IMAGE_SIZE), dtype=bool)
    for x, y, width, height in given_boxes:
        filled[y : y + height, x : x + width] = True
    assert share_covered([box_outline(box) for box in given_boxes]) == pytest.approx(filled.mean(), abs=1e-12)
    assert share_covered([as_mask(filled), *map(box_outline, given_boxes)]) == pytest.approx(filled.mean(), abs=1e-12)


def test_outlines_that_cross_cover_about_what_a_painter_fills() -> None:
    rng, size = np.random.default_rng(0), 16 * IMAGE_SIZE
    polygons = [rng.uniform(0, IMAGE_SIZE, (7, 2)) for _ in range(3)]
    image = Image.new("1", (size, size))
    for polygon in polygons:
        ImageDraw.Draw(image).polygon([tuple(corner) for corner in (16 * polygon).tolist()], fill=1)
    assert share_covered([Outline((polygon,)) for polygon in polygons]) == pytest.approx(
        np.asarray(image).mean(), abs=2e-3
    )


def test_parts_of_one_thing_that_lie_apart_add_up() -> None:
    triangle = np.array([(0.0, 0.0), (100.0, 0.0), (0.0, 50.0)])
    parts = Outline((triangle, triangle + 200))
    assert share_covered([parts]) == pytest.approx(5000 / _AREA, rel=1e-9)
    assert share_covered([parts, parts]) == pytest.approx(5000 / _AREA, rel=1e-9)


def test_things_of_a_category_share_what_they_cover_and_those_of_two_do_not() -> None:
    whole = box_outline((0, 0, IMAGE_SIZE, IMAGE_SIZE))
    things = [Shown("dog", whole), Shown("dog", whole), Shown("cat", whole)]
    assert measure_each([things, []], ["cat", "dog", "eel"], "share").tolist() == [[1, 1, 0], [0, 0, 0]]
