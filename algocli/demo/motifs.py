"""What scenes are made of, in a few strokes each: figures that later visual cortex looks for, and places for them.

A figure is drawn in a frame of its own, where it is about 1 large, from its middle; a place fills the picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from algocli.demo.palette import ANYTHING, DARK, HAIR, LAND, PALE, SKIN, SKY, STONE, VIVID, WALLS, pick
from algocli.demo.sketch import TEXTURES, Stroke, bar, ellipse, rectangle

_SIDES = (-1, 1)
_EVERYWHERE = rectangle(0, 0, 1, 1)


def draw_face(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw a head, of half a height of 1."""
    skin, hair, gaze = pick(rng, SKIN), pick(rng, HAIR), rng.normal(scale=0.1)
    yield Stroke(bar((0, 0.4), (0, 1.6), 0.7), 0.8 * skin)
    yield Stroke(ellipse(0, -0.15, 0.95, 1.1), hair, "grass", 0.15)
    yield Stroke(ellipse(0, 0.1, 0.75, 0.92), skin)
    for colour, wide, high in ((PALE[0], 0.17, 0.11), (pick(rng, DARK), 0.08, 0.1)):
        yield Stroke([ellipse(gaze + side * 0.3, -0.08, wide, high) for side in _SIDES], colour)
    for side in _SIDES:
        yield Stroke(bar((gaze + side * 0.15, -0.28), (gaze + side * 0.5, -0.28), 0.07), 0.8 * hair)
    yield Stroke(bar((gaze, 0.0), (gaze * 1.3, 0.32), 0.16), 0.84 * skin)
    yield Stroke(ellipse(gaze, 0.58, rng.uniform(0.2, 0.32), 0.08), 0.6 * skin * [1.0, 0.6, 0.6])


