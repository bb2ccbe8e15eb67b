"""Where a scene takes place: open country, a street, a room, or so close up that there is no place to see."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from algocli.demo.palette import ANYTHING, DARK, LAND, SKY, STONE, WALLS, pick
from algocli.demo.sketch import TEXTURES, Sketch, Surface, bar, ellipse, rectangle


def draw_close_up(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw nothing but a surface to put things on."""
    sketch.begin(0.5, 0.5)
    sketch.add(rectangle(0, 0, 1, 1), Surface(pick(rng, ANYTHING), str(rng.choice(TEXTURES)), 0.17))


def draw_country(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw sky, ranges of hills, and trees on the ground before them."""
    sketch.begin(0.5, 0.5, places=0.75)
    horizon, haze, land = rng.uniform(0.3, 0.65), pick(rng, SKY), pick(rng, LAND)
    sketch.add(rectangle(0, 0, 1, 1), Surface(pick(rng, SKY), "cloud", 0.08))
    x, waves = np.linspace(0, 1, 65), np.arange(1, 12)
    for near in (0.3, 0.6, 1.0):
        phases, sizes = rng.uniform(0, 2 * np.pi, 11), rng.normal(size=11) / waves**1.3
        ridge = horizon + (1 - near) * (0.1 * np.sin(np.pi * x[:, None] * waves + phases) @ sizes - 0.1)
        hill = np.vstack([np.stack([x, ridge], axis=1), [[1, 1], [0, 1]]])
        sketch.add(hill, Surface(near * land + (1 - near) * haze, "foliage", 0.16 * near))
    for depth in np.sort(rng.uniform(0.05, 0.6, size=rng.integers(0, 9))):
        at, foot, size = rng.uniform(0, 1), horizon + depth * (1 - horizon), 0.15 + 0.6 * depth
        sketch.add(bar((at, foot), (at, foot - 0.6 * size), 0.07 * size), Surface(pick(rng, DARK), "grass", 0.2))
        spots = rng.normal([at, foot - 0.75 * size], 0.15 * size, size=(5, 2))
        crown = [ellipse(right, down, 0.2 * size, 0.17 * size) for right, down in spots]
        sketch.add(crown, Surface(pick(rng, LAND[:3]), "foliage", 0.3))


def draw_street(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw house fronts with rows of windows, side by side, behind a road."""
    sketch.begin(0.5, 0.5, places=1.0)
    sketch.add(rectangle(0, 0, 1, 1), Surface(pick(rng, SKY), "cloud", 0.08))
    foot, edges = rng.uniform(0.6, 0.8), np.linspace(0, 1, rng.integers(3, 7))
    for left, right in pairwise(edges):
        wide, tall = (right - left) / rng.integers(2, 5), (foot - rng.uniform(0.0, 0.4)) / rng.integers(3, 7)
        corners = [
            (x, y) for x in np.arange(left, right - 0.5 * wide, wide) for y in np.arange(foot - tall, 0.1, -tall)
        ]
        windows = [rectangle(x + 0.25 * wide, y + 0.2 * tall, x + 0.75 * wide, y + 0.7 * tall) for x, y in corners]
        sketch.add(rectangle(left, corners[-1][1] - 0.05, right, foot), Surface(pick(rng, STONE), "water", 0.12))
        sketch.add(windows, Surface(pick(rng, DARK), "cloud", 0.15))
    sketch.add(rectangle(0, foot, 1, 1), Surface(pick(rng, STONE), "foliage", 0.1))
    middle = rng.uniform(0.3, 0.7)
    sketch.add(
        np.array([[middle, foot], [middle, foot], [1.2, 1], [-0.2, 1]]), Surface(pick(rng, DARK) + 0.2, "foliage")
    )


def draw_room(sketch: Sketch, rng: np.random.Generator) -> None:
    """Draw the walls, floor and ceiling of a room, and what stands and hangs in it."""
    sketch.begin(0.5, 0.5, places=1.0)
    left, right = rng.uniform(0.05, 0.35), rng.uniform(0.65, 0.95)
    top, bottom = rng.uniform(0.03, 0.2), rng.uniform(0.55, 0.75)
    wall = pick(rng, WALLS)
    sketch.add(rectangle(0, 0, 1, 1), Surface(np.minimum(1.1 * wall, 0.95)))
    sketch.add(rectangle(left, top, right, bottom), Surface(wall))
    for edge, corner, shade in ((0, left, 0.75), (1, right, 0.9)):
        sketch.add(np.array([[edge, 0], [corner, top], [corner, bottom], [edge, 1]]), Surface(shade * wall))
    floor = np.array([[left, bottom], [right, bottom], [1.0, 1.0], [0.0, 1.0]])
    sketch.add(floor, Surface(pick(rng, STONE), "water", 0.14))
    for _ in range(rng.integers(3, 7)):
        wide, high = rng.uniform(0.1, 0.3), rng.uniform(0.1, 0.25)
        x, y = rng.uniform(left, right - wide), rng.uniform(top, 0.95 - high)
        sketch.add(rectangle(x, y, x + wide, y + high), Surface(pick(rng, WALLS), "grass", 0.1))
        inner = rectangle(x + 0.015, y + 0.015, x + wide - 0.015, y + high - 0.015)
        sketch.add(inner, Surface(pick(rng, ANYTHING), "cloud", 0.2))
