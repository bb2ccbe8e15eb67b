"""Figures that areas of later visual cortex look for, in a few strokes: faces, bodies, animals, and written words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from algocli.demo.palette import DARK, HAIR, PALE, SKIN, VIVID, pick
from algocli.demo.sketch import Outline, Sketch, Surface, bar, ellipse, rectangle

_SIDES = (-1, 1)


def _placed(rng: np.random.Generator, x: float, y: float, size: float) -> Callable[[Outline], Outline]:
    """Return what moves an outline from the figure's own frame, where it is about 1 large, to the picture's, aslant."""
    turn = rng.normal(scale=0.1)
    matrix = size * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return lambda outline: np.array([x, y]) + outline @ matrix


def draw_face(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a head; `size` is half its height."""
    put = _placed(rng, x, y, size)
    skin, hair, gaze = pick(rng, SKIN), pick(rng, HAIR), rng.normal(scale=0.1)
    sketch.begin(x, y, faces=1.0, bodies=0.2, roundness=0.8)
    sketch.add(put(bar((0, 0.4), (0, 1.6), 0.7)), Surface(0.8 * skin))
    sketch.add(put(ellipse(0, -0.15, 0.95, 1.1)), Surface(hair, "grass", 0.15))
    sketch.add(put(ellipse(0, 0.1, 0.75, 0.92)), Surface(skin))
    for colour, wide, high in ((PALE[0], 0.17, 0.11), (pick(rng, DARK), 0.08, 0.1)):
        sketch.add([put(ellipse(gaze + side * 0.3, -0.08, wide, high)) for side in _SIDES], Surface(colour))
    for side in _SIDES:
        sketch.add(put(bar((gaze + side * 0.15, -0.28), (gaze + side * 0.5, -0.28), 0.07)), Surface(0.8 * hair))
    sketch.add(put(bar((gaze, 0.0), (gaze * 1.3, 0.32), 0.16)), Surface(0.84 * skin))
    sketch.add(put(ellipse(gaze, 0.58, rng.uniform(0.2, 0.32), 0.08)), Surface(0.6 * skin * [1.0, 0.6, 0.6]))


def draw_person(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw someone standing, walking or waving, too far away for a face; `size` is half the height."""
    put = _placed(rng, x, y, size)
    skin, top, bottom = pick(rng, SKIN), pick(rng, VIVID), pick(rng, DARK)
    stride = rng.uniform(0.05, 0.3)
    sketch.begin(x, y, bodies=1.0, faces=0.15, elongation=0.9)
    for side, angle in zip(_SIDES, rng.uniform(0.2, 2.6, size=2), strict=True):
        shoulder, reach = np.array([side * 0.16, -0.55]), np.array([side * np.sin(angle), np.cos(angle)])
        sketch.add(put(bar((side * 0.08, 0), (side * stride, 0.95), 0.17)), Surface(bottom))
        sketch.add(put(bar(shoulder, shoulder + 0.5 * reach, 0.09)), Surface(skin))
        sketch.add(put(bar(shoulder, shoulder + 0.3 * reach, 0.12)), Surface(0.9 * top))
    sketch.add(put(bar((0, -0.65), (0, 0.02), 0.34)), Surface(top))
    sketch.add(put(ellipse(0, -0.88, 0.105, 0.135)), Surface(pick(rng, HAIR), "grass", 0.1))
    sketch.add(put(ellipse(0.02, -0.84, 0.085, 0.11)), Surface(skin))


def draw_animal(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a four-legged animal from the side; `size` is about half its length."""
    put = _placed(rng, x, y, size)
    coat, side = rng.uniform(0.5, 1.2) * pick(rng, HAIR) + 0.1, rng.choice(_SIDES)
    fur, neck = Surface(coat, "grass", 0.14), rng.uniform(0.25, 0.6)
    sketch.begin(x, y, bodies=0.8, elongation=0.7, roundness=0.2)
    legs = [bar((at, 0), (at + rng.normal(scale=0.1), 0.75), 0.15) for at in (-0.6, -0.45, 0.35, 0.5)]
    sketch.add([put(leg) for leg in legs], Surface(0.8 * coat, "grass", 0.12))
    sketch.add(put(bar((side * 0.5, 0), (side * 0.75, -0.1 - neck), 0.3)), fur)
    sketch.add(put(ellipse(0, 0, 0.75, rng.uniform(0.28, 0.4))), fur)
    sketch.add(put(bar((side * 0.65, -0.15 - neck), (side * 1.08, -0.08 - neck), 0.24)), fur)


def draw_words(sketch: Sketch, rng: np.random.Generator, x: float, y: float, size: float) -> None:
    """Draw a board with rows of letters made of strokes; `size` is half its width."""
    put = _placed(rng, x, y, size)
    n_rows, n_letters = int(rng.integers(1, 4)), int(rng.integers(4, 9))
    paper, ink = rng.permutation([pick(rng, PALE), pick(rng, DARK)])
    cell = 1.8 / n_letters
    sketch.begin(x, y, words=1.0, elongation=0.3)
    sketch.add(put(rectangle(-1, -0.6 * n_rows * cell - 0.1, 1, 0.6 * n_rows * cell + 0.1)), Surface(paper))
    # Each letter joins corners and middles of its cell.
    nodes = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]) * [0.62 * cell, 0.42 * cell]
    strokes = []
    for row, column in np.ndindex(n_rows, n_letters):
        path = nodes[rng.permutation(6)[:4]] + [-0.9 + column * cell, (1.15 * (row - n_rows / 2) + 0.15) * cell]
        strokes += [put(bar(path[i], path[i + 1], 0.15 * cell)) for i in range(3)]
    sketch.add(strokes, Surface(ink))