def draw_person(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw someone standing, walking or waving, too far away for a face, of half a height of 1."""
    skin, top, bottom = pick(rng, SKIN), pick(rng, VIVID), pick(rng, DARK)
    stride = rng.uniform(0.05, 0.3)
    for side, angle in zip(_SIDES, rng.uniform(0.2, 2.6, size=2), strict=True):
        shoulder, reach = np.array([side * 0.16, -0.55]), np.array([side * np.sin(angle), np.cos(angle)])
        yield Stroke(bar((side * 0.08, 0), (side * stride, 0.95), 0.17), bottom)
        yield Stroke(bar(shoulder, shoulder + 0.5 * reach, 0.09), skin)
        yield Stroke(bar(shoulder, shoulder + 0.3 * reach, 0.12), 0.9 * top)
    yield Stroke(bar((0, -0.65), (0, 0.02), 0.34), top)
    yield Stroke(ellipse(0, -0.88, 0.105, 0.135), pick(rng, HAIR), "grass", 0.1)
    yield Stroke(ellipse(0.02, -0.84, 0.085, 0.11), skin)


def draw_animal(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw a four-legged animal from the side, of half a length of about 1."""
    coat, side = rng.uniform(0.5, 1.2) * pick(rng, HAIR) + 0.1, rng.choice(_SIDES)
    neck = rng.uniform(0.25, 0.6)
    legs = [bar((at, 0), (at + rng.normal(scale=0.1), 0.75), 0.15) for at in (-0.6, -0.45, 0.35, 0.5)]
    yield Stroke(legs, 0.8 * coat, "grass", 0.12)
    yield Stroke(bar((side * 0.5, 0), (side * 0.75, -0.1 - neck), 0.3), coat, "grass", 0.14)
    yield Stroke(ellipse(0, 0, 0.75, rng.uniform(0.28, 0.4)), coat, "grass", 0.14)
    yield Stroke(bar((side * 0.65, -0.15 - neck), (side * 1.08, -0.08 - neck), 0.24), coat, "grass", 0.14)


def draw_words(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw a board with rows of letters made of strokes, of half a width of 1."""
    n_rows, n_letters = int(rng.integers(1, 4)), int(rng.integers(4, 9))
    paper, ink = rng.permutation([pick(rng, PALE), pick(rng, DARK)])
    cell = 1.8 / n_letters
    yield Stroke(rectangle(-1, -0.6 * n_rows * cell - 0.1, 1, 0.6 * n_rows * cell + 0.1), paper)
    # Each letter joins corners and middles of its cell.
    nodes = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 2], [1, 2]]) * [0.62 * cell, 0.42 * cell]
    letters = []
    for row, column in np.ndindex(n_rows, n_letters):
        path = nodes[rng.permutation(6)[:4]] + [-0.9 + column * cell, (1.15 * (row - n_rows / 2) + 0.15) * cell]
        letters += [bar(*ends, 0.15 * cell) for ends in pairwise(path)]
    yield Stroke(letters, ink)


def draw_close_up(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw no place, but a surface to put things on."""
    yield Stroke(_EVERYWHERE, pick(rng, ANYTHING), str(rng.choice(TEXTURES)), 0.17)


def draw_country(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw sky, ranges of hills, and trees on the ground before them."""
    horizon, haze, land = rng.uniform(0.3, 0.65), pick(rng, SKY), pick(rng, LAND)
    yield Stroke(_EVERYWHERE, pick(rng, SKY), "cloud", 0.08)
    x, waves = np.linspace(0, 1, 65), np.arange(1, 12)
    for near in (0.3, 0.6, 1.0):
        phases, sizes = rng.uniform(0, 2 * np.pi, 11), rng.normal(size=11) / waves**1.3
        ridge = horizon + (1 - near) * (0.1 * np.sin(np.pi * x[:, None] * waves + phases) @ sizes - 0.1)
        hill = np.vstack([np.stack([x, ridge], axis=1), [[1, 1], [0, 1]]])
        yield Stroke(hill, near * land + (1 - near) * haze, "foliage", 0.16 * near)
    for depth in np.sort(rng.uniform(0.05, 0.6, size=rng.integers(0, 9))):
        at, foot, size = rng.uniform(0, 1), horizon + depth * (1 - horizon), 0.15 + 0.6 * depth
        yield Stroke(bar((at, foot), (at, foot - 0.6 * size), 0.07 * size), pick(rng, DARK), "grass", 0.2)
        spots = rng.normal([at, foot - 0.75 * size], 0.15 * size, size=(5, 2))
        crown = [ellipse(right, down, 0.2 * size, 0.17 * size) for right, down in spots]
        yield Stroke(crown, pick(rng, LAND[:3]), "foliage", 0.3)


def draw_street(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw house fronts with rows of windows, side by side, behind a road."""
    yield Stroke(_EVERYWHERE, pick(rng, SKY), "cloud", 0.08)
    foot, edges = rng.uniform(0.6, 0.8), np.linspace(0, 1, rng.integers(3, 7))
    for left, right in pairwise(edges):
        wide, tall = (right - left) / rng.integers(2, 5), (foot - rng.uniform(0.0, 0.4)) / rng.integers(3, 7)
        columns, rows = np.arange(left, right - 0.5 * wide, wide), np.arange(foot - tall, 0.1, -tall)
        windows = [
            rectangle(x + 0.25 * wide, y + 0.2 * tall, x + 0.75 * wide, y + 0.7 * tall) for x in columns for y in rows
        ]
        yield Stroke(rectangle(left, rows[-1] - 0.05, right, foot), pick(rng, STONE), "water", 0.12)
        yield Stroke(windows, pick(rng, DARK), "cloud", 0.15)
    yield Stroke(rectangle(0, foot, 1, 1), pick(rng, STONE), "foliage", 0.1)
    middle = rng.uniform(0.3, 0.7)
    road = np.array([[middle, foot], [middle, foot], [1.2, 1], [-0.2, 1]])
    yield Stroke(road, pick(rng, DARK) + 0.2, "foliage")


def draw_room(rng: np.random.Generator) -> Iterator[Stroke]:
    """Draw the walls, floor and ceiling of a room, and what stands and hangs in it."""
    left, right = rng.uniform(0.05, 0.35), rng.uniform(0.65, 0.95)
    top, bottom = rng.uniform(0.03, 0.2), rng.uniform(0.55, 0.75)
    wall = pick(rng, WALLS)
    yield Stroke(_EVERYWHERE, np.minimum(1.1 * wall, 0.95))
    yield Stroke(rectangle(left, top, right, bottom), wall)
    for edge, corner, shade in ((0, left, 0.75), (1, right, 0.9)):
        yield Stroke(np.array([[edge, 0], [corner, top], [corner, bottom], [edge, 1]]), shade * wall)
    floor = np.array([[left, bottom], [right, bottom], [1.0, 1.0], [0.0, 1.0]])
    yield Stroke(floor, pick(rng, STONE), "water", 0.14)
    for _ in range(rng.integers(3, 7)):
        wide, high = rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.25)
        x, y = rng.uniform(left, right - wide), rng.uniform(top, 0.95 - high)
        yield Stroke(rectangle(x, y, x + wide, y + high), pick(rng, WALLS), "grass", 0.1)
        inner = rectangle(x + 0.015, y + 0.015, x + wide - 0.015, y + high - 0.015)
        yield Stroke(inner, pick(rng, ANYTHING), "cloud", 0.2)
